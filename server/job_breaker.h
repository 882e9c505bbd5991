/* job_breaker.h - a circuit breaker: of a handler that fails at everything, so that requests go to
 * another server.
 *
 * It opens when so many jobs in a row have failed, all of different payloads: one that is sick
 * itself does not count twice.  Then one job a backoff is a trial.  Whatever is answered closes it.
 * Pure. */
#ifndef POLICYPOOL_JOB_BREAKER_H
#define POLICYPOOL_JOB_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "backoff.h"
#include "compiler.h"

enum { JOB_BREAKER_FAILURES = 5, JOB_BREAKER_MIN = 500, JOB_BREAKER_MAX = 15000 /* ms */ };

/* All zero at first. */
struct job_breaker {
	bool open;
	bool trial;	/* one is under way */
	uint64_t until; /* no trial before; clock_ms() */
	struct backoff pause;
	unsigned n;
	uint64_t failed[JOB_BREAKER_FAILURES]; /* fingerprints of payloads, in a row */
};

enum job_breaker_verdict {
	JOB_BREAKER_RUN,
	JOB_BREAKER_TRIAL, /* the same; tell how it ends */
	JOB_BREAKER_REFUSE /* *wait: ms until the next trial */
};
enum job_breaker_verdict job_breaker_ask(struct job_breaker *, uint64_t now, unsigned *wait);

/* A job failed.  random: 32 uniform bits.  True: it has just opened. */
bool job_breaker_failed(struct job_breaker *, uint64_t fingerprint, bool trial, uint64_t now,
			uint32_t random);
/* A job was answered.  True: it has just closed. */
bool job_breaker_fine(struct job_breaker *);
/* The trial has not been run after all. */
void job_breaker_untried(struct job_breaker *);

#endif
