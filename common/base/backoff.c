/* backoff.c - see backoff.h. */
#include "backoff.h"

#include <assert.h>
#include <sys/random.h>

#include "clock.h"

void
backoff_reset(struct backoff *b)
{
	b->tries = 0;
}

/* Before jitter. */
static uint32_t
full_pause(const struct backoff *b)
{
	uint64_t doubled = b->tries < 32 ? (uint64_t)b->min << b->tries : UINT64_MAX;

	return doubled < b->max ? (uint32_t)doubled : b->max;
}

uint32_t
backoff_next(struct backoff *b, uint32_t random)
{
	uint32_t pause = full_pause(b), half = pause / 2;

	assert(0 < b->min && b->min <= b->max);
	if (b->tries < UINT32_MAX)
		b->tries++;
	return half + (uint32_t)((uint64_t)(pause - half) * random >> 32);
}

uint32_t
backoff_random(void)
{
	uint32_t r;

	if (getrandom(&r, sizeof r, GRND_NONBLOCK) != (ssize_t)sizeof r)
		r = (uint32_t)clock_us() * 2654435761u;
	return r;
}
