/* permit.c - see permit.h.
 *
 * Giving and waiting race: the giver frees the word and then looks for waiters, the waiter puts its
 * bit up and then looks at the word.  Both orders are sequentially consistent, so one of them sees
 * the other. */
#include "permit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	FREE = 0,	  /* otherwise worker + 1 */
	GRANTED = 0x8000, /* handed over, not taken up yet */
	WORKER_MAX = 576, /* 512 workers, and the master */
	WORDS = WORKER_MAX / 64
};

struct server {
	_Atomic uint16_t owner[PERMIT_MAX];
	_Atomic uint64_t waiting[WORDS]; /* a bit a worker */
};

struct permits {
	unsigned servers, workers;
	struct server *server; /* shared */
	int *descriptor;       /* eventfds, a worker each */
};

struct permits *
permits_new(unsigned servers, unsigned workers)
{
	struct permits *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->servers = servers;
	p->server = mmap(NULL, servers * sizeof *p->server, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p->descriptor = calloc(workers, sizeof *p->descriptor);
	if (p->server == MAP_FAILED || p->descriptor == NULL || workers > WORKER_MAX) {
		p->server = p->server == MAP_FAILED ? NULL : p->server;
		permits_free(p);
		errno = ENOMEM;
		return NULL;
	}
	for (; p->workers < workers; p->workers++) {
		int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (fd < 0) {
			permits_free(p);
			return NULL;
		}
		p->descriptor[p->workers] = fd;
	}
	return p;
}

void
permits_free(struct permits *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->workers; i++)
		(void)close(p->descriptor[i]);
	if (p->server != NULL)
		(void)munmap(p->server, p->servers * sizeof *p->server);
	free(p->descriptor);
	free(p);
}

/* ---- descriptors ---- */

int
permit_descriptor(const struct permits *p, unsigned worker)
{
	return p->descriptor[worker];
}

void
permit_heard(const struct permits *p, unsigned worker)
{
	uint64_t n;

	/* EAGAIN: somebody heard it before. */
	if (read(p->descriptor[worker], &n, sizeof n) < 0)
		return;
}

void
permit_nudge(const struct permits *p, unsigned worker)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so it is readable anyway. */
	if (write(p->descriptor[worker], &one, sizeof one) < 0)
		return;
}

/* ---- waiting ---- */

/* Was it so before? */
static bool
wait_set(struct server *s, unsigned worker, bool on)
{
	uint64_t bit = UINT64_C(1) << worker % 64, before;

	if (on)
		before = atomic_fetch_or(&s->waiting[worker / 64], bit);
	else
		before = atomic_fetch_and(&s->waiting[worker / 64], ~bit);
	return ((before & bit) != 0) == on;
}

/* The next waiting worker after `after`, around the circle; -1 when nobody waits. */
static int
next_waiting(const struct permits *p, struct server *s, unsigned after)
{
	for (unsigned i = 1; i <= p->workers; i++) {
		unsigned w = (after + i) % p->workers;
		if (atomic_load(&s->waiting[w / 64]) >> w % 64 & 1)
			return (int)w;
	}
	return -1;
}

/* ---- taking and giving ---- */

/* Takes a permit that was handed to the worker, or a free one. */
static int
try_take(struct server *s, unsigned slots, unsigned worker)
{
	uint16_t mine = (uint16_t)(worker + 1);

	for (unsigned i = 0; i < slots; i++) {
		uint16_t granted = mine | GRANTED;
		if (atomic_compare_exchange_strong(&s->owner[i], &granted, mine))
			return (int)i;
	}
	for (unsigned i = 0; i < slots; i++) {
		uint16_t free_word = FREE;
		if (atomic_compare_exchange_strong(&s->owner[i], &free_word, mine))
			return (int)i;
	}
	return PERMIT_NONE;
}

static void
nudge_owners(const struct permits *p, struct server *s, unsigned slots)
{
	for (unsigned i = 0; i < slots; i++) {
		unsigned owner = atomic_load(&s->owner[i]) & ~(unsigned)GRANTED;
		if (owner != FREE)
			permit_nudge(p, owner - 1);
	}
}

unsigned
permit_slots(const struct permits *p, unsigned slots, unsigned connections)
{
	uint64_t most = (uint64_t)p->workers * connections;

	return slots >= PERMIT_MAX && slots < most ? PERMIT_MAX - 1 : slots;
}

int
permit_take(struct permits *p, unsigned server, unsigned slots, unsigned worker)
{
	struct server *s = &p->server[server];
	int got;

	if (slots >= PERMIT_MAX)
		return PERMIT_UNBOUNDED;
	got = try_take(s, slots, worker);
	if (got == PERMIT_NONE) {
		bool again = wait_set(s, worker, true);
		got = try_take(s, slots, worker);
		if (got == PERMIT_NONE && !again)
			nudge_owners(p, s, slots);
	}
	if (got != PERMIT_NONE)
		(void)wait_set(s, worker, false);
	return got;
}

int
permit_try(struct permits *p, unsigned server, unsigned slots, unsigned worker)
{
	return slots >= PERMIT_MAX ? PERMIT_UNBOUNDED : try_take(&p->server[server], slots, worker);
}

void
permit_give(struct permits *p, unsigned server, int permit, unsigned worker)
{
	struct server *s = &p->server[server];
	int next;

	if (permit < 0)
		return;
	next = next_waiting(p, s, worker);
	if (next >= 0 && (unsigned)next != worker) {
		(void)wait_set(s, (unsigned)next, false);
		atomic_store(&s->owner[permit], (uint16_t)((next + 1) | GRANTED));
		permit_nudge(p, (unsigned)next);
		return;
	}
	atomic_store(&s->owner[permit], FREE);
	next = next_waiting(p, s, worker);
	if (next >= 0)
		permit_nudge(p, (unsigned)next);
}

bool
permit_wanted(const struct permits *p, unsigned server, unsigned worker)
{
	int next = next_waiting(p, &p->server[server], worker);

	return next >= 0 && (unsigned)next != worker;
}

void
permit_forget(struct permits *p, unsigned server, unsigned worker)
{
	struct server *s = &p->server[server];
	uint16_t granted = (uint16_t)((worker + 1) | GRANTED);

	(void)wait_set(s, worker, false);
	for (int i = 0; i < PERMIT_MAX; i++)
		if (atomic_load(&s->owner[i]) == granted)
			permit_give(p, server, i, worker);
}

void
permit_release_all(struct permits *p, unsigned worker)
{
	uint16_t mine = (uint16_t)(worker + 1);

	for (unsigned server = 0; server < p->servers; server++) {
		struct server *s = &p->server[server];
		(void)wait_set(s, worker, false);
		for (int i = 0; i < PERMIT_MAX; i++)
			if ((atomic_load(&s->owner[i]) & ~GRANTED) == mine)
				permit_give(p, server, i, worker);
	}
}

unsigned
permit_held(const struct permits *p, unsigned server)
{
	unsigned n = 0;

	for (int i = 0; i < PERMIT_MAX; i++)
		n += atomic_load(&p->server[server].owner[i]) != FREE;
	return n;
}
