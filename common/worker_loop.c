/* worker_loop.c - see worker_loop.h. */
#include "worker_loop.h"

#include <sched.h>

#include "clock.h"

enum turn { TURN_FAILED = -1, TURN_LAST, TURN_IDLE, TURN_BUSY };

/* One turn of the loop: what there is is done.  With `flags` it does not wait for it. */
static enum turn
turn(struct event_base *base, struct busypoll *b, int flags)
{
	int events, empty = event_base_loop(base, EVLOOP_ONCE | flags);

	if (empty < 0)
		return TURN_FAILED;
	if (empty > 0 || event_base_got_break(base))
		return TURN_LAST;
	events = event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, 1);
	if (events <= 0)
		return TURN_IDLE;
	busypoll_found(b, (unsigned)events);
	return TURN_BUSY;
}

/* Turns until something comes, TURN_IDLE when it is time to sleep.  The time in which others had
 * the processor is not waiting: *since moves by as much. */
static enum turn
look_on(struct event_base *base, struct busypoll *b, uint64_t *since)
{
	for (;;) {
		enum turn t = turn(base, b, EVLOOP_NONBLOCK);
		uint64_t now = clock_us(), back;

		if (t != TURN_IDLE || now - *since >= b->limit_us)
			return t;
		(void)sched_yield();
		back = clock_us();
		*since += back - now;
		if (!busypoll_gave_way(b, back - now, back))
			return TURN_IDLE;
	}
}

static enum turn
next(struct event_base *base, struct busypoll *b, bool expecting)
{
	uint64_t since = clock_us();
	bool looks = busypoll_may(b, expecting, since);
	enum turn t = looks ? look_on(base, b, &since) : TURN_IDLE;

	if (t != TURN_IDLE) {
		busypoll_spared(b, expecting);
		return t;
	}
	t = turn(base, b, 0);
	busypoll_slept(b, expecting, looks, clock_us() - since);
	return t;
}

int
worker_loop(struct event_base *base, struct busypoll *b, bool (*expects)(void *), void *state)
{
	enum turn t = TURN_BUSY;

	if (b->limit_us == 0)
		return event_base_dispatch(base) < 0 ? -1 : 0;
	while (t == TURN_BUSY || t == TURN_IDLE)
		t = next(base, b, expects != NULL && expects(state));
	return t == TURN_LAST ? 0 : -1;
}
