/* conn.c - conns are made, driven by their events and by the end of each turn of the loop, and
 * freed; see conn.h for the states and what may be called when. */
#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "conn_internal.h"
#include "net.h"
#include "tls_tickets.h"

/* ---- events ---- */

static void
timed_out(struct conn *c)
{
	if (c->state == CONN_LINGERING)
		conn_fail(c, c->error);
	else
		conn_fail(c, c->handshake_until != 0 ? ETIME : ETIMEDOUT);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		timed_out(c);
		return;
	}
	if (c->state == CONN_LINGERING) {
		conn_discard_input(c);
		return;
	}
	if (c->state == CONN_HANDSHAKING) {
		conn_tls_step(c);
		return;
	}
	if (c->state == CONN_SNIFFING)
		conn_take_first(c);
	else
		conn_take_input(c);
	if (c->state != CONN_CLOSED)
		conn_update_interest(c);
}

static void
connected(struct conn *c)
{
	int error = c->decided ? c->outcome : net_connect_result(c->fd);

	if (error != 0) {
		conn_fail(c, error);
		return;
	}
	c->idle_ms = 0;
	if (c->tls != NULL)
		conn_tls_begin(c);
	else
		conn_opened(c);
}

/* What TLS could not say while it read, it says when it reads on. */
static void
write_more(struct conn *c)
{
	bool reads = c->tls_writes && conn_wants_read(c);

	c->tls_writes = false;
	if (reads)
		conn_take_input(c);
	if (c->state != CONN_CLOSED)
		conn_serve_output(c);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT)
		timed_out(c);
	else if (c->state == CONN_CONNECTING)
		connected(c);
	else if (c->state == CONN_HANDSHAKING)
		conn_tls_step(c);
	else
		write_more(c);
}

/* ---- the end of a turn ---- */

static void
bury(struct conn_loop *loop)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&loop->grave)) != NULL) {
		TAILQ_REMOVE(&loop->grave, c, link);
		buf_pool_take_back(&loop->spares, &c->in);
		buf_pool_take_back(&loop->spares, &c->out);
		tls_free(c->tls);
		free(c);
	}
}

static void
on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	struct conn_loop *loop = arg;
	struct conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&loop->dirty)) != NULL) {
		TAILQ_REMOVE(&loop->dirty, c, dirty_link);
		c->dirty = false;
		if (c->turned_off != 0) {
			conn_fail(c, c->turned_off);
			continue;
		}
		if (c->state == CONN_CONNECTING && c->decided) {
			connected(c); /* what is to be written then makes it dirty again */
			continue;
		}
		conn_resume_input(c);
		if (c->state != CONN_CLOSED)
			conn_serve_output(c);
	}
	bury(loop);
	loop->now_us = 0;
	if (loop->at_turn_end != NULL)
		loop->at_turn_end(loop->at_turn_end_ctx);
}

/* ---- the loop ---- */

struct conn_loop *
conn_loop_new(struct event_base *base, size_t max_message)
{
	struct conn_loop *loop = calloc(1, sizeof *loop);

	if (loop == NULL)
		return NULL;
	loop->turn_end = event_new(base, -1, 0, on_turn_end, loop);
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

/* So that a loop to which nobody comes keeps no former secret either. */
static void
on_tickets_clock(evutil_socket_t fd, short what, void *arg)
{
	struct conn_loop *loop = arg;
	struct timeval tv;

	(void)fd;
	(void)what;
	tls_tickets_advance(clock_ms());
	tv = clock_timeval(tls_tickets_left(clock_ms()));
	(void)event_add(loop->tickets_clock, &tv); /* without it: with the next session */
}

void
conn_loop_secure(struct conn_loop *loop, const struct conn_tls *tls, struct scoreboard_row *row)
{
	loop->tls = *tls;
	loop->row = row;
	if (tls->mode == CONN_TLS_OFF || loop->tickets_clock != NULL)
		return;
	loop->tickets_clock = event_new(loop->base, -1, 0, on_tickets_clock, loop);
	if (loop->tickets_clock != NULL)
		on_tickets_clock(-1, EV_TIMEOUT, loop);
}

void
conn_loop_free(struct conn_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->base != NULL) {
		assert(TAILQ_EMPTY(&loop->open) && loop->memory == 0);
		bury(loop);
	}
	if (loop->turn_end != NULL)
		event_free(loop->turn_end);
	if (loop->tickets_clock != NULL)
		event_free(loop->tickets_clock);
	buf_release(&loop->scratch);
	buf_pool_release(&loop->spares);
	free(loop);
}

unsigned
conn_loop_count(const struct conn_loop *loop)
{
	return loop->count;
}

const uint64_t *
conn_loop_held(const struct conn_loop *loop)
{
	return &loop->memory;
}

void
conn_loop_at_turn_end(struct conn_loop *loop, void (*fn)(void *), void *ctx)
{
	loop->at_turn_end = fn;
	loop->at_turn_end_ctx = ctx;
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

/* ---- birth ---- */

static struct conn *
conn_make(struct conn_loop *loop, int fd, enum conn_state state, const struct conn_ops *ops,
	  void *ctx)
{
	struct conn *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->ops = ops;
	c->ctx = ctx;
	c->state = state;
	c->fd = fd;
	frame_init(&c->frame, loop->max_message);
	if (event_assign(&c->rd, loop->base, fd, EV_READ | EV_PERSIST, on_readable, c) < 0 ||
	    event_assign(&c->wr, loop->base, fd, EV_WRITE | EV_PERSIST, on_writable, c) < 0) {
		free(c);
		errno = EINVAL;
		return NULL;
	}
	TAILQ_INSERT_TAIL(&loop->open, c, link);
	loop->count++;
	return c;
}

struct conn *
conn_new(struct conn_loop *loop, int fd, uint64_t idle_ms, const struct conn_ops *ops, void *ctx)
{
	struct conn *c = conn_make(loop, fd, CONN_OPEN, ops, ctx);

	if (c == NULL)
		return NULL;
	c->idle_ms = idle_ms;
	c->accepted = true;
	if (loop->tls.mode != CONN_TLS_OFF)
		conn_tls_begin(c);
	else
		conn_update_interest(c);
	return c;
}

/* Most clients ask as soon as they are connected, so that there is something to read when they are
 * accepted.  Where it was not so, some are left out, more each time. */
enum { VAIN_MAX = 63 };

void
conn_read_at_once(struct conn *c)
{
	struct conn_loop *loop = c->loop;

	if (c->state != CONN_OPEN)
		return;
	if (loop->skip > 0) {
		loop->skip--;
		return;
	}
	conn_take_input(c);
	loop->vain = c->begun || c->eof ? 0 : loop->vain < VAIN_MAX ? 2 * loop->vain + 1 : VAIN_MAX;
	loop->skip = loop->vain;
	if (c->state != CONN_CLOSED)
		conn_update_interest(c);
}

static struct conn *
dial(struct conn_loop *loop, int fd, const struct addr *to, const struct conn_tls_peer *peer,
     const struct conn_ops *ops, void *ctx)
{
	bool secure = peer != NULL && peer->creds != NULL;
	struct tls *tls = secure ? tls_new(peer->creds, fd, peer->name) : NULL;
	struct conn *c;

	if (secure && tls == NULL)
		return NULL;
	if (secure)
		tls_resume(tls, to);
	c = conn_make(loop, fd, CONN_CONNECTING, ops, ctx);
	if (c == NULL) {
		tls_free(tls);
		return NULL;
	}
	c->tls = tls;
	c->handshake_ms = secure ? peer->handshake_ms : 0;
	return c;
}

struct conn *
conn_connect_tls(struct conn_loop *loop, const struct addr *to, uint64_t timeout_ms,
		 const struct conn_tls_peer *peer, const struct conn_ops *ops, void *ctx)
{
	int fd = net_connect(to);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = dial(loop, fd, to, peer, ops, ctx);
	if (c == NULL) {
		int saved = errno;
		(void)close(fd);
		errno = saved;
		return NULL;
	}
	c->idle_ms = timeout_ms;
	c->outcome = net_connect_decided(fd, to);
	c->decided = c->outcome != EINPROGRESS;
	if (c->decided)
		conn_mark_dirty(c); /* not told from here: the caller does not know it yet */
	conn_update_interest(c);
	return c;
}

struct conn *
conn_connect(struct conn_loop *loop, const struct addr *to, uint64_t timeout_ms,
	     const struct conn_ops *ops, void *ctx)
{
	return conn_connect_tls(loop, to, timeout_ms, NULL, ops, ctx);
}
