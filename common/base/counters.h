/* counters.h - counters in shared memory (shm.h): a row a worker, in it a cell a subject (a server,
 * a policy, or the worker itself), each written by that worker alone and by the master once the
 * worker is dead.
 *
 * A table of counters is an X-macro of a line a counter.  Its struct, how cells are added up,
 * folded and forgotten, what ppool-ctl's JSON (status.h) and Prometheus (prometheus.h) tell of
 * them follow from it:
 *
 *	#define FRUIT(X, A)                                              \
 *		X(COUNTER, eaten, "eaten", "eaten_total", "Fruit eaten.") \
 *		A(COUNTER, rotten, KINDS, "rotten", "rotten_total", "Fruit lost.", "kind",
 *kind_text) COUNTERS_DECLARE(fruit, FRUIT);                 in the header COUNTERS_DEFINE(fruit,
 *FRUIT);                  in the source
 *
 * A(...) is an array, by a label.  No key: not in JSON; no name of a metric: not in Prometheus.
 * Every word is stored whole: a worker that is killed leaves old values or new ones.  What a worker
 * has written is a stranger's word: it is bounded when read, and sums saturate. */
#ifndef POLICYPOOL_COUNTERS_H
#define POLICYPOOL_COUNTERS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "shm.h"

enum counter_kind {
	COUNTER,	 /* of what has happened: outlives its worker */
	COUNTER_SPARSE,	 /* the same; JSON leaves zeros out */
	COUNTER_LATENCY, /* COUNTERS_LATENCY words of counters_latency(), the same; not in JSON */
	COUNTER_MAX,	 /* the most that there ever was in a worker; outlives it */
	COUNTER_GAUGE,	 /* of what is now: ends with its worker, and stays when forgotten */
	COUNTER_INSTANT	 /* in clock_ms(), of which the latest counts; ends with its worker */
};

struct counters_field {
	enum counter_kind kind;
	unsigned n; /* words */
	const char *key, *metric, *help;
	const char *label;		 /* of an array, and its value for each: */
	const char *(*text)(unsigned i); /* NULL: not told */
};

struct counters_type {
	const struct counters_field *field;
	unsigned fields;
	size_t bytes; /* of a cell */
};

#define COUNTERS_WORD(kind, name, ...)		      _Atomic uint64_t name;
#define COUNTERS_WORDS(kind, name, n, ...)	      _Atomic uint64_t name[n];
#define COUNTERS_FIELD(kind, name, key, metric, help) {kind, 1, key, metric, help, NULL, NULL},
#define COUNTERS_FIELDS(kind, name, n, key, metric, help, label, text) \
	{kind, n, key, metric, help, label, text},

#define COUNTERS_DECLARE(tag, TABLE)                 \
	struct tag {                                 \
		TABLE(COUNTERS_WORD, COUNTERS_WORDS) \
	};                                           \
	extern const struct counters_type tag##_type
#define COUNTERS_DEFINE(tag, TABLE)                          \
	static const struct counters_field tag##_field[] = { \
		TABLE(COUNTERS_FIELD, COUNTERS_FIELDS)};     \
	const struct counters_type tag##_type = {            \
		tag##_field, sizeof tag##_field / sizeof *tag##_field, sizeof(struct tag)}

struct counters {
	const struct counters_type *type;
	unsigned workers, columns;
	size_t bytes; /* of a cell */
	size_t marks; /* bytes of a row before its cells: a bit a column, see counters_used() */
	struct shm_rows rows;
	const char *read; /* the rows, where this process reads them */
	void *nothing;	  /* a cell, all zero */
	char *dead;	  /* a row: what the dead have counted; the master's alone */
	bool *told;	  /* a column: the dead have counted something there */
};

/* All zero; shared with every child forked later.  NULL with errno. */
struct counters *counters_new(const struct counters_type *, unsigned workers, unsigned columns);
void counters_free(struct counters *);

/* In a worker, first of all: it can write its own cells alone.  0, or -1 with errno. */
MUST_CHECK int counters_enter(struct counters *, unsigned worker);

/* Has the worker ever asked for its cell?  Otherwise nothing is there, and is not looked at: a page
 * of shared memory that is only read is in memory from then on. */
static inline bool
counters_used(const struct counters *c, unsigned worker, unsigned column)
{
	const char *row = c->read + worker * c->rows.stride;
	const _Atomic uint64_t *mark = (const _Atomic uint64_t *)(const void *)row + column / 64;

	assert(worker < c->workers && column < c->columns);
	return (atomic_load_explicit(mark, memory_order_relaxed) >> column % 64 & 1) != 0;
}

/* Marks it as used, all zero. */
void counters_use(const struct counters *, unsigned worker, unsigned column);

/* For its writer. */
static inline void *
counters_own(const struct counters *c, unsigned worker, unsigned column)
{
	if (!counters_used(c, worker, column))
		counters_use(c, worker, column);
	return (char *)shm_own_row(&c->rows, worker) + c->marks + column * c->bytes;
}

/* For all others, for the moment, which read it by counter_told(): all zero where it is not used.
 */
static inline const void *
counters_cell(const struct counters *c, unsigned worker, unsigned column)
{
	if (!counters_used(c, worker, column))
		return c->nothing;
	return c->read + worker * c->rows.stride + c->marks + column * c->bytes;
}

/* ---- the master ---- */

/* What dead workers have counted. */
const void *counters_dead(const struct counters *, unsigned column);

/* The worker is dead: what outlives it is kept, all else is 0.  end: columns are below. */
void counters_fold(struct counters *, unsigned worker, unsigned end);

/* Another subject begins at this column.  Gauges stay: the worker that has what they count will
 * take it away. */
void counters_forget(struct counters *, unsigned column);

/* All workers' cells of a column, dead ones too, made one; or one field of it alone. */
void counters_sum(const struct counters *, unsigned column, void *out);
void counters_sum_field(const struct counters *, const struct counters_field *, unsigned column,
			void *out);

/* Adds another sum's counters, or takes them away, to 0 at least; all else stays. */
void counters_plus(const struct counters_type *, void *into, const void *);
void counters_minus(const struct counters_type *, void *from, const void *);

/* The words of a field in a cell. */
const _Atomic uint64_t *counters_words(const struct counters_type *, const struct counters_field *,
				       const void *cell);

/* ---- words ---- */

/* One writer a word: a relaxed load and store, no locked instruction. */
static inline void
counter_set(_Atomic uint64_t *word, uint64_t v)
{
	atomic_store_explicit(word, v, memory_order_relaxed);
}

static inline uint64_t
counter_get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void
counter_add(_Atomic uint64_t *word, uint64_t n)
{
	counter_set(word, counter_get(word) + n);
}

/* What another has written there: 0 where it can't be. */
static inline uint64_t
counter_told(const _Atomic uint64_t *word)
{
	return shm_count(counter_get(word));
}

/* What is now, and the most that there was. */
static inline void
counter_gauge(_Atomic uint64_t *now, _Atomic uint64_t *max, uint64_t value)
{
	counter_set(now, value);
	if (value > counter_get(max))
		counter_set(max, value);
}

/* ---- latencies ---- */

/* The sum of all in us, then how many there were by quarter octaves up to 2^32 us. */
enum { COUNTERS_BUCKETS = 4 * 32, COUNTERS_LATENCY = 1 + COUNTERS_BUCKETS };

/* The words' writer alone. */
void counters_latency(_Atomic uint64_t *latency, uint64_t us);

static inline uint64_t
counters_bucket(const _Atomic uint64_t *latency, unsigned bucket)
{
	return counter_get(&latency[1 + bucket]);
}

/* The largest time in us that falls into a bucket; powers of 2 are among them. */
uint64_t counters_bucket_top(unsigned bucket);

/* The time in us at or below which a share q of all were; 0 when there is none. */
uint64_t counters_quantile(const _Atomic uint64_t *latency, double q);

#endif
