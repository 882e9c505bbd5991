/* conn_limit.c - see conn_limit.h.
 *
 * A worker's word for a server says how many it holds, whether it is trying to take one, whether it
 * waits for one, and since when.  All loads and stores are sequentially consistent:
 *
 * - A worker that takes puts up TRYING and then looks.  Of any number that hold more than there
 * are, one was the last to put it up: that one saw all the others trying or holding, and did not
 * take.
 * - One that waits puts up WAITING and then looks once more; one that gives lowers its count and
 * then looks for one that waits.  One of the two sees the other.
 *
 * Of two that try for the last one the one that has waited longer stays, and the other backs off
 * and wakes those that wait. */
#include "conn_limit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "shm.h"

/* A word. */
#define HELD	 UINT64_C(0xff)
#define TRYING	 UINT64_C(0x100)
#define WAITING	 UINT64_C(0x200)
#define UNUSED	 UINT64_C(0xfc00)
#define SINCE_AT 16 /* clock_us(), in the bits from here */

enum {
	WORKER_MAX = 576, /* 512 workers, and the master */
	WORDS = WORKER_MAX / 64,
	LOOKS = 200,	 /* at one that tries too and has to back off, but may not be running */
	PIPE_SIZE = 4096 /* bytes: as small as it gets */
};

struct permits {
	unsigned servers, workers;
	struct shm_rows rows;	  /* [workers][servers] of words */
	struct shm_view admitted; /* bits of workers with rows that count */
	uint64_t *own;	    /* [workers][servers]: what a process has put into rows of its own */
	int *hears, *tells; /* the ends of a pipe, a worker each; -1: not this process's */
};

/* ---- making ---- */

static int
open_pipe(struct permits *p)
{
	int fd[2];

	if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	(void)fcntl(fd[0], F_SETPIPE_SZ, PIPE_SIZE); /* it is only wasted otherwise */
	p->hears[p->workers] = fd[0];
	p->tells[p->workers++] = fd[1];
	return 0;
}

struct permits *
permits_new(unsigned servers, unsigned workers)
{
	struct permits *p = calloc(1, sizeof *p);
	size_t row = servers * sizeof(_Atomic uint64_t);

	if (p == NULL)
		return NULL;
	p->servers = servers;
	p->hears = calloc(workers, sizeof *p->hears);
	p->tells = calloc(workers, sizeof *p->tells);
	p->own = calloc((size_t)workers * servers, sizeof *p->own);
	errno = ENOMEM;
	if (workers > WORKER_MAX || p->hears == NULL || p->tells == NULL || p->own == NULL ||
	    shm_view_open(&p->admitted, WORDS * sizeof(_Atomic uint64_t)) < 0 ||
	    shm_rows_open(&p->rows, workers, row) < 0) {
		permits_free(p);
		return NULL;
	}
	while (p->workers < workers) {
		if (open_pipe(p) < 0) {
			permits_free(p);
			return NULL;
		}
	}
	return p;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
permits_free(struct permits *p)
{
	int error = errno;

	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->workers; i++) {
		close_end(&p->hears[i]);
		close_end(&p->tells[i]);
	}
	shm_view_close(&p->admitted);
	shm_rows_close(&p->rows);
	free(p->hears);
	free(p->tells);
	free(p->own);
	free(p);
	errno = error;
}

int
permits_enter(struct permits *p, unsigned worker)
{
	for (unsigned i = 0; i < p->workers; i++)
		if (i != worker)
			close_end(&p->hears[i]);
	return shm_rows_enter(&p->rows, worker);
}

/* ---- rows that count ---- */

void
permits_admit(struct permits *p, unsigned worker)
{
	_Atomic uint64_t *word = p->admitted.own;

	assert(worker < p->workers);
	atomic_fetch_or(&word[worker / 64], UINT64_C(1) << worker % 64);
}

static void
dismiss(struct permits *p, unsigned worker)
{
	_Atomic uint64_t *word = p->admitted.own;

	atomic_fetch_and(&word[worker / 64], ~(UINT64_C(1) << worker % 64));
}

/* The workers from *next on with rows that count, one after the other. */
static bool
next_worker(const struct permits *p, unsigned *next, unsigned *worker)
{
	const _Atomic uint64_t *word = p->admitted.seen;

	while (*next < p->workers) {
		uint64_t rest = atomic_load(&word[*next / 64]) >> *next % 64;
		if (rest == 0) {
			*next = (*next / 64 + 1) * 64;
			continue;
		}
		*worker = *next + (unsigned)__builtin_ctzll(rest);
		*next = *worker + 1;
		return *worker < p->workers;
	}
	return false;
}

/* ---- words ---- */

/* A worker's word as it may be believed: one that no worker writes is none. */
static uint64_t
look(const struct permits *p, unsigned server, unsigned worker)
{
	const _Atomic uint64_t *row = shm_row(&p->rows, worker);
	uint64_t word = atomic_load(&row[server]);

	return (word & UNUSED) != 0 || (word & HELD) >= CONN_LIMIT_MAX ? 0 : word;
}

static uint64_t *
own(const struct permits *p, unsigned server, unsigned worker)
{
	return &p->own[(size_t)worker * p->servers + server];
}

static void
say(struct permits *p, unsigned server, unsigned worker, uint64_t word)
{
	_Atomic uint64_t *row = shm_own_row(&p->rows, worker);

	*own(p, server, worker) = word;
	atomic_store(&row[server], word);
}

static unsigned
held(uint64_t word)
{
	return (unsigned)(word & HELD);
}

/* Has x waited longer than y? */
static bool
before(uint64_t x, unsigned worker_x, uint64_t y, unsigned worker_y)
{
	uint64_t a = x >> SINCE_AT, b = y >> SINCE_AT;

	return a != b ? a < b : worker_x < worker_y;
}

/* ---- descriptors ---- */

int
conn_limit_descriptor(const struct permits *p, unsigned worker)
{
	return p->hears[worker];
}

int
conn_limit_nudge_descriptor(const struct permits *p, unsigned worker)
{
	return p->tells[worker];
}

void
conn_limit_heard(const struct permits *p, unsigned worker)
{
	char bytes[PIPE_SIZE];

	/* EAGAIN: it was heard before. */
	if (read(p->hears[worker], bytes, sizeof bytes) < 0)
		return;
}

void
conn_limit_nudge(const struct permits *p, unsigned worker)
{
	/* EAGAIN: there is more than enough to be heard. */
	if (write(p->tells[worker], "", 1) < 0)
		return;
}

/* The one of all but `but` that has waited the longest; -1: nobody waits. */
static int
first_waiting(const struct permits *p, unsigned server, unsigned but)
{
	uint64_t first_word = 0;
	unsigned next = 0, w;
	int first = -1;

	while (next_worker(p, &next, &w)) {
		uint64_t word = w == but ? 0 : look(p, server, w);
		if ((word & WAITING) == 0 ||
		    (first >= 0 && before(first_word, (unsigned)first, word, w)))
			continue;
		first = (int)w;
		first_word = word;
	}
	return first;
}

static void
nudge_waiting(const struct permits *p, unsigned server, unsigned but)
{
	int first = first_waiting(p, server, but);

	if (first >= 0)
		conn_limit_nudge(p, (unsigned)first);
}

static void
nudge_holders(const struct permits *p, unsigned server)
{
	unsigned next = 0, w;

	while (next_worker(p, &next, &w))
		if (held(look(p, server, w)) > 0)
			conn_limit_nudge(p, w);
}

/* ---- taking and giving ---- */

/* What a worker sees of the others. */
struct conn_limit_view {
	unsigned held;	 /* permits, its own too */
	unsigned ahead;	 /* that have waited longer, or try and have */
	unsigned behind; /* that try and have to back off */
	bool waiting;	 /* somebody waits */
};

static struct conn_limit_view
look_around(const struct permits *p, unsigned server, unsigned worker, uint64_t mine)
{
	struct conn_limit_view s = {.held = held(mine)};
	unsigned next = 0, w;

	while (next_worker(p, &next, &w)) {
		uint64_t word = w == worker ? 0 : look(p, server, w);
		bool longer = before(word, w, mine, worker);
		s.held += held(word);
		s.waiting |= (word & WAITING) != 0;
		if ((word & (TRYING | WAITING)) != 0 && longer)
			s.ahead++;
		else if ((word & TRYING) != 0)
			s.behind++;
	}
	return s;
}

/* True: taken, and neither tries nor waits any more.  False: it tries no more, and waits if it did.
 */
static bool
attempt(struct permits *p, unsigned server, unsigned slots, unsigned worker, uint64_t since)
{
	uint64_t word = *own(p, server, worker) & (HELD | WAITING);
	struct conn_limit_view s = {0};

	word |= since << SINCE_AT;
	say(p, server, worker, word | TRYING);
	for (unsigned i = 0; i < LOOKS; i++) {
		s = look_around(p, server, worker, word);
		if (s.held + s.ahead + s.behind < slots) {
			say(p, server, worker, held(word) + 1);
			/* Several may have been given back, and one was told. */
			if (s.waiting && s.held + 1 < slots)
				nudge_waiting(p, server, worker);
			return true;
		}
		if (s.held + s.ahead >= slots || s.behind == 0)
			break;
	}
	say(p, server, worker, word);
	/* Others that saw this one try may have backed off for it. */
	if (s.held < slots)
		nudge_waiting(p, server, worker);
	return false;
}

unsigned
conn_limit_slots(const struct permits *p, unsigned slots, unsigned connections)
{
	uint64_t most = (uint64_t)p->workers * connections;

	return slots >= CONN_LIMIT_MAX && slots < most ? CONN_LIMIT_MAX - 1 : slots;
}

/* Since when the worker waits, or now. */
static uint64_t
waits_since(const struct permits *p, unsigned server, unsigned worker)
{
	uint64_t word = *own(p, server, worker);

	return (word & WAITING) != 0 ? word >> SINCE_AT : clock_us();
}

int
conn_limit_take(struct permits *p, unsigned server, unsigned slots, unsigned worker)
{
	uint64_t since;
	bool again;

	if (slots >= CONN_LIMIT_MAX)
		return CONN_LIMIT_UNBOUNDED;
	since = waits_since(p, server, worker);
	if (attempt(p, server, slots, worker, since))
		return CONN_LIMIT_TAKEN;
	again = (*own(p, server, worker) & WAITING) != 0;
	if (again)
		return CONN_LIMIT_NONE;
	say(p, server, worker, held(*own(p, server, worker)) | WAITING | since << SINCE_AT);
	if (attempt(p, server, slots, worker, since))
		return CONN_LIMIT_TAKEN;
	nudge_holders(p, server);
	return CONN_LIMIT_NONE;
}

int
conn_limit_try(struct permits *p, unsigned server, unsigned slots, unsigned worker)
{
	if (slots >= CONN_LIMIT_MAX)
		return CONN_LIMIT_UNBOUNDED;
	return attempt(p, server, slots, worker, waits_since(p, server, worker)) ? CONN_LIMIT_TAKEN
										 : CONN_LIMIT_NONE;
}

void
conn_limit_give(struct permits *p, unsigned server, int permit, unsigned worker)
{
	uint64_t word = *own(p, server, worker);
	int next;

	if (permit < 0)
		return;
	assert(held(word) > 0);
	word--;
	/* It has had its turn: if it waits, then behind the others. */
	if ((word & WAITING) != 0)
		word = held(word) | WAITING | clock_us() << SINCE_AT;
	say(p, server, worker, word);
	next = first_waiting(p, server, worker);
	if (next >= 0)
		conn_limit_nudge(p, (unsigned)next);
	else if ((word & WAITING) != 0)
		conn_limit_nudge(p, worker);
}

bool
conn_limit_wanted(const struct permits *p, unsigned server, unsigned worker)
{
	return first_waiting(p, server, worker) >= 0;
}

bool
conn_limit_owed(const struct permits *p, unsigned server, unsigned worker)
{
	unsigned mine = held(*own(p, server, worker)), next = 0, w;

	while (next_worker(p, &next, &w)) {
		uint64_t word = w == worker ? 0 : look(p, server, w);
		if ((word & WAITING) != 0 && held(word) < mine)
			return true;
	}
	return false;
}

void
conn_limit_forget(struct permits *p, unsigned server, unsigned worker)
{
	say(p, server, worker, held(*own(p, server, worker)));
	nudge_waiting(p, server, worker);
}

void
conn_limit_restate(struct permits *p, unsigned worker)
{
	_Atomic uint64_t *row = shm_own_row(&p->rows, worker);

	for (unsigned server = 0; server < p->servers; server++) {
		uint64_t word = *own(p, server, worker);
		if (atomic_load_explicit(&row[server], memory_order_relaxed) == word)
			continue;
		atomic_store(&row[server], word);
		nudge_waiting(p, server, worker);
	}
}

void
conn_limit_release_all(struct permits *p, unsigned worker)
{
	_Atomic uint64_t *row = shm_own_row(&p->rows, worker);

	dismiss(p, worker);
	for (unsigned server = 0; server < p->servers; server++) {
		if (atomic_load_explicit(&row[server], memory_order_relaxed) == 0)
			continue;
		say(p, server, worker, 0);
		nudge_waiting(p, server, worker);
	}
}

/* The master takes permits as the last of the workers. */
bool
conn_limit_only_master(const struct permits *p, unsigned server)
{
	return conn_limit_held(p, server) == held(look(p, server, p->workers - 1));
}

unsigned
conn_limit_held(const struct permits *p, unsigned server)
{
	unsigned next = 0, w, n = 0;

	while (next_worker(p, &next, &w))
		n += held(look(p, server, w));
	return n;
}

struct conn_limit_use
permits_use(const struct permits *p, unsigned end)
{
	struct conn_limit_use use = {0, 0};

	for (unsigned server = 0; server < end && server < p->servers; server++) {
		unsigned next = 0, w;
		while (next_worker(p, &next, &w)) {
			uint64_t word = look(p, server, w);
			use.held += held(word);
			use.waiting += (word & WAITING) != 0;
		}
	}
	return use;
}
