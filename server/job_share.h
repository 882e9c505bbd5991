/* job_share.h - how many of a server's job processes one payload may have in hand at once, so that
 * many requests with the same payload, of which each hangs, leave processes to others.
 *
 * Every worker publishes which payload each of its processes has in hand, and since when, and which
 * payloads were answered lately; all read what the others have published, and take it for no more
 * than a hint: a worker that was taken over can make payloads wait or be refused, or lift that.
 *
 * A payload that was answered lately may have all processes.  Any other one has at most half of a
 * worker's and half of the server's, and at least one; one with strikes (job_strikes.h) has one.
 * Two workers that begin at the same moment may come to one more.  Payloads are known by
 * numbers, of which the lowest bit is 0; and 0 is none. */
#ifndef POLICYPOOL_JOB_SHARE_H
#define POLICYPOOL_JOB_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "job_stats.h"

/* A worker's part of it. */
struct job_share {
	const struct job_stats *stats; /* borrowed */
	unsigned slot;		       /* its own row */
	unsigned workers, processes;   /* of the server; of each */
};

enum job_share_verdict {
	JOB_SHARE_RUN,
	JOB_SHARE_WAIT,	 /* until one of them is answered */
	JOB_SHARE_REFUSE /* one of them has been in hand for longer than patience */
};

/* What a payload is asked for with. */
struct job_share_ask {
	uint64_t payload;  /* its fingerprint */
	bool struck;	   /* it has strikes */
	uint64_t now;	   /* clock_ms() */
	uint64_t patience; /* ms */
};

/* May one more process be given it?  *age: ms that the oldest of its jobs has been in hand. */
enum job_share_verdict job_share_ask(const struct job_share *, const struct job_share_ask *,
				     uint64_t *age);
/* The same, and where it is RUN that process of this worker has it from now on. */
enum job_share_verdict job_share_take(const struct job_share *, const struct job_share_ask *,
				      unsigned number, uint64_t *age);
/* That process has none any more. */
void job_share_give_back(const struct job_share *, unsigned number);

/* It was answered; a process ended of it, or it took too long. */
void job_share_answered(const struct job_share *, uint64_t payload);
void job_share_failed(const struct job_share *, uint64_t payload);

#endif
