/* relay.h - a request's way from the client's packet to its answer: queue, server, retry, clocks.
 *
 *   relay_submit -> queue of its policy -> upstream -> on_answer
 *                         ^                   |
 *                         +--- lost, tries left, within the retry budget (retry.h)
 *
 * A request waits in its policy's queue, not at a server: whoever has room first takes it. */
#ifndef POLICYPOOL_RELAY_H
#define POLICYPOOL_RELAY_H

#include "explain.h"
#include "request.h"
#include "upstream.h"

struct relay;

struct relay_ops {
	/* Its state is ANSWERED now, the answer in it, unless `reply` is given: then that is the
	 * answer, borrowed until return, to be sent as it is.  server: who replied, NULL for our
	 * own errors. */
	void (*on_answer)(struct request *, const struct registry_server *server, struct span reply,
			  void *ctx);
	/* The twin takes its place in the client's order: what a server still has is nobody's any
	 * more. */
	void (*on_replace)(struct request *, struct request *twin, void *ctx);
	/* A server failed, see upstream.h. */
	void (*on_incident)(unsigned server, uint64_t incarnation, enum incident_cause, void *ctx);
	/* For the narration: it is being sent to a server. */
	void (*on_forward)(const struct request *, const struct registry_server *, void *ctx);
};

struct relay_env {
	struct event_base *base; /* borrowed, all of them */
	struct upstream_env upstream;
	struct registry *registry;
};

/* NULL on ENOMEM. */
struct relay *relay_new(const struct relay_env *, const struct relay_ops *, void *ctx);
void relay_free(struct relay *);

/* Takes a request whose packet that is, a policy in it; on_answer follows, maybe before the return.
 */
void relay_submit(struct relay *, struct request *, const struct packet *);

/* The client has gone: a queued request is freed, one in flight when it comes back. */
void relay_forget(struct relay *, struct request *);

/* The registry has changed, a permit was handed over, or time has passed: look around. */
void relay_look(struct relay *);

/* Whom a request for that policy would go to now, and what of the others; rows has room for as many
 * as there are servers.  Their number, or -1 for a policy that nobody ever served. */
int relay_explain(struct relay *, struct span policy, struct span key, struct explain_row *rows);

unsigned relay_pending(const struct relay *); /* queued and in flight */
unsigned relay_in_flight(const struct relay *);

#endif
