/* histogram.h - durations counted in log-linear buckets, each within 1/16 of its value.
 */
#ifndef POLICYPOOL_HISTOGRAM_H
#define POLICYPOOL_HISTOGRAM_H

#include <stdint.h>

/* Values 0..15 exactly, then 16 buckets an octave up to 2^40 (12 days in us). */
enum { HISTOGRAM_BUCKETS = 16 + 36 * 16 };

/* All zero is empty. */
struct histogram {
	uint64_t count, max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *, uint64_t value);
/* The value at or below which a share q (0..1) of all lies; never above the largest seen;
 * 0 if empty. */
uint64_t histogram_quantile(const struct histogram *, double q);

#endif
