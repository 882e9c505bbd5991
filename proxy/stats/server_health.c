/* server_health.c - see server_health.h. */
#include "server_health.h"

#include <assert.h>
#include <stdlib.h>

#include "shm.h"

enum { KIND_BITS = 3, KIND_MASK = (1 << KIND_BITS) - 1 };

struct verdicts {
	unsigned servers;
	struct shm_view view; /* a word a server: since << KIND_BITS | kind; then how often any
				 of them has changed */
};

struct verdicts *
verdicts_new(unsigned servers)
{
	struct verdicts *v = malloc(sizeof *v);

	if (v == NULL)
		return NULL;
	v->servers = servers;
	if (shm_view_open(&v->view, (servers + 1) * sizeof(_Atomic uint64_t)) < 0) {
		free(v);
		return NULL;
	}
	return v;
}

void
verdicts_free(struct verdicts *v)
{
	if (v == NULL)
		return;
	shm_view_close(&v->view);
	free(v);
}

static uint64_t
word_of(const struct verdicts *v, unsigned server)
{
	const _Atomic uint64_t *word = v->view.seen;

	return atomic_load_explicit(&word[server], memory_order_relaxed);
}

void
server_health_set(struct verdicts *v, unsigned server, enum server_health_kind kind, uint64_t since)
{
	_Atomic uint64_t *word = v->view.own;
	uint64_t now = (kind == SERVER_HEALTH_RAMP ? since << KIND_BITS : 0) | (uint64_t)kind;

	assert(server < v->servers);
	if (word_of(v, server) == now)
		return;
	atomic_store_explicit(&word[server], now, memory_order_relaxed);
	/* After it: a worker that sees the count sees the word. */
	atomic_fetch_add_explicit(&word[v->servers], 1, memory_order_release);
}

uint64_t
server_health_changes(const struct verdicts *v)
{
	const _Atomic uint64_t *word = v->view.seen;

	return atomic_load_explicit(&word[v->servers], memory_order_acquire);
}

uint64_t
server_health_word(const struct verdicts *v, unsigned server)
{
	return word_of(v, server);
}

enum server_health_kind
server_health_kind(const struct verdicts *v, unsigned server)
{
	return (enum server_health_kind)(word_of(v, server) & KIND_MASK);
}

unsigned
server_health_share(const struct verdicts *v, unsigned server, uint64_t now, uint64_t ramp)
{
	uint64_t word = word_of(v, server);
	uint64_t since = word >> KIND_BITS, share;

	if (word == SERVER_HEALTH_SHUT)
		return 0;
	if ((word & KIND_MASK) != SERVER_HEALTH_RAMP)
		return SERVER_HEALTH_FULL;
	if (ramp == 0 || now >= since + ramp)
		return SERVER_HEALTH_FULL;
	share = now <= since ? 0 : (now - since) * SERVER_HEALTH_FULL / ramp;
	return share < SERVER_HEALTH_LEAST ? SERVER_HEALTH_LEAST : (unsigned)share;
}
