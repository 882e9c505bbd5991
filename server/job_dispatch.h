/* job_dispatch.h - a worker's side of job processes: requests wait in one queue, an idle process
 * takes the first, its answer is judged, and what happens to it meanwhile is decided:
 *
 *   answers          the request is answered; with an error or busy, so is the asker
 *   ends, too slow   the payload is to blame: the asker gets an error, the master is told of a
 *                    strike; five payloads in a row open a circuit breaker (job_breaker.h)
 *   no answer        the process is to blame and is ended: another gets the job, once, where jobs
 *                    may be repeated; otherwise the asker gets an error.  Of two processes in turn
 *                    it is the payload's doing, as above, and so where it happens
 *                    again (job_suspects.h)
 *   has not read it  another process gets it: it was not run
 *
 * The same payload has no more processes at once than it may (job_share.h): what is more is held,
 * and others go before, until one of it is answered, or has taken unusually long: then it is
 * refused.
 *
 * One job is in hand of a process.  Its clock runs from when it was written.
 *
 *   DOWN -> STARTING    both pipes have come from the master, job 0 is asked
 *   STARTING -> IDLE    it has answered
 *   IDLE <-> BUSY       a job is in hand
 *   any -> ENDING       it has closed a pipe: why, the master will know in a moment
 *   any -> DOWN         it has ended, or the master was asked to kill it
 *
 * Only the master forks and kills: job_msg.h.  Nothing here waits. */
#ifndef POLICYPOOL_JOB_DISPATCH_H
#define POLICYPOOL_JOB_DISPATCH_H

#include <event2/event.h>
#include <stdbool.h>

#include "compiler.h"
#include "handler_conf.h"
#include "job_msg.h"
#include "job_stats.h"
#include "job_strikes.h"
#include "job_task.h"

struct job_dispatch;

/* What became of a request. */
struct job_result {
	enum job_stats_outcome outcome;
	struct span payload;   /* DONE: decoded */
	bool base64;	       /* DONE: it stands for bytes */
	enum packet_code code; /* all others: of the error to the peer */
	const char *why;
	unsigned retry_after; /* ms; 0: none is told */
};

struct job_dispatch_ops {
	/* The task is the asker's again, not abandoned; *result borrows until return. */
	void (*done)(void *ctx, struct job_task *, const struct job_result *result);
	/* For the master. */
	void (*send)(void *ctx, const struct job_msg *);
	/* All processes have answered job 0: told once. */
	void (*ready)(void *ctx);
	/* No job is in hand any more.  May be told anew. */
	void (*idle)(void *ctx);
};

struct job_dispatch_conf {
	const struct handler_conf *handler; /* borrowed, as all here */
	const char *policy;
	const struct job_stats *stats;
	unsigned slot;	  /* of the worker, in stats */
	unsigned workers; /* of the server */
	bool siblings;	  /* what this one declines goes to another */
	const struct job_strikes *strikes;
};

/* NULL on ENOMEM. */
struct job_dispatch *job_dispatch_new(struct event_base *, const struct job_dispatch_conf *,
				      const struct job_dispatch_ops *, void *ctx);
/* Closes all pipes.  Tasks are not answered: those whose owners are gone are freed, all others must
 * have been abandoned before.  NULL is fine. */
void job_dispatch_free(struct job_dispatch *);

/* From the master, both judged by job_msg_read(): an end of a process's pipe, which is taken over;
 * anything else. */
void job_dispatch_take_pipe(struct job_dispatch *, const struct job_msg *, int fd);
void job_dispatch_hear(struct job_dispatch *, const struct job_msg *);

/* NULL on ENOMEM.  payload: bytes, decoded. */
struct job_task *job_dispatch_task(struct job_dispatch *, const struct handler_request *,
				   size_t payload);
/* With an owner.  It is answered by done(), perhaps before this returns. */
void job_dispatch_submit(struct job_dispatch *, struct job_task *);
/* The asker has left: what is not begun is dropped, what is goes on, its answer is not wanted. */
void job_dispatch_abandon(struct job_dispatch *, struct job_task *);
/* Could a job be run?  Otherwise *result says what a probe is answered. */
bool job_dispatch_probe(struct job_dispatch *, struct job_result *result);

/* What waits is answered shutting-down, and whatever comes. */
void job_dispatch_shut_down(struct job_dispatch *);
/* May jobs be repeated, by the settings or by what all processes say? */
bool job_dispatch_is_repeatable(const struct job_dispatch *);
/* Processes with a job in hand. */
unsigned job_dispatch_busy(const struct job_dispatch *);

#endif
