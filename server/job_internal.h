/* job_internal.h - the inside of job_dispatch.h, for the files that it is made of.  Calls go down
 * only:
 *
 *   job_dispatch.c   requests, events, messages and the clock; gives jobs to idle processes
 *   job_link.c       a process: its states, what it says, what becomes of its job
 *   job_reply.c      is what a handler says an answer?
 *   job_outcome.c    the queue; answers; strikes and the circuit breaker
 *   job_yield.c      what waits is left to another worker */
#ifndef POLICYPOOL_JOB_INTERNAL_H
#define POLICYPOOL_JOB_INTERNAL_H

#include <stdint.h>
#include <sys/queue.h>

#include "job_breaker.h"
#include "job_dispatch.h"
#include "job_line.h"
#include "job_pipe.h"
#include "job_share.h"
#include "job_suspects.h"
#include "timeout_list.h"

enum {
	JOB_SETTLE_MS = 100, /* the right answer after a wrong line comes within that, or not */
	JOB_ENDING_MS = 500, /* the master tells within that how a process ended, or it has not */
	JOB_DOWN_MS = 1000,  /* so long a job waits though no process is up */
	JOB_HOLD_MS = 5,     /* between looks at jobs that are held, or might be left to others */
	JOB_YIELD_MS = 20,   /* that a peer is told to wait where another worker goes on */
	JOB_WHY = 400	     /* bytes of a reason */
};

enum job_link_state { LINK_DOWN, LINK_STARTING, LINK_IDLE, LINK_BUSY, LINK_ENDING };

/* A job process as its worker knows it. */
struct job_link {
	struct job_dispatch *dispatch;
	unsigned number;
	enum job_link_state state;
	uint64_t serial;
	int given[2]; /* its standard input and output while only one has come; -1 */
	struct job_pipe pipe;
	struct job_task *task; /* in hand: BUSY, ENDING */
	uint64_t job;	       /* its number */
	uint64_t began;	       /* us */
	const char *accused;   /* what it has said that it should not; the job in hand's answer may
				  come */
	bool unread;	       /* ENDING: it has read nothing of the job in hand */
	bool repeatable;
	unsigned jobs, jobs_max; /* done; 0: it is never recycled */
	enum job_end retire;	 /* to be ended for that when it is idle; JOB_END_SELF: not */
	struct wait clock;
	LIST_ENTRY(job_link) link; /* IDLE */
};

struct job_dispatch {
	struct job_dispatch_conf conf;
	const struct job_dispatch_ops *ops;
	void *ctx;
	struct event_base *base;
	struct job_stats_row *row;
	struct job_link *links; /* conf.handler->processes */
	LIST_HEAD(job_links, job_link) idle;
	struct job_tasks waiting, held;
	unsigned queued, serving, busy; /* waiting; IDLE or BUSY; with a job in hand */
	unsigned held_n, idle_n;
	uint64_t held_look;  /* clock_ms() of the next look at these */
	uint64_t yield_look; /* the same, at whether others go on */
	struct job_share share;
	struct job_suspects suspects;
	bool ready, shut;
	uint64_t down_since; /* clock_ms(): since then no process could have a job; 0: one can */
	uint64_t number;     /* of the last job */
	uint64_t random;
	uint64_t mean_us; /* of a job that was answered, a running mean */
	struct job_breaker breaker;
	struct timeout_list starting, running, settling, ending; /* of links */
	struct event *tick;
	uint64_t due; /* clock_ms(): when it fires; 0: it does not */
	struct buf read, line, text,
		hello;	   /* scratches: read to, a line, an answer; job 0's line */
	char why[JOB_WHY]; /* of what is about to fail */
};

/* ---- job_link.c: job_dispatch_go() is to follow each ---- */

extern const struct job_pipe_ops job_link_ops;

/* Both ends of its pipes are there. */
void job_link_start(struct job_link *);
/* IDLE, with nothing to read. */
void job_link_give(struct job_link *, struct job_task *);
/* d->why says what happened to a life of which the master says nothing more. */
void job_link_forget(struct job_link *);
/* The master has reaped it. */
void job_link_ended(struct job_link *, const struct job_msg *);
void job_link_retire(struct job_link *, enum job_end);
/* It writes though nothing is asked. */
void job_link_unasked(struct job_link *, struct span line);
void job_link_line(struct job_link *, struct span line, bool more);
void job_link_too_long(struct job_link *);
void job_link_closed(struct job_link *);
/* Overdue: with the answer to job 0, with that of the job in hand, with what decides. */
void job_link_unready(struct job_link *, enum job_end, const char *why);
void job_link_overtime(struct job_link *);
void job_link_unsettled(struct job_link *);
void job_link_close(struct job_link *, enum job_link_state);

/* ---- job_reply.c ---- */

/* NULL, or why a line that answers job 0 does not mean that the process is ready; more: others
 * follow at once. */
const char *job_check_ready(struct job_dispatch *, struct span line, bool more, bool *repeatable,
			    enum job_end *);
/* NULL, or what is wrong with the text of an answer; *out is decoded. */
const char *job_check_reply(struct job_dispatch *, const struct job_answer *, struct span *out);

/* ---- job_outcome.c ---- */

/* 32 bits for jitter. */
uint32_t job_chance(struct job_dispatch *);
/* Of its srcid, keyed as that of a payload. */
uint64_t job_client_print(const struct job_dispatch *, const struct job_task *);
void job_because(struct job_dispatch *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A handler's own words. */
void job_because_it_says(struct job_dispatch *, struct span text);

void job_queue(struct job_dispatch *, struct job_task *, bool first);
void job_unqueue(struct job_dispatch *, struct job_task *);
/* May that idle process have it?  Otherwise it is held, or answered; NULL: only that is seen to. */
bool job_may_run(struct job_dispatch *, struct job_task *, const struct job_link *);

/* A task leaves by one of these. */
void job_answer(struct job_dispatch *, struct job_task *, const struct job_result *);
/* Not run. */
void job_turn_down(struct job_dispatch *, struct job_task *, enum packet_code, unsigned retry_after,
		   const char *why);
void job_refuse_all(struct job_dispatch *, enum packet_code, unsigned retry_after, const char *why);
/* d->why says why.  costly: its payload has cost a process, which is a strike. */
void job_fail(struct job_dispatch *, struct job_task *, enum job_stats_outcome, bool costly,
	      enum job_end);
/* Nobody waits for it any more. */
void job_drop(struct job_dispatch *, struct job_task *);

/* The handler has answered it, be it with an error: to be said before. */
void job_worked(struct job_dispatch *, struct job_task *, bool clean);
/* The process broke the protocol with the job in hand.  Is its payload to blame? */
bool job_is_to_blame(struct job_dispatch *, struct job_task *);
/* True where the payload has ended as many processes as it may: it is answered. */
bool job_is_struck_out(struct job_dispatch *, struct job_task *);

/* ---- job_yield.c ---- */

/* For the other workers: how many processes are idle. */
void job_yield_tell(const struct job_dispatch *);
/* clock_ms(): when what waits is to be left to others, if one of them goes on with jobs; 0: not yet
 * to be said.  And is it so now? */
uint64_t job_yield_at(const struct job_dispatch *);
bool job_yields(const struct job_dispatch *, uint64_t now);

#define JOB_YIELDS  "its job processes are held up, and those of another worker are not"
#define JOB_FAILING "the handler fails at everything: jobs in a row, of different payloads"

#endif
