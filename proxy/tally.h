/* tally.h - what workers count of each server, in shared memory: a cell a worker and server,
 * written by that worker alone. */
#ifndef POLICYPOOL_TALLY_H
#define POLICYPOOL_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Quarter octaves of microseconds up to 2^32. */
enum { TALLY_BUCKETS = 4 * 32 };

struct tally_cell {
	_Atomic uint64_t served, failed,
		retried; /* requests: replied, lost here, sent elsewhere after */
	_Atomic uint64_t in_flight, connections; /* now */
	_Atomic uint64_t reached_at;		 /* clock_ms(): last reply */
	_Atomic uint64_t latency_us;		 /* the sum of all, from sending to reply */
	_Atomic uint32_t latency[TALLY_BUCKETS]; /* replies, by that time */
};

struct tally;

/* Shared with every child forked later.  NULL with errno. */
struct tally *tally_new(unsigned workers, unsigned servers);
void tally_free(struct tally *);

struct tally_cell *tally_cell(struct tally *, unsigned worker, unsigned server);

/* The cell's writer alone. */
void tally_latency(struct tally_cell *, uint64_t us);

static inline void
tally_add(_Atomic uint64_t *word, int64_t n)
{
	atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + (uint64_t)n,
			      memory_order_relaxed);
}

static inline void
tally_set(_Atomic uint64_t *word, uint64_t v)
{
	atomic_store_explicit(word, v, memory_order_relaxed);
}

static inline uint64_t
tally_get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* The master: the worker is dead: its counters are kept, what it held is 0.  end: servers are
 * below. */
void tally_fold(struct tally *, unsigned worker, unsigned end);

/* The master: another server begins at this index.  What is in flight there and connected stays:
 * the worker that has it will take it away. */
void tally_forget(struct tally *, unsigned server);

/* All workers' cells of one server added up; of instants the latest. */
void tally_sum(struct tally *, unsigned server, struct tally_cell *out);

/* Adds or takes away the counters of another cell; what is now, and instants, stay. */
void tally_plus(struct tally_cell *into, const struct tally_cell *);
void tally_less(struct tally_cell *from, const struct tally_cell *);

/* Requests in flight at a server, of all workers but one. */
uint32_t tally_in_flight(struct tally *, unsigned server, unsigned but_worker);

/* When any worker last had a reply of it, in clock_ms(); 0: none. */
uint64_t tally_reached(const struct tally *, unsigned server);

/* The largest time in us that falls into a bucket. */
uint64_t tally_bucket_top(unsigned bucket);

/* The time in us at or below which a share q of the replies came; 0 when there is none. */
uint64_t tally_quantile(const struct tally_cell *, double q);

#endif
