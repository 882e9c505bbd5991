/* conn_state.c - the state of a conn and what follows from it: what it waits for, what it holds,
 * its end.  Everything else of conn stands on this; see conn_internal.h. */
#include <assert.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn_internal.h"
#include "net.h"

void
conn_mark_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	TAILQ_INSERT_TAIL(&c->loop->dirty, c, dirty_link);
	event_active(c->loop->turn_end, EV_TIMEOUT, 0);
}

/* ---- interest, derived in one place ---- */

/* What is queued in this turn is written when it ends; only what is left then waits for the socket.
 */
static bool
wants_write(const struct conn *c)
{
	if (c->state == CONN_CONNECTING)
		return !c->decided;
	return c->state != CONN_CLOSED && ((buf_len(&c->out) > 0 && !c->dirty) || c->tls_writes);
}

/* libevent keeps events of one common length in a list instead of a heap: thousands of idle conns
 * cost nothing.  NULL (no time-out) for 0. */
static const struct timeval *
timeout_of(struct conn_loop *loop, uint64_t ms, struct timeval *fallback)
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

/* One for whose event there is no memory is closed when the turn ends: nothing would wake it. */
static void
arm(struct conn *c, struct event *ev, const struct timeval *timeout)
{
	if (event_add(ev, timeout) == 0)
		return;
	c->turned_off = ENOMEM; /* not from here: the caller may not know it yet */
	conn_mark_dirty(c);
}

static void
set_interest(struct conn *c, struct event *ev, bool wanted, uint64_t ms)
{
	bool pending = event_pending(ev, EV_READ | EV_WRITE, NULL);
	struct timeval tv;

	if (!wanted && pending)
		(void)event_del(ev);
	if (wanted && !pending)
		arm(c, ev, timeout_of(c->loop, ms, &tv));
}

/* What is left of the clock, not a pause from now on: drops of input don't keep it from ending. */
static const struct timeval *
handshake_left(struct conn *c, struct timeval *tv)
{
	uint64_t now = clock_ms();

	if (c->handshake_until == 0)
		return timeout_of(c->loop, c->idle_ms, tv);
	*tv = clock_timeval(c->handshake_until > now ? c->handshake_until - now : 1);
	return tv;
}

/* While sniffing and shaking hands. */
static void
set_handshake_interest(struct conn *c)
{
	bool writes = c->state == CONN_HANDSHAKING && c->tls_writes;
	struct timeval tv;

	/* One that is there already gets a new time and costs no call of the system. */
	(void)event_del(writes ? &c->rd : &c->wr);
	arm(c, writes ? &c->wr : &c->rd, handshake_left(c, &tv));
}

void
conn_update_interest(struct conn *c)
{
	bool lingers = c->state == CONN_LINGERING;

	if (c->state == CONN_SNIFFING || c->state == CONN_HANDSHAKING) {
		set_handshake_interest(c);
		return;
	}
	set_interest(c, &c->rd, lingers || conn_wants_read(c), lingers ? LINGER_QUIET : c->idle_ms);
	set_interest(c, &c->wr, wants_write(c), c->idle_ms);
	if (c->tls != NULL && !c->tls_writes && conn_wants_read(c) && tls_pending(c->tls))
		event_active(&c->rd, EV_READ, 0);
}

/* ---- what is held ---- */

/* A small buffer's memory was another's before and is all there; of a large one what is beyond
 * the content was never touched. */
static size_t
memory_of(const struct buf *b)
{
	if (b->cap <= BUF_POOL_MAX)
		return b->cap;
	return b->tail > BUF_POOL_MAX ? b->tail : BUF_POOL_MAX;
}

void
conn_count_held(struct conn *c)
{
	size_t now = memory_of(&c->in) + memory_of(&c->out);

	if (c->state == CONN_CLOSED)
		now = 0;
	else if (c->tls != NULL && c->accepted) /* those to servers are no peer's */
		now += TLS_HELD + (c->tls_partial ? TLS_RECORD : 0) + tls_held(c->tls);
	c->loop->memory += now - c->memory;
	c->memory = now;
}

size_t
conn_unfinished(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->faulted && !c->held && !c->delivering
		       ? memory_of(&c->in)
		       : 0;
}

void *
conn_loop_most_unfinished(const struct conn_loop *loop)
{
	const struct conn *c, *most = NULL;

	TAILQ_FOREACH(c, &loop->open, link) {
		size_t n = c->accepted ? conn_unfinished(c) : 0;
		if (n > 0 && (most == NULL || n >= conn_unfinished(most)))
			most = c;
	}
	return most == NULL ? NULL : most->ctx;
}

/* ---- handshakes under way ---- */

static void
tell_handshaking(const struct conn_loop *loop)
{
	if (loop->row != NULL)
		counter_set(&loop->row->tls_handshaking, loop->handshaking);
}

void
conn_handshake_enter(struct conn *c)
{
	c->counted = true;
	c->loop->handshaking++;
	tell_handshaking(c->loop);
}

void
conn_handshake_leave(struct conn *c)
{
	c->handshake_until = 0;
	if (!c->counted)
		return;
	c->counted = false;
	c->loop->handshaking--;
	tell_handshaking(c->loop);
}

void
conn_handshake_failed(struct conn *c)
{
	if (c->counted && c->loop->row != NULL)
		counter_add(&c->loop->row->tls_failed, 1);
	conn_handshake_leave(c);
}

/* ---- transitions ---- */

/* After a handshake it is read from as before, but by another clock. */
static void
keep_reading(struct conn *c)
{
	struct timeval tv;

	if (c->idle_ms != 0 && event_pending(&c->rd, EV_READ, NULL))
		arm(c, &c->rd, timeout_of(c->loop, c->idle_ms, &tv));
}

void
conn_opened(struct conn *c)
{
	bool reads = c->tls != NULL && event_pending(&c->rd, EV_READ, NULL);

	if (reads) /* its time-out was that of before */
		(void)event_remove_timer(&c->rd);
	else
		(void)event_del(&c->rd);
	(void)event_del(&c->wr);
	c->state = CONN_OPEN;
	if (c->ops->on_open != NULL)
		c->ops->on_open(c, c->ctx);
	if (c->state == CONN_CLOSED)
		return;
	conn_mark_dirty(c); /* what was written while connecting goes out in this turn */
	conn_update_interest(c);
	if (reads)
		keep_reading(c);
}

static void
die(struct conn *c)
{
	assert(c->state != CONN_CLOSED);
	c->state = CONN_CLOSED;
	conn_handshake_failed(c);
	(void)event_del(&c->rd);
	(void)event_del(&c->wr);
	(void)close(c->fd);
	c->fd = -1;
	if (c->dirty) {
		TAILQ_REMOVE(&c->loop->dirty, c, dirty_link);
		c->dirty = false;
	}
	conn_count_held(c);
	TAILQ_REMOVE(&c->loop->open, c, link);
	TAILQ_INSERT_TAIL(&c->loop->grave, c, link);
	c->loop->count--;
	event_active(c->loop->turn_end, EV_TIMEOUT, 0);
}

void
conn_fail(struct conn *c, int error)
{
	die(c);
	c->ops->on_close(c, error, c->ctx);
}

void
conn_close(struct conn *c)
{
	if (c != NULL && c->state != CONN_CLOSED)
		die(c);
}

void
conn_hang_up(struct conn *c)
{
	if (c->eof || shutdown(c->fd, SHUT_WR) < 0) {
		conn_fail(c, c->error);
		return;
	}
	c->state = CONN_LINGERING;
	c->linger_until = clock_ms() + LINGER_MAX;
	(void)event_del(&c->rd); /* its time-out is another one now */
	conn_update_interest(c);
}

/* ---- asking ---- */

void
conn_set_idle(struct conn *c, uint64_t idle_ms)
{
	if (c->state != CONN_OPEN && c->state != CONN_HALF)
		return;
	c->idle_ms = idle_ms;
	(void)event_del(&c->rd);
	(void)event_del(&c->wr);
	conn_update_interest(c);
}

size_t
conn_gathered(const struct conn *c)
{
	return c->dirty && !event_pending(&c->wr, EV_WRITE, NULL) ? buf_len(&c->out) : 0;
}

size_t
conn_queued(const struct conn *c)
{
	return buf_len(&c->out);
}

bool
conn_is_open(const struct conn *c)
{
	return c->state == CONN_OPEN || c->state == CONN_HALF;
}

bool
conn_is_idle(const struct conn *c)
{
	return c->state != CONN_HANDSHAKING && !c->delivering && buf_len(&c->out) == 0 &&
	       !frame_partial(&c->frame, &c->in);
}

bool
conn_has_unread(const struct conn *c)
{
	int n = 0;

	if (c->state != CONN_OPEN && c->state != CONN_SNIFFING)
		return false;
	if (frame_partial(&c->frame, &c->in) || (c->tls != NULL && tls_pending(c->tls)))
		return true;
	return ioctl(c->fd, FIONREAD, &n) == 0 && n > 0;
}

bool
conn_has_end(const struct conn *c)
{
	char byte;

	if (c->state != CONN_OPEN || c->tls != NULL)
		return c->eof;
	return c->eof || recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

const struct json_text_object *
conn_members(const struct conn *c)
{
	return c->loop->members.n > 0 ? &c->loop->members : NULL;
}

int
conn_fd(const struct conn *c)
{
	return c->fd;
}

const char *
conn_why(const struct conn *c, int error)
{
	if (c->why != NULL)
		return c->why;
	return c->tls != NULL && error == EPROTO ? tls_why(c->tls) : net_error_text(error);
}

const char *
conn_tls_describe(const struct conn *c)
{
	return c->tls != NULL && conn_is_open(c) ? tls_describe(c->tls) : NULL;
}
