/* verdict.c - see verdict.h. */
#include "verdict.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { KIND_BITS = 2, KIND_MASK = (1 << KIND_BITS) - 1 };

struct verdicts {
	unsigned servers;
	_Atomic uint64_t *word; /* shared: since << KIND_BITS | kind */
};

struct verdicts *
verdicts_new(unsigned servers)
{
	struct verdicts *v = malloc(sizeof *v);

	if (v == NULL)
		return NULL;
	v->servers = servers;
	v->word = mmap(NULL, servers * sizeof *v->word, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (v->word == MAP_FAILED) {
		free(v);
		errno = ENOMEM;
		return NULL;
	}
	return v;
}

void
verdicts_free(struct verdicts *v)
{
	if (v == NULL)
		return;
	(void)munmap((void *)(uintptr_t)v->word, v->servers * sizeof *v->word);
	free(v);
}

void
verdict_set(struct verdicts *v, unsigned server, enum verdict_kind kind, uint64_t since)
{
	assert(server < v->servers);
	if (kind != VERDICT_RAMP)
		since = 0;
	atomic_store_explicit(&v->word[server], since << KIND_BITS | (uint64_t)kind,
			      memory_order_relaxed);
}

enum verdict_kind
verdict_kind(const struct verdicts *v, unsigned server)
{
	return (enum verdict_kind)(atomic_load_explicit(&v->word[server], memory_order_relaxed) &
				   KIND_MASK);
}

unsigned
verdict_share(const struct verdicts *v, unsigned server, uint64_t now, uint64_t ramp)
{
	uint64_t word = atomic_load_explicit(&v->word[server], memory_order_relaxed);
	uint64_t since = word >> KIND_BITS, share;

	if (word == VERDICT_OPEN)
		return VERDICT_FULL;
	if (word == VERDICT_SHUT)
		return 0;
	if (ramp == 0 || now >= since + ramp)
		return VERDICT_FULL;
	share = now <= since ? 0 : (now - since) * VERDICT_FULL / ramp;
	return share < VERDICT_LEAST ? VERDICT_LEAST : (unsigned)share;
}
