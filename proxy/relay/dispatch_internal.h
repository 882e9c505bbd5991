/* dispatch_internal.h - internal to dispatch: dispatch.c (to a server and back), dispatch_wait.c
 * (what waits, and errors of ours), dispatch_hold.c (what servers have declined). */
#ifndef POLICYPOOL_DISPATCH_INTERNAL_H
#define POLICYPOOL_DISPATCH_INTERNAL_H

#include "dispatch.h"
#include "lb_select.h"
#include "retry_budget.h"
#include "wait_queues.h"

struct dispatch {
	struct dispatch_env env;
	const struct dispatch_ops *ops;
	void *ctx;
	struct registry_snapshot *roster;
	struct upstreams *upstreams;
	struct wait_queues *lines;
	struct worker_stats_row *meter;
	struct lb_select *chooser;
	struct retry_budget retry;
	struct event *tick;
};

/* What dispatch_wait.c has for dispatch.c. */

/* In clock_ms(), of this turn of the loop. */
uint64_t dispatch_now(const struct dispatch *);

/* The clock runs while anything is pending. */
void dispatch_keep_ticking(struct dispatch *);

/* The one end of a request that is taken: the answer goes to its client, or, where that has gone,
 * it is freed.  server and reply as for on_answer. */
void dispatch_answer(struct dispatch *, struct request *, const char *server, struct span reply);

/* Answers with an error of ours.  retry_after in ms; 0 leaves it out. */
void dispatch_refuse(struct dispatch *, struct request *, enum packet_code, const char *why,
		     unsigned retry_after);
void dispatch_fail(struct dispatch *, struct request *, enum packet_code, const char *why);

/* The policy's line.  What waits in it for another policy, which had the index, is answered. */
struct line *dispatch_line(struct dispatch *, const struct registry_snapshot_policy *);

/* A new request waits in that line.  False: it is answered that it can't. */
bool dispatch_wait(struct dispatch *, struct line *, struct request *, uint64_t now);

/* One that a server lost waits again, at the head, as since then (clock_ms()); or it is answered,
 * when that is too long ago.  why: what it waits for, or NULL. */
void dispatch_wait_again(struct dispatch *, struct request *, uint64_t since, const char *why);

/* It has waited for longer than it may: answered, if that is so. */
void dispatch_expire_one(struct dispatch *, struct request *);

/* Takes it out of whatever it waits in. */
void dispatch_leave_waiting(struct dispatch *, struct request *);

/* Answers those that have waited too long; those over their whole time, wherever they are. */
void dispatch_expire_waiting(struct dispatch *, uint64_t now);
void dispatch_expire_whole(struct dispatch *, uint64_t now);

/* ---- dispatch_hold.c ---- */

/* A server has declined it, and told when it may come again: it is held, or answered that too many
 * wait. */
void dispatch_hold(struct dispatch *, struct request *, const struct upstream_server *,
		   const char *why);

/* What has been held for its time waits in the line again, or is parked. */
void dispatch_release(struct dispatch *, uint64_t now);

#endif
