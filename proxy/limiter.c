/* limiter.c - see limiter.h. */
#include "limiter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "siphash.h"

enum { WAYS = 8, SETS = LIMITER_KEYS / WAYS, TRIES = 8 };

struct account {
	_Atomic uint64_t key;	/* hash of whose it is; 0: nobody's */
	_Atomic uint64_t until; /* ns: when it is paid off */
};

struct limiter {
	unsigned holders, rate, burst;
	uint64_t price;	 /* ns that one costs */
	uint64_t credit; /* ns of debt that one may have */
	uint64_t seed[2];
	struct account *set; /* SETS times WAYS, shared */
};

static const size_t bytes = sizeof(struct account) * LIMITER_KEYS;

struct limiter *
limiter_new(unsigned rate, unsigned burst)
{
	struct limiter *l = calloc(1, sizeof *l);
	void *shared = MAP_FAILED;

	if (l == NULL)
		return NULL;
	l->holders = 1;
	l->rate = rate;
	l->burst = burst;
	l->price = 1000000000 / rate;
	l->credit = l->price * (burst > 0 ? burst : rate);
	if (getrandom(l->seed, sizeof l->seed, 0) == (ssize_t)sizeof l->seed)
		shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			      0);
	if (shared == MAP_FAILED) {
		free(l);
		return NULL;
	}
	l->set = shared;
	return l;
}

struct limiter *
limiter_hold(struct limiter *l)
{
	l->holders++;
	return l;
}

bool
limiter_is(const struct limiter *l, unsigned rate, unsigned burst)
{
	return l->rate == rate && l->burst == burst;
}

void
limiter_free(struct limiter *l)
{
	if (l == NULL || --l->holders > 0)
		return;
	(void)munmap(l->set, bytes);
	free(l);
}

static uint64_t
get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static struct account *
find(struct account *set, uint64_t key)
{
	for (unsigned i = 0; i < WAYS; i++)
		if (get(&set[i].key) == key)
			return &set[i];
	return NULL;
}

/* The account that is paid off, or the one that owes the least. */
static struct account *
poorest(struct account *set)
{
	struct account *best = set;

	for (unsigned i = 1; i < WAYS; i++)
		if (get(&set[i].until) < get(&best->until))
			best = &set[i];
	return best;
}

/* Another worker may take the same account at the same time: then there is another to be found. */
static struct account *
open_account(struct account *set, uint64_t key)
{
	struct account *a = find(set, key);

	for (unsigned i = 0; a == NULL && i < TRIES; i++) {
		struct account *free_one = poorest(set);
		uint64_t old = get(&free_one->key);
		if (atomic_compare_exchange_strong(&free_one->key, &old, key)) {
			atomic_store(&free_one->until, 0);
			return free_one;
		}
		a = find(set, key);
	}
	return a;
}

static struct account *
account_of(struct limiter *l, struct span key, bool open)
{
	uint64_t hash = siphash(l->seed, key) | 1;
	struct account *set = &l->set[(hash >> 32) % SETS * WAYS];

	return open ? open_account(set, hash) : find(set, hash);
}

/* ns to wait at that instant when so much is owed; 0: none. */
static uint64_t
wait_for(const struct limiter *l, uint64_t until, uint64_t now)
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
limiter_take(struct limiter *l, struct span key, uint64_t now_us)
{
	uint64_t now = now_us * 1000, until, wait;
	struct account *a = account_of(l, key, true);

	if (a == NULL)
		return 0; /* the set is fought over: let it pass */
	until = get(&a->until);
	do {
		wait = wait_for(l, until, now);
		if (wait > 0)
			return microseconds(wait);
	} while (!atomic_compare_exchange_weak(&a->until, &until,
					       (until > now ? until : now) + l->price));
	return 0;
}

uint64_t
limiter_ask(struct limiter *l, struct span key, uint64_t now_us)
{
	const struct account *a = account_of(l, key, false);

	return a == NULL ? 0 : microseconds(wait_for(l, get(&a->until), now_us * 1000));
}

struct span
limiter_key(const struct addr *a, char space[16])
{
	const struct in6_addr *six = &a->u.in6.sin6_addr;

	if (a->u.sa.sa_family != AF_INET6) {
		memcpy(space, &a->u.in4.sin_addr, 4);
		return span_of(space, 4);
	}
	if (IN6_IS_ADDR_V4MAPPED(six)) {
		memcpy(space, six->s6_addr + 12, 4);
		return span_of(space, 4);
	}
	memcpy(space, six->s6_addr, 8);
	return span_of(space, 8);
}
