/* job_breaker.h - a circuit breaker: of a handler that fails at everything, so that requests go to
 * another server.
 *
 * It opens when so many jobs in a row have failed, all of different payloads, and none was answered
 * for JOB_BREAKER_STILL: one client whose payloads are all sick does not open it while others are
 * answered.  Then one job a backoff is a trial; so is, now and then, that of a client none of whose
 * jobs failed lately, for a client that goes on with sick payloads would have all other trials.
 * Whatever is answered closes it.  Pure. */
#ifndef POLICYPOOL_JOB_BREAKER_H
#define POLICYPOOL_JOB_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "backoff.h"
#include "compiler.h"

enum { JOB_BREAKER_FAILURES = 5 };
enum { /* ms */
       JOB_BREAKER_STILL = 1000,
       JOB_BREAKER_MIN = 500,
       JOB_BREAKER_MAX = 15000
};

/* Fingerprints; client: of the srcid. */
struct job_breaker_job {
	uint64_t payload, client;
};

enum job_breaker_trial {
	JOB_BREAKER_NO_TRIAL,
	JOB_BREAKER_IN_TURN,   /* that of the backoff */
	JOB_BREAKER_NEW_CLIENT /* that of a client none of whose jobs failed lately */
};

/* All zero at first. */
struct job_breaker {
	bool open;
	bool under_way[JOB_BREAKER_NEW_CLIENT + 1]; /* a trial of that kind */
	uint64_t until;				    /* no trial in turn before; clock_ms() */
	uint64_t admitted;			    /* the last of a new client; 0: none */
	uint64_t fine;				    /* when one was answered last; 0: none yet */
	struct backoff pause;
	unsigned n;					     /* of failed, the oldest first */
	struct job_breaker_job failed[JOB_BREAKER_FAILURES]; /* since one was answered */
};

/* May a job of that client run?  *trial: as what; tell how that ends.  False: *wait is in how many
 * ms the next trial is. */
MUST_CHECK bool job_breaker_ask(struct job_breaker *, uint64_t client, uint64_t now,
				enum job_breaker_trial *trial, unsigned *wait);

/* A job failed.  random: 32 uniform bits.  True: it has just opened. */
bool job_breaker_failed(struct job_breaker *, const struct job_breaker_job *,
			enum job_breaker_trial, uint64_t now, uint32_t random);
/* A job was answered.  True: it has just closed. */
bool job_breaker_fine(struct job_breaker *, uint64_t now);
/* The trial has not been run after all. */
void job_breaker_untried(struct job_breaker *, enum job_breaker_trial);

#endif
