/* conn_loop.c - what the conns of one loop share; see conn.h. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "conn_state.h"

static void
bury(struct conn_loop *loop)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&loop->grave)) != NULL) {
		TAILQ_REMOVE(&loop->grave, c, link);
		spares_take_back(&loop->spares, &c->in);
		spares_take_back(&loop->spares, &c->out);
		tls_free(c->tls);
		free(c);
	}
}

static void
conn_turn_end(evutil_socket_t fd, short what, void *arg)
{
	struct conn_loop *loop = arg;
	struct conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&loop->dirty)) != NULL) {
		TAILQ_REMOVE(&loop->dirty, c, dirty_link);
		c->dirty = false;
		if (c->turned_off) {
			conn_fail(c, EBUSY);
			continue;
		}
		conn_resume_input(c);
		if (c->state != CONN_CLOSED)
			conn_serve_output(c);
	}
	bury(loop);
	loop->now_us = 0;
}

struct conn_loop *
conn_loop_new(struct event_base *base, size_t max_message)
{
	struct conn_loop *loop = calloc(1, sizeof *loop);

	if (loop == NULL)
		return NULL;
	loop->turn_end = event_new(base, -1, 0, conn_turn_end, loop);
	if (loop->turn_end == NULL || buf_reserve(&loop->scratch, READ_CHUNK) == NULL) {
		conn_loop_free(loop);
		return NULL;
	}
	loop->base = base;
	loop->max_message = max_message;
	TAILQ_INIT(&loop->dirty);
	TAILQ_INIT(&loop->open);
	TAILQ_INIT(&loop->grave);
	return loop;
}

void
conn_loop_secure(struct conn_loop *loop, const struct conn_tls *tls, struct scoreboard_row *row)
{
	loop->tls = *tls;
	loop->row = row;
}

void
conn_loop_free(struct conn_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->base != NULL) {
		assert(TAILQ_EMPTY(&loop->open));
		bury(loop);
	}
	if (loop->turn_end != NULL)
		event_free(loop->turn_end);
	buf_release(&loop->scratch);
	spares_release(&loop->spares);
	free(loop);
}

unsigned
conn_loop_count(const struct conn_loop *loop)
{
	return loop->count;
}

/* libevent keeps events of one common length in a list instead of a heap: thousands of idle conns
 * cost nothing.  NULL (no time-out) for 0. */
const struct timeval *
conn_timeout(struct conn_loop *loop, uint64_t ms, struct timeval *fallback)
{
	if (ms == 0)
		return NULL;
	*fallback = clock_timeval(ms);
	for (size_t i = 0; i < IDLE_KINDS; i++) {
		if (loop->idle[i].ms == ms)
			return loop->idle[i].tv;
		if (loop->idle[i].ms != 0)
			continue;
		const struct timeval *tv = event_base_init_common_timeout(loop->base, fallback);
		if (tv == NULL)
			break;
		loop->idle[i].ms = ms;
		loop->idle[i].tv = tv;
		return tv;
	}
	return fallback;
}

uint64_t
conn_loop_us(struct conn_loop *loop)
{
	if (loop->now_us == 0) {
		loop->now_us = clock_us();
		event_active(loop->turn_end, EV_TIMEOUT, 0);
	}
	return loop->now_us;
}
