/* counters.c - see counters.h. */
#include "counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct counters *
counters_new(const struct counters_type *type, unsigned workers, unsigned columns)
{
	struct counters *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	*c = (struct counters){.type = type,
			       .workers = workers,
			       .columns = columns,
			       .bytes = type->bytes,
			       .marks = (columns + 511) / 512 * 64};
	c->dead = calloc(columns, type->bytes);
	c->told = calloc(columns, sizeof *c->told);
	c->nothing = calloc(1, type->bytes);
	/* Pages that no column reaches are never touched, hence never there. */
	if (c->dead != NULL && c->told != NULL && c->nothing != NULL &&
	    shm_rows_open(&c->rows, workers, c->marks + columns * type->bytes) == 0) {
		c->read = c->rows.own; /* one mapping of them is touched, not two */
		return c;
	}
	counters_free(c);
	errno = ENOMEM;
	return NULL;
}

void
counters_free(struct counters *c)
{
	if (c == NULL)
		return;
	shm_rows_close(&c->rows);
	free(c->dead);
	free(c->told);
	free(c->nothing);
	free(c);
}

int
counters_enter(struct counters *c, unsigned worker)
{
	c->read = c->rows.seen;
	return shm_rows_enter(&c->rows, worker);
}

static void *
writable(const struct counters *c, unsigned worker, unsigned column)
{
	return (char *)shm_own_row(&c->rows, worker) + c->marks + column * c->bytes;
}

static _Atomic uint64_t *
mark_of(const struct counters *c, unsigned worker, unsigned column)
{
	return (_Atomic uint64_t *)shm_own_row(&c->rows, worker) + column / 64;
}

/* A former worker of that row, if it was taken over, may have left something there. */
void
counters_use(const struct counters *c, unsigned worker, unsigned column)
{
	memset(writable(c, worker, column), 0, c->bytes);
	atomic_fetch_or(mark_of(c, worker, column), UINT64_C(1) << column % 64);
}

static void
unmark(const struct counters *c, unsigned worker, unsigned column)
{
	atomic_fetch_and(mark_of(c, worker, column), ~(UINT64_C(1) << column % 64));
}

static void *
dead_cell(const struct counters *c, unsigned column)
{
	return c->dead + column * c->bytes;
}

const void *
counters_dead(const struct counters *c, unsigned column)
{
	return dead_cell(c, column);
}

static size_t
offset_of(const struct counters_type *type, const struct counters_field *field)
{
	size_t words = 0;

	for (const struct counters_field *f = type->field; f < field; f++)
		words += f->n;
	return words;
}

const _Atomic uint64_t *
counters_words(const struct counters_type *type, const struct counters_field *f, const void *cell)
{
	return (const _Atomic uint64_t *)cell + offset_of(type, f);
}

static bool
outlives(enum counter_kind kind)
{
	return kind != COUNTER_GAUGE && kind != COUNTER_INSTANT;
}

/* What can be added up and taken away again. */
static bool
is_count(enum counter_kind kind)
{
	return outlives(kind) && kind != COUNTER_MAX;
}

static uint64_t
joined(enum counter_kind kind, uint64_t a, uint64_t b)
{
	if (kind == COUNTER_MAX || kind == COUNTER_INSTANT)
		return a > b ? a : b;
	return shm_sum(a, b);
}

static uint64_t
rest(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* ---- cells ---- */

/* Joins a worker's words. */
static void
join(const struct counters_field *f, _Atomic uint64_t *into, const _Atomic uint64_t *from)
{
	for (unsigned i = 0; i < f->n; i++)
		counter_set(&into[i],
			    joined(f->kind, counter_get(&into[i]), counter_told(&from[i])));
}

static void
clear(const struct counters_field *f, _Atomic uint64_t *word)
{
	for (unsigned i = 0; i < f->n; i++)
		counter_set(&word[i], 0);
}

static void
fold(const struct counters_type *type, _Atomic uint64_t *dead, _Atomic uint64_t *cell)
{
	const struct counters_field *f = type->field, *end = f + type->fields;

	for (; f < end; dead += f->n, cell += f->n, f++) {
		if (outlives(f->kind))
			join(f, dead, cell);
		clear(f, cell);
	}
}

void
counters_fold(struct counters *c, unsigned worker, unsigned end)
{
	for (unsigned i = 0; i < end; i++) {
		if (!counters_used(c, worker, i))
			continue;
		fold(c->type, dead_cell(c, i), writable(c, worker, i));
		unmark(c, worker, i);
		c->told[i] = true;
	}
}

static void
forget(const struct counters_type *type, _Atomic uint64_t *cell)
{
	const struct counters_field *f = type->field, *end = f + type->fields;

	for (; f < end; cell += f->n, f++)
		if (f->kind != COUNTER_GAUGE)
			clear(f, cell);
}

void
counters_forget(struct counters *c, unsigned column)
{
	for (unsigned w = 0; w < c->workers; w++)
		if (counters_used(c, w, column))
			forget(c->type, writable(c, w, column));
	if (c->told[column])
		forget(c->type, dead_cell(c, column));
}

void
counters_sum_field(const struct counters *c, const struct counters_field *f, unsigned column,
		   void *out)
{
	size_t at = offset_of(c->type, f);
	_Atomic uint64_t *sum = (_Atomic uint64_t *)out + at;

	memcpy(sum, (const _Atomic uint64_t *)dead_cell(c, column) + at, f->n * sizeof *sum);
	for (unsigned w = 0; w < c->workers; w++)
		if (counters_used(c, w, column))
			join(f, sum, (const _Atomic uint64_t *)counters_cell(c, w, column) + at);
}

void
counters_sum(const struct counters *c, unsigned column, void *out)
{
	for (unsigned i = 0; i < c->type->fields; i++)
		counters_sum_field(c, &c->type->field[i], column, out);
}

static void
each_count(const struct counters_type *type, _Atomic uint64_t *into, const _Atomic uint64_t *from,
	   uint64_t (*made)(uint64_t, uint64_t))
{
	const struct counters_field *f = type->field, *end = f + type->fields;

	for (; f < end; into += f->n, from += f->n, f++)
		for (unsigned i = 0; is_count(f->kind) && i < f->n; i++)
			counter_set(&into[i], made(counter_get(&into[i]), counter_get(&from[i])));
}

void
counters_plus(const struct counters_type *type, void *into, const void *from)
{
	each_count(type, into, from, shm_sum);
}

void
counters_minus(const struct counters_type *type, void *from, const void *n)
{
	each_count(type, from, n, rest);
}

/* ---- latencies ---- */

/* The octave and the two bits below its leading one, of the time less 1: so a bucket ends with a
 * power of 2, and does not begin with it. */
static unsigned
bucket_of(uint64_t us)
{
	uint64_t below = us > 0 ? us - 1 : 0;
	unsigned octave;

	if (below < 4)
		return (unsigned)below;
	if (below > UINT32_MAX)
		return COUNTERS_BUCKETS - 1;
	octave = 63 - (unsigned)__builtin_clzll(below);
	return octave * 4 + (unsigned)(below >> (octave - 2) & 3) - 4;
}

uint64_t
counters_bucket_top(unsigned b)
{
	unsigned octave = (b + 4) / 4, quarter = (b + 4) % 4;

	return b < 4 ? b + 1 : (uint64_t)(4 + quarter + 1) << (octave - 2);
}

void
counters_latency(_Atomic uint64_t *latency, uint64_t us)
{
	counter_add(&latency[0], us);
	counter_add(&latency[1 + bucket_of(us)], 1);
}

uint64_t
counters_quantile(const _Atomic uint64_t *latency, double q)
{
	uint64_t n = 0, seen = 0;

	for (unsigned i = 0; i < COUNTERS_BUCKETS; i++)
		n += counters_bucket(latency, i);
	for (unsigned i = 0; i < COUNTERS_BUCKETS && n > 0; i++) {
		seen += counters_bucket(latency, i);
		if ((double)seen >= q * (double)n)
			return counters_bucket_top(i);
	}
	return 0;
}
