/* histogram.c - see histogram.h. */
#include "histogram.h"

#include <stddef.h>

enum { SUB_BITS = 4, SUB = 1 << SUB_BITS }; /* buckets an octave */

static size_t
bucket_of(uint64_t value)
{
	unsigned octave;

	if (value < SUB)
		return (size_t)value;
	octave = 63 - (unsigned)__builtin_clzll(value) - SUB_BITS;
	if (octave >= HISTOGRAM_BUCKETS / SUB - 1)
		return HISTOGRAM_BUCKETS - 1;
	return (octave + 1) * SUB + (size_t)((value >> octave) & (SUB - 1));
}

/* The largest value that falls into bucket i; the last one also holds all that is beyond
 * the range. */
static uint64_t
bucket_top(size_t i)
{
	unsigned octave;

	if (i < SUB)
		return i;
	if (i == HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	octave = (unsigned)(i / SUB) - 1;
	return ((uint64_t)(SUB + i % SUB + 1) << octave) - 1;
}

void
histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	h->bucket[bucket_of(value)]++;
	if (value > h->max)
		h->max = value;
}

/* How many of count values make a share q, rounded up, at least one.  The slack keeps
 * 0.07 of 100, which is 7.000000000000001 in doubles, at 7. */
static uint64_t
rank_of(uint64_t count, double q)
{
	double exact = q * (double)count;
	uint64_t rank;

	if (!(exact > 1))
		return 1;
	if (exact >= (double)count)
		return count;
	rank = (uint64_t)exact;
	return exact - (double)rank > exact * 1e-14 ? rank + 1 : rank;
}

uint64_t
histogram_quantile(const struct histogram *h, double q)
{
	uint64_t rank, below = 0;

	if (h->count == 0)
		return 0;
	rank = rank_of(h->count, q);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += h->bucket[i];
		if (below >= rank)
			return bucket_top(i) < h->max ? bucket_top(i) : h->max;
	}
	return h->max;
}
