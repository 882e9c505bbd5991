/* log_rate.h - the rate limit of log lines: a token bucket (GCRA) for each kind, which is a message
 * at a level.  Pure.  For log.c alone. */
#ifndef POLICYPOOL_LOG_RATE_H
#define POLICYPOOL_LOG_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOG_RATE_KINDS = 64, /* further ones share the last bucket */
	LOG_RATE_BURST = 200 /* lines at once, after a while without any */
};

struct log_rate_kind {
	const char *msg; /* a constant, known by its address; NULL: free */
	int level;
	uint64_t arrival;	  /* us: when the bucket is full again */
	unsigned long suppressed; /* since the last that was told */
};

struct log_rate {
	unsigned per_second; /* 0: no limit */
	struct log_rate_kind kind[LOG_RATE_KINDS];
};

/* Whether one is told now; *suppressed is then how many before it were not. */
bool log_rate_admits(struct log_rate *, const char *msg, int level, uint64_t now_us,
		     unsigned long *suppressed);

/* The next kind, from *at on, of which lines were suppressed and one may be told again: its count
 * is *suppressed and 0 afterwards.  NULL: no further one. */
const struct log_rate_kind *log_rate_next(struct log_rate *, size_t *at, uint64_t now_us,
					  unsigned long *suppressed);

#endif
