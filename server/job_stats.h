/* job_stats.h - what is counted of jobs: by each worker in shared memory (counters.h), a row a
 * worker and a cell a job process, and by the master for itself, of the processes' lives.
 *
 * Number counts a worker's job processes from 0, see job_msg.h. */
#ifndef POLICYPOOL_JOB_STATS_H
#define POLICYPOOL_JOB_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "counters.h"
#include "job_msg.h"
#include "span.h"

/* What became of a job; each that a peer asked for is counted once, when it is answered.  Probes
 * are none. */
#define JOB_OUTCOMES(X)                                                                      \
	X(JOB_OUTCOME_DONE, "done")	    /* the handler answered */                       \
	X(JOB_OUTCOME_REFUSED, "refused")   /* it answered with an error */                  \
	X(JOB_OUTCOME_FAILED, "failed")	    /* its process ended */                          \
	X(JOB_OUTCOME_TIMEOUT, "timeout")   /* it took longer than job_timeout */            \
	X(JOB_OUTCOME_BUSY, "busy")	    /* not run: the handler said so, or no room */   \
	X(JOB_OUTCOME_PROTOCOL, "protocol") /* what came was no answer of this job, twice */ \
	X(JOB_OUTCOME_STRUCK, "struck")	    /* not run: handler_strikes */

#define JOB_OUTCOME_ENUM(name, text) name,
enum job_stats_outcome { JOB_OUTCOMES(JOB_OUTCOME_ENUM) JOB_OUTCOME_COUNT };
#undef JOB_OUTCOME_ENUM

const char *job_outcome_text(unsigned outcome);

#define JOB_STATS(X, A)                                                                     \
	A(COUNTER, outcome, JOB_OUTCOME_COUNT, "jobs", "jobs_total", "Jobs, by outcome.",   \
	  "outcome", job_outcome_text)                                                      \
	A(COUNTER_LATENCY, latency, COUNTERS_LATENCY, NULL, "job_seconds",                  \
	  "Time from handing a job to a process to its answer, or to its end.", NULL, NULL) \
	X(COUNTER_GAUGE, queued, "job_queue", "job_queue", "Jobs that wait for a process.") \
	X(COUNTER_MAX, queued_max, "job_queue_max", NULL, NULL)                             \
	X(COUNTER_GAUGE, spare, NULL, NULL, NULL) /* processes that are idle: job_yield.c */

/* Of a process, in its present life.  began is clock_ms() when the job in hand was given to it, 0:
 * none; client that job's srcid, cut, its bytes as words. */
enum { JOB_STATS_CLIENT = 64 };
#define JOB_STATS_CELL(X, A)                        \
	X(COUNTER_GAUGE, jobs, NULL, NULL, NULL)    \
	X(COUNTER_INSTANT, began, NULL, NULL, NULL) \
	A(COUNTER_GAUGE, client, JOB_STATS_CLIENT / 8, NULL, NULL, NULL, NULL, NULL)

enum { JOB_STATS_PROCESSES = 64 }; /* of a worker, at most */

/* Of a worker: the fingerprint of the payload that each process has in hand, 0: none, since when in
 * clock_ms(), and payloads that were answered lately; see job_share.h. */
enum { JOB_STATS_ANSWERED = 256 };
#define JOB_STATS_PAYLOADS(X, A)                                                     \
	A(COUNTER_GAUGE, in_hand, JOB_STATS_PROCESSES, NULL, NULL, NULL, NULL, NULL) \
	A(COUNTER_INSTANT, since, JOB_STATS_PROCESSES, NULL, NULL, NULL, NULL, NULL) \
	A(COUNTER_GAUGE, answered, JOB_STATS_ANSWERED, NULL, NULL, NULL, NULL, NULL)

COUNTERS_DECLARE(job_stats_row, JOB_STATS);
COUNTERS_DECLARE(job_stats_cell, JOB_STATS_CELL);
COUNTERS_DECLARE(job_stats_payloads, JOB_STATS_PAYLOADS);

/* What the master knows of a process in a place; pid 0: there is none now. */
struct job_life {
	pid_t pid;
	uint64_t serial;
	uint64_t started;  /* clock_ms() */
	bool ready;	   /* it has answered job 0 */
	bool ending;	   /* it is to end, and gets no job any more */
	unsigned restarts; /* ends of processes in this place, but for those with their worker */
	int last_end;	   /* enum job_end, -1: none yet */
	int last_status;   /* its wait(2) status */
};

/* Whether a worker finds that its handler fails at everything, by JOB_MSG_FAILING. */
struct job_trouble {
	uint64_t since; /* clock_ms(); 0: it does not */
	char why[160];
};

struct job_stats {
	struct counters *rows;	   /* one column */
	struct counters *cells;	   /* by process */
	struct counters *payloads; /* one column */
	/* The master's alone. */
	struct job_life *life;	      /* workers times JOB_STATS_PROCESSES */
	struct job_trouble *trouble;  /* by worker */
	uint64_t ends[JOB_END_COUNT]; /* of all processes */
};

/* Shared with every child forked later.  NULL with errno. */
struct job_stats *job_stats_new(unsigned workers);
/* NULL is fine. */
void job_stats_free(struct job_stats *);

/* ---- a worker ---- */

/* First of all: it can write its own row alone.  0, or -1 with errno. */
MUST_CHECK int job_stats_enter(struct job_stats *, unsigned worker);

static inline struct job_stats_row *
job_stats_row(const struct job_stats *s, unsigned worker)
{
	return counters_own(s->rows, worker, 0);
}

static inline struct job_stats_cell *
job_stats_cell(const struct job_stats *s, unsigned worker, unsigned number)
{
	return counters_own(s->cells, worker, number);
}

/* Another process in that place: it has no job and has had none. */
void job_stats_fresh(struct job_stats_cell *);
/* It was given a job at clock_ms() now. */
void job_stats_begin(struct job_stats_cell *, struct span client, uint64_t now);
/* It has none any more. */
void job_stats_end(struct job_stats_cell *);

/* A job that no process has had any more: outcome alone; after one has: also the time it took. */
static inline void
job_stats_answered(struct job_stats_row *row, enum job_stats_outcome outcome)
{
	counter_add(&row->outcome[outcome], 1);
}

static inline void
job_stats_took(struct job_stats_row *row, uint64_t us)
{
	counters_latency(row->latency, us);
}

/* ---- the master ---- */

/* The worker is dead: its processes have no jobs, and nothing fails there. */
void job_stats_fold(struct job_stats *, unsigned worker);

static inline struct job_life *
job_stats_life(const struct job_stats *s, unsigned worker, unsigned number)
{
	assert(worker < s->rows->workers && number < JOB_STATS_PROCESSES);
	return &s->life[worker * JOB_STATS_PROCESSES + number];
}

/* A process was started there, answered job 0 (of the life with that serial), is to end, ended. */
void job_stats_started(struct job_stats *, unsigned worker, unsigned number, uint64_t serial, pid_t,
		       uint64_t now);
void job_stats_ready(struct job_stats *, unsigned worker, unsigned number, uint64_t serial);
void job_stats_ending(struct job_stats *, unsigned worker, unsigned number);
void job_stats_ended(struct job_stats *, unsigned worker, unsigned number, enum job_end,
		     int status);

/* What a worker says of its handler; why NULL: it does not fail, or not any more. */
void job_stats_failing(struct job_stats *, unsigned worker, const char *why, uint64_t now);
/* The worker whose handler fails for longest; NULL: none does. */
const struct job_trouble *job_stats_trouble(const struct job_stats *);

/* As its worker tells, as text that can be shown: the client of the last job that a process was
 * given; "-" where it has had none. */
enum { JOB_STATS_TEXT = 6 * JOB_STATS_CLIENT + 1 };
const char *job_stats_last_client(const struct job_stats *, unsigned worker, unsigned number,
				  char client[JOB_STATS_TEXT]);
/* The job that it has in hand, the same way: clock_ms() of its begin, not after now, and its
 * client; 0: none. */
uint64_t job_stats_in_hand(const struct job_stats *, unsigned worker, unsigned number, uint64_t now,
			   char client[JOB_STATS_TEXT]);

#endif
