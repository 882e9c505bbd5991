/* prober.h - tries whether a server is well: connects to it, or sends it a real request whose
 * digest is known.  Never blocks; so many at once and no more; never a second connection to a
 * server that serves one at a time. */
#ifndef POLICYPOOL_PROBER_H
#define POLICYPOOL_PROBER_H

#include <event2/event.h>

#include "incident.h"
#include "permit.h"
#include "registry.h"
#include "settings.h"

enum prober_how { PROBER_OFF, PROBER_CONNECT, PROBER_REQUEST };

/* The names of these, ended by NULL. */
extern const char *const prober_words[];

enum { PROBER_MAX = 32 }; /* probes at once */

struct prober_env {
	struct event_base *base; /* borrowed, all of them */
	struct permits *permits;
	const struct proxy_conf *conf; /* its id is whose request a probe is */
	unsigned worker;	       /* as whom permits are taken */
	/* A probe has come to its end; passed, or cause tells. */
	void (*on_result)(unsigned server, uint64_t incarnation, enum prober_how, bool passed,
			  enum incident_cause, void *ctx);
	void *ctx;
};

struct prober;

/* NULL on ENOMEM. */
struct prober *prober_new(const struct prober_env *);
/* Gives up what is on its way; in a forked worker, too: the connections stay the master's. */
void prober_free(struct prober *);

/* Starts a probe; its end is told within timeout_ms, maybe before the return.  False when it can't
 * be started now: too many are on their way, or the server is busy with all that it takes. */
MUST_CHECK bool prober_start(struct prober *, const struct registry_server *, unsigned index,
			     const char *policy, enum prober_how, uint64_t timeout_ms);

#endif
