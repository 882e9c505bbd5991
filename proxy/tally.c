/* tally.c - see tally.h. */
#include "tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct tally {
	unsigned workers, servers;
	struct tally_cell
		*cell; /* [workers + 1][servers]; the last row keeps what the dead had counted */
};

static size_t
bytes(const struct tally *t)
{
	return ((size_t)t->workers + 1) * t->servers * sizeof *t->cell;
}

struct tally *
tally_new(unsigned workers, unsigned servers)
{
	struct tally *t = malloc(sizeof *t);

	if (t == NULL)
		return NULL;
	t->workers = workers;
	t->servers = servers;
	/* Pages that no server's index reaches are never touched, hence never there. */
	t->cell = mmap(NULL, bytes(t), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->cell == MAP_FAILED) {
		free(t);
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	(void)munmap(t->cell, bytes(t));
	free(t);
}

struct tally_cell *
tally_cell(struct tally *t, unsigned worker, unsigned server)
{
	return &t->cell[(size_t)worker * t->servers + server];
}

static void
add32(_Atomic uint32_t *cell, uint32_t n)
{
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* The octave and the two bits below its leading one. */
static unsigned
bucket_of(uint64_t us)
{
	unsigned octave;

	if (us < 4)
		return (unsigned)us;
	if (us > UINT32_MAX)
		return TALLY_BUCKETS - 1;
	octave = 63 - (unsigned)__builtin_clzll(us);
	return octave * 4 + (unsigned)(us >> (octave - 2) & 3) - 4;
}

uint64_t
tally_bucket_top(unsigned b)
{
	unsigned octave = (b + 4) / 4, quarter = (b + 4) % 4;

	if (b < 4)
		return b;
	return ((uint64_t)(4 + quarter + 1) << (octave - 2)) - 1;
}

void
tally_latency(struct tally_cell *c, uint64_t us)
{
	add32(&c->latency[bucket_of(us)], 1);
	tally_add(&c->latency_us, (int64_t)us);
}

void
tally_plus(struct tally_cell *into, const struct tally_cell *from)
{
	tally_add(&into->served, (int64_t)tally_get(&from->served));
	tally_add(&into->failed, (int64_t)tally_get(&from->failed));
	tally_add(&into->retried, (int64_t)tally_get(&from->retried));
	tally_add(&into->latency_us, (int64_t)tally_get(&from->latency_us));
	for (unsigned i = 0; i < TALLY_BUCKETS; i++)
		add32(&into->latency[i],
		      atomic_load_explicit(&from->latency[i], memory_order_relaxed));
}

void
tally_less(struct tally_cell *from, const struct tally_cell *c)
{
	tally_add(&from->served, -(int64_t)tally_get(&c->served));
	tally_add(&from->failed, -(int64_t)tally_get(&c->failed));
	tally_add(&from->retried, -(int64_t)tally_get(&c->retried));
	tally_add(&from->latency_us, -(int64_t)tally_get(&c->latency_us));
	for (unsigned i = 0; i < TALLY_BUCKETS; i++)
		add32(&from->latency[i],
		      -atomic_load_explicit(&c->latency[i], memory_order_relaxed));
}

static void
latest(_Atomic uint64_t *into, const _Atomic uint64_t *from)
{
	if (tally_get(from) > tally_get(into))
		tally_set(into, tally_get(from));
}

static void
add_gauges(struct tally_cell *into, const struct tally_cell *from)
{
	tally_add(&into->in_flight, (int64_t)tally_get(&from->in_flight));
	tally_add(&into->connections, (int64_t)tally_get(&from->connections));
	latest(&into->reached_at, &from->reached_at);
}

void
tally_fold(struct tally *t, unsigned worker, unsigned end)
{
	for (unsigned s = 0; s < end; s++) {
		struct tally_cell *c = tally_cell(t, worker, s);
		tally_plus(tally_cell(t, t->workers, s), c);
		memset(c, 0, sizeof *c);
	}
}

void
tally_forget(struct tally *t, unsigned server)
{
	for (unsigned w = 0; w <= t->workers; w++) {
		struct tally_cell *c = tally_cell(t, w, server);
		tally_set(&c->served, 0);
		tally_set(&c->failed, 0);
		tally_set(&c->retried, 0);
		tally_set(&c->reached_at, 0);
		tally_set(&c->latency_us, 0);
		for (unsigned i = 0; i < TALLY_BUCKETS; i++)
			atomic_store_explicit(&c->latency[i], 0, memory_order_relaxed);
	}
}

void
tally_sum(struct tally *t, unsigned server, struct tally_cell *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned w = 0; w <= t->workers; w++) {
		tally_plus(out, tally_cell(t, w, server));
		add_gauges(out, tally_cell(t, w, server));
	}
}

uint32_t
tally_in_flight(struct tally *t, unsigned server, unsigned but_worker)
{
	uint64_t n = 0;

	for (unsigned w = 0; w < t->workers; w++)
		n += w == but_worker ? 0 : tally_get(&tally_cell(t, w, server)->in_flight);
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

uint64_t
tally_reached(const struct tally *t, unsigned server)
{
	uint64_t last = 0;

	for (unsigned w = 0; w < t->workers; w++) {
		uint64_t at = tally_get(&t->cell[(size_t)w * t->servers + server].reached_at);
		last = at > last ? at : last;
	}
	return last;
}

uint64_t
tally_quantile(const struct tally_cell *c, double q)
{
	uint64_t n = 0, seen = 0;

	for (unsigned i = 0; i < TALLY_BUCKETS; i++)
		n += atomic_load_explicit(&c->latency[i], memory_order_relaxed);
	for (unsigned i = 0; i < TALLY_BUCKETS && n > 0; i++) {
		seen += atomic_load_explicit(&c->latency[i], memory_order_relaxed);
		if ((double)seen >= q * (double)n)
			return tally_bucket_top(i);
	}
	return 0;
}
