/* dispatch.h - a request's way from the client's packet to its answer: queue, server, retries,
 * timeouts.
 *
 *   client_read.c    dispatch.c             upstream.c          upstream_conn.c
 *   on_packet -----> dispatch_submit -----> upstream_send ----> upstream_conn_send ---> server
 *                      |    ^   ^             (lb_select.h: which)
 *              no room |    |   | on_room, dispatch_tick
 *                      v    |   |
 *                    line of its policy <-- dispatch_wait.c --> parked (retry_budget.h)
 *                    (wait_queues.h)           ^    |
 *                          lost, tries left ---+    | refused, expired, no tries left
 *   client.c               |                        v
 *   client_answer <---- dispatch_answer <---- on_reply, on_lost <---- on_reply, on_end <--- server
 *   in the order of its requests: conn
 *
 *   state       list that it is in by `link`    leaves it by
 *   QUEUED      the line of its policy          line_take
 *   PARKED      the retry budget's              retry_budget_unpark
 *   IN_FLIGHT   its connection's                a reply, or the connection's end
 *   ANSWERED    none                            its client lets it go: dispatch_forget
 *
 * Each request that is taken ends once: in dispatch_answer().  One whose client has gone is freed
 * there.  Three tables of callbacks lead back: conn.h's, upstream.h's, and the one below.
 *
 * A request waits in its policy's queue, not at a server: the first with room takes it. */
#ifndef POLICYPOOL_DISPATCH_H
#define POLICYPOOL_DISPATCH_H

#include "request.h"
#include "upstream.h"
#include "worker_msg.h"

struct dispatch;

#define DISPATCH_ENDS "this proxy worker is about to end; connect anew" /* with shutting-down */

struct dispatch_ops {
	/* Its state is ANSWERED now, the answer in it, unless `reply` is given: then that is the
	 * answer, borrowed until return, to be sent as it is.  server: the id of the one that
	 * replied, NULL for our own errors. */
	void (*on_answer)(struct request *, const char *server, struct span reply, void *ctx);
	/* The clone takes its place in the client's order: what a server still has is nobody's any
	 * more. */
	void (*on_replace)(struct request *, struct request *clone, void *ctx);
	/* A server failed, see upstream.h. */
	void (*on_incident)(unsigned server, uint64_t incarnation, enum failure_cause, void *ctx);
};

struct dispatch_env {
	struct event_base *base; /* borrowed, all of them */
	struct upstream_env upstream;
	struct registry *registry;
};

/* NULL on ENOMEM. */
struct dispatch *dispatch_new(const struct dispatch_env *, const struct dispatch_ops *, void *ctx);
void dispatch_free(struct dispatch *);

/* Takes a request with its packet, which names a policy; on_answer follows, maybe before the
 * return.
 */
void dispatch_submit(struct dispatch *, struct request *, const struct packet *);

/* The client has gone: a queued request is freed, one in flight when it comes back. */
void dispatch_forget(struct dispatch *, struct request *);

/* The registry has changed, a permit was handed over, or time has passed: look around. */
void dispatch_tick(struct dispatch *);

/* Where a request for that policy would go now, and why not to the others; rows has room for as
 * many as there are servers.  Their number, or -1 for a policy that no server ever joined. */
int dispatch_explain(struct dispatch *, struct span policy, struct span key,
		     struct explain_row *rows);

/* The worker ends: answers what waits for a server and was not run, so that its client asks another
 * worker.  What a server has stays. */
void dispatch_send_away(struct dispatch *);

unsigned dispatch_pending(const struct dispatch *); /* queued and in flight */
unsigned dispatch_in_flight(const struct dispatch *);

#endif
