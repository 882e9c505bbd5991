/* backoff.h - growing, jittered pauses between tries. */
#ifndef POLICYPOOL_BACKOFF_H
#define POLICYPOOL_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t min, max; /* milliseconds, 0 < min <= max */
	uint32_t tries;	   /* failures in a row */
};

/* Success: the next pause is short again. */
void backoff_reset(struct backoff *);

/* Counts one more failure and returns the pause in ms: min doubled per earlier failure,
 * capped at max, times a factor in [0.5, 1).  random is 32 uniform bits. */
uint32_t backoff_next(struct backoff *, uint32_t random);

/* 32 uniform bits from the kernel; poorer ones, fit for jitter still, when it has none.
 */
uint32_t backoff_random(void);

#endif
