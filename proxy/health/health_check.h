/* health_check.h - tries whether a server is well: connects to it, or sends it a real request whose
 * digest is known, or, where its job is no digest, one that it answers without running anything.
 * Never blocks; so many at once and no more; never a second connection to a
 * server that serves one at a time. */
#ifndef POLICYPOOL_HEALTH_CHECK_H
#define POLICYPOOL_HEALTH_CHECK_H

#include <event2/event.h>

#include "conn_limit.h"
#include "failure_cause.h"
#include "proxy_conf.h"
#include "registry.h"

enum health_check_how { HEALTH_CHECK_OFF, HEALTH_CHECK_CONNECT, HEALTH_CHECK_REQUEST };

/* The names of these, ended by NULL. */
extern const char *const health_check_words[];

enum { HEALTH_CHECK_MAX = 256 }; /* probes at once: many dead servers must not hold up the living */

struct health_check_env {
	struct event_base *base; /* borrowed, all of them */
	struct permits *permits;
	/* The settings in force, borrowed for the moment: their id is whose request a probe is. */
	const struct proxy_conf *(*conf)(void *ctx);
	unsigned worker; /* that the permits count for */
	/* A probe has come to its end; passed, or cause tells. */
	void (*on_result)(unsigned server, uint64_t incarnation, enum health_check_how, bool passed,
			  enum failure_cause, void *ctx);
	void *ctx;
};

struct health_check;

/* NULL on ENOMEM. */
struct health_check *health_check_new(const struct health_check_env *);
/* Gives up what is on its way; in a forked worker, too: the connections stay the master's. */
void health_check_free(struct health_check *);

/* From time to time: gives up probes, without a result (CAUSE_SHORTAGE), that take long at a server
 * whose connections are all taken by them while a worker has a request for it. */
void health_check_yield(struct health_check *);

/* Starts a probe, a request with that payload (request_probe_payload()) where it is one; its end
 * is told within timeout_ms, maybe before the return.  False when it can't
 * be started now: too many are on their way, or the server is busy with all that it takes. */
MUST_CHECK bool health_check_start(struct health_check *, const struct registry_server *,
				   unsigned index, const char *policy, const char *payload,
				   enum health_check_how, uint64_t timeout_ms);

#endif
