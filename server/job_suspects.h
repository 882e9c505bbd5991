/* job_suspects.h - payloads that a job process had as it broke the protocol, which were not
 * answered as they should be since.  Once may be due to the job before; that it is the payload's
 * doing is shown where it happens again.  Of two that share a place the later one is known: the
 * former is blamed one time later. */
#ifndef POLICYPOOL_JOB_SUSPECTS_H
#define POLICYPOOL_JOB_SUSPECTS_H

#include <stdbool.h>
#include <stdint.h>

enum { JOB_SUSPECTS = 64 };

/* Zeroed at first.  Payloads are known by numbers as those of job_share.h. */
struct job_suspects {
	uint64_t payload[JOB_SUSPECTS]; /* 0: none */
	unsigned n;			/* of them */
};

/* It happened with this payload.  Not for the first time? */
bool job_suspects_again(struct job_suspects *, uint64_t payload);
/* It was answered as it should be. */
void job_suspects_clear(struct job_suspects *, uint64_t payload);

#endif
