/* worker_loop.c - see worker_loop.h. */
#include "worker_loop.h"

#include <malloc.h>
#include <sched.h>

#include "clock.h"

/* ---- busy polling ---- */

enum {
	AWAY = 50,     /* us; others did more than a moment's work meanwhile */
	PAUSE = 10000, /* us without looking on after that */
	MEAN = 16,     /* events over which the mean runs */
	CROWD = 2,     /* events at a time that tell of work enough: more gather during a sleep */
	VAIN = 63
};

bool
busy_poll_may(const struct busy_poll *b, bool expecting, uint64_t now_us)
{
	const struct busy_poll_kind *k = &b->kind[expecting];

	return b->limit_us > 0 && k->skip == 0 && b->crowd <= CROWD * MEAN &&
	       now_us >= b->left_off_us;
}

bool
busy_poll_gave_way(struct busy_poll *b, uint64_t away_us, uint64_t now_us)
{
	if (away_us <= AWAY)
		return true;
	b->left_off_us = now_us + PAUSE;
	return false;
}

void
busy_poll_found(struct busy_poll *b, unsigned events)
{
	b->crowd += events - (b->crowd + MEAN - 1) / MEAN; /* what is constant, it comes to */
}

void
busy_poll_spared(struct busy_poll *b, bool expecting)
{
	b->kind[expecting].vain /= 2;
}

void
busy_poll_slept(struct busy_poll *b, bool expecting, bool looked)
{
	struct busy_poll_kind *k = &b->kind[expecting];

	if (k->skip > 0)
		k->skip--;
	if (!looked)
		return;
	if (k->vain < VAIN)
		k->vain = k->vain * 2 + 1;
	k->skip = k->vain;
}

/* ---- the loop ---- */

enum turn { TURN_FAILED = -1, TURN_LAST, TURN_IDLE, TURN_BUSY };

/* One turn of the loop: what there is is done.  With `flags` it does not wait for it. */
static enum turn
turn(struct event_base *base, struct busy_poll *b, int flags)
{
	int events, empty = event_base_loop(base, EVLOOP_ONCE | flags);

	if (empty < 0)
		return TURN_FAILED;
	if (empty > 0 || event_base_got_break(base))
		return TURN_LAST;
	events = event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, 1);
	if (events <= 0)
		return TURN_IDLE;
	busy_poll_found(b, (unsigned)events);
	return TURN_BUSY;
}

/* Turns until something comes, TURN_IDLE when it is time to sleep.  The time in which others had
 * the processor does not count. */
static enum turn
look_on(struct event_base *base, struct busy_poll *b, uint64_t since)
{
	for (;;) {
		enum turn t = turn(base, b, EVLOOP_NONBLOCK);
		uint64_t now = clock_us(), back;

		if (t != TURN_IDLE || now - since >= b->limit_us)
			return t;
		(void)sched_yield();
		back = clock_us();
		since += back - now;
		if (!busy_poll_gave_way(b, back - now, back))
			return TURN_IDLE;
	}
}

static enum turn
next(struct event_base *base, struct busy_poll *b, bool expecting)
{
	uint64_t since = clock_us();
	bool looks = busy_poll_may(b, expecting, since);
	enum turn t = looks ? look_on(base, b, since) : TURN_IDLE;

	if (t != TURN_IDLE) {
		busy_poll_spared(b, expecting);
		return t;
	}
	t = turn(base, b, 0);
	busy_poll_slept(b, expecting, looks);
	return t;
}

int
worker_loop(struct event_base *base, struct busy_poll *b, bool (*expects)(void *), void *state)
{
	enum turn t = TURN_BUSY;

	if (b->limit_us == 0)
		return event_base_dispatch(base) < 0 ? -1 : 0;
	while (t == TURN_BUSY || t == TURN_IDLE)
		t = next(base, b, expects != NULL && expects(state));
	return t == TURN_LAST ? 0 : -1;
}

/* ---- free memory ---- */

enum {
	KEPT = 1 << 26,	 /* bytes free at the top of the heap that are not given back at once */
	MAPPED = 1 << 25 /* bytes of what is asked from the system by itself */
};

void
heap_trim_init(void)
{
	/* Whatever is not taken stays as it was. */
	(void)mallopt(M_TRIM_THRESHOLD, KEPT);
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED);
}

void
heap_trim(struct heap_trim *m, uint64_t done)
{
	if (done != m->done) {
		m->done = done;
		m->rested = false;
	} else if (!m->rested) {
		(void)malloc_trim(0);
		m->rested = true;
	}
}
