/* rate_limit.c - see rate_limit.h. */
#include "rate_limit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "shm.h"
#include "siphash.h"

enum { WAYS = 8, SETS = RATE_LIMIT_KEYS / WAYS, TRIES = 8 };
enum { CLOCK_SPREAD = 1000000000 }; /* ns by which workers' instants differ at most */

struct rate_limit_account {
	_Atomic uint64_t key;	/* hash of the key; 0: free */
	_Atomic uint64_t until; /* ns: the theoretical arrival time */
};

struct rate_limit {
	unsigned holders, rate, burst;
	enum rate_limit_scope scope;
	uint64_t price;	 /* ns that one costs */
	uint64_t credit; /* ns of debt that one may have */
	uint64_t seed[2];
	struct rate_limit_account *set; /* SETS times WAYS */
};

static const size_t bytes = sizeof(struct rate_limit_account) * RATE_LIMIT_KEYS;

struct rate_limit *
rate_limit_new(unsigned rate, unsigned burst, enum rate_limit_scope scope)
{
	struct rate_limit *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->holders = 1;
	l->rate = rate;
	l->burst = burst;
	l->price = 1000000000 / rate;
	l->credit = l->price * (burst > 0 ? burst : rate);
	l->scope = scope;
	if (getrandom(l->seed, sizeof l->seed, 0) == (ssize_t)sizeof l->seed)
		l->set = scope == RATE_LIMIT_SHARED ? shm_common(bytes) : calloc(1, bytes);
	if (l->set != NULL)
		return l;
	free(l);
	return NULL;
}

struct rate_limit *
rate_limit_ref(struct rate_limit *l)
{
	l->holders++;
	return l;
}

bool
rate_limit_is(const struct rate_limit *l, unsigned rate, unsigned burst)
{
	return l->rate == rate && l->burst == burst;
}

void
rate_limit_free(struct rate_limit *l)
{
	if (l == NULL || --l->holders > 0)
		return;
	if (l->scope == RATE_LIMIT_SHARED)
		shm_common_free(l->set, bytes);
	else
		free(l->set);
	free(l);
}

static uint64_t
get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static struct rate_limit_account *
find(struct rate_limit_account *set, uint64_t key)
{
	for (unsigned i = 0; i < WAYS; i++)
		if (get(&set[i].key) == key)
			return &set[i];
	return NULL;
}

/* The account that is paid off, or the one that owes the least. */
static struct rate_limit_account *
poorest(struct rate_limit_account *set)
{
	struct rate_limit_account *best = set;

	for (unsigned i = 1; i < WAYS; i++)
		if (get(&set[i].until) < get(&best->until))
			best = &set[i];
	return best;
}

/* Another worker may take the same account at the same time: then there is another to be found. */
static struct rate_limit_account *
open_account(struct rate_limit_account *set, uint64_t key)
{
	struct rate_limit_account *a = find(set, key);

	for (unsigned i = 0; a == NULL && i < TRIES; i++) {
		struct rate_limit_account *free_one = poorest(set);
		uint64_t old = get(&free_one->key);
		if (atomic_compare_exchange_strong(&free_one->key, &old, key)) {
			atomic_store(&free_one->until, 0);
			return free_one;
		}
		a = find(set, key);
	}
	return a;
}

static struct rate_limit_account *
account_of(struct rate_limit *l, struct span key, bool open)
{
	uint64_t hash = siphash(l->seed, key) | 1;
	struct rate_limit_account *set = &l->set[(hash >> 32) % SETS * WAYS];

	return open ? open_account(set, hash) : find(set, hash);
}

/* An account never owes more than the credit, though another worker may have seen a later instant:
 * what is beyond was not written by rate_limit_take(). */
static uint64_t
until_of(const struct rate_limit *l, uint64_t said, uint64_t now)
{
	return said <= now + l->credit + CLOCK_SPREAD ? said : 0;
}

/* ns to wait at that instant when so much is owed; 0: none. */
static uint64_t
wait_for(const struct rate_limit *l, uint64_t until, uint64_t now)
{
	uint64_t owed = until > now ? until - now : 0;

	return owed + l->price > l->credit ? owed + l->price - l->credit : 0;
}

static uint64_t
microseconds(uint64_t ns)
{
	return (ns + 999) / 1000;
}

uint64_t
rate_limit_take(struct rate_limit *l, struct span key, uint64_t now_us)
{
	uint64_t now = now_us * 1000, said, until, wait;
	struct rate_limit_account *a = account_of(l, key, true);

	if (a == NULL)
		return 0; /* the set is fought over: let it pass */
	said = get(&a->until);
	do {
		until = until_of(l, said, now);
		wait = wait_for(l, until, now);
		if (wait > 0)
			return microseconds(wait);
	} while (!atomic_compare_exchange_weak(&a->until, &said,
					       (until > now ? until : now) + l->price));
	return 0;
}

uint64_t
rate_limit_ask(struct rate_limit *l, struct span key, uint64_t now_us)
{
	const struct rate_limit_account *a = account_of(l, key, false);
	uint64_t now = now_us * 1000;

	return a == NULL ? 0 : microseconds(wait_for(l, until_of(l, get(&a->until), now), now));
}
