/* job_strikes.h - payloads that have ended a job process or used up its time: how often in a row,
 * so that one that did so handler_strikes times is answered unrun.
 *
 * A strike is counted when a process has ended, or been ended, with the job in hand, and is void
 * once the same payload is answered.  Others (faktory#99) count it when a job starts, for there
 * the process that counts may die of the job.  Here foreign code never runs in a worker: the worker
 * outlives the process that the job ends and tells its master of it (JOB_MSG_STRIKE), and a worker
 * that is killed itself says nothing of the jobs that its processes had in hand.
 *
 * The master alone has the truth: for which client, when, why.  It publishes a view (shm.h) that
 * workers cannot write, one word a payload; a payload's words are in one set of a table, so that
 * one is found by looking at one cache line.  A word is stored whole: a reader finds the old or the
 * new one, and what it may miss for a moment is run once more.  The table is bounded: in a set that
 * is full the one whose last strike is the oldest leaves.
 *
 * A payload is known by a fingerprint, SipHash of policy and payload as they stand in the request,
 * under a key that is drawn at the start: after an upgrade or a restart nothing is struck. */
#ifndef POLICYPOOL_JOB_STRIKES_H
#define POLICYPOOL_JOB_STRIKES_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "job_msg.h"
#include "packet.h"
#include "span.h"

enum { JOB_STRIKES_WAYS = 8, JOB_STRIKES_SETS = 128 };

enum job_strikes_standing {
	JOB_STRIKES_NONE,
	JOB_STRIKES_SOME, /* to be run; when it is answered the master is to be told: clear */
	JOB_STRIKES_OUT	  /* to be answered unrun */
};

struct job_strikes;

/* Seen by every child forked later.  NULL with errno. */
struct job_strikes *job_strikes_new(void);
/* NULL is fine. */
void job_strikes_free(struct job_strikes *);

/* ---- a worker, and the master ---- */

/* Nothing is struck: no fingerprint needs to be made. */
bool job_strikes_is_empty(const struct job_strikes *);
/* Never 0.  payload: decoded, so that no other spelling passes for another one. */
uint64_t job_strikes_fingerprint(const struct job_strikes *, struct span policy,
				 struct span payload);
enum job_strikes_standing job_strikes_standing(const struct job_strikes *, uint64_t fingerprint);

/* ---- the master ---- */

/* limit: strikes that are one too many, 0: none is counted; ms: how long after its last strike a
 * payload is remembered.  All that are known are judged anew. */
void job_strikes_set(struct job_strikes *, unsigned limit, uint64_t ms);

struct job_strike {
	uint64_t fingerprint; /* 0: free */
	unsigned count;
	uint64_t first, last;		/* clock_ms() */
	enum job_end end;		/* of the last */
	char client[PACKET_ID_MAX + 1]; /* srcid of the last */
	bool out;
};

/* One more; the payload's count, 0 when none is counted. */
unsigned job_strikes_add(struct job_strikes *, uint64_t fingerprint, enum job_end,
			 const char *client, uint64_t now);
/* Void: false when none was known. */
bool job_strikes_clear(struct job_strikes *, uint64_t fingerprint);
/* How many were. */
unsigned job_strikes_clear_all(struct job_strikes *);
/* Forgets what is old at clock_ms() now; to be called every now and then. */
void job_strikes_expire(struct job_strikes *, uint64_t now);

/* All of them one after the other: *at is 0 first.  NULL: there are no more. */
const struct job_strike *job_strikes_next(const struct job_strikes *, unsigned *at);

/* As 16 hex digits; from them, false where the text is none. */
enum { JOB_STRIKES_TEXT = 17 };
const char *job_strikes_text(uint64_t fingerprint, char out[JOB_STRIKES_TEXT]);
MUST_CHECK bool job_strikes_parse(const char *text, uint64_t *fingerprint);

#endif
