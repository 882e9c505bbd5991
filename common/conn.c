/* conn.c - see conn.h for the states and who may call what. */
#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "frame.h"
#include "net.h"

enum {
	READ_CHUNK = 65536,  /* bytes read per wake: one conn can't keep the loop from the others */
	LINGER_QUIET = 1000, /* ms without input that end a linger */
	LINGER_MAX = 5000,   /* ms that a linger lasts at most */
	IDLE_KINDS = 8	     /* different time-outs of one loop, at most */
};

enum conn_state {
	CONN_CONNECTING,
	CONN_OPEN,
	CONN_HALF,
	CONN_FINISHING,
	CONN_LINGERING,
	CONN_CLOSED
};

struct conn {
	struct conn_loop *loop;
	const struct conn_ops *ops;
	void *ctx;
	enum conn_state state;
	int fd;
	bool held;	 /* conn_hold(): deliver nothing, read nothing */
	bool eof;	 /* the peer has ended its side */
	bool faulted;	 /* the stream can't be followed further */
	bool dirty;	 /* on loop->dirty */
	bool delivering; /* stands in deliver(): more may be waiting */
	uint64_t idle_ms;
	uint64_t linger_until; /* clock_ms() */
	struct frame frame;
	struct buf in, out;
	struct event rd, wr;
	TAILQ_ENTRY(conn) dirty_link; /* in loop->dirty: to be flushed, resumed or both */
	TAILQ_ENTRY(conn) link;	      /* in loop->open or, closed, in loop->grave */
};

TAILQ_HEAD(conn_list, conn);

struct conn_loop {
	struct event_base *base;
	size_t max_message;
	struct event *turn_end; /* made active by whatever has to be done when the turn ends */
	struct conn_list dirty, open, grave;
	unsigned count;
	struct buf scratch; /* where input is read to while a conn has none waiting */
	struct {
		uint64_t ms;
		const struct timeval *tv; /* in libevent's own list: one queue per length */
	} idle[IDLE_KINDS];
};

static void conn_turn_end(evutil_socket_t fd, short what, void *arg);
static void conn_readable(evutil_socket_t fd, short what, void *arg);
static void conn_writable(evutil_socket_t fd, short what, void *arg);

/* ---- the loop ---- */

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

static void
bury(struct conn_loop *loop)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&loop->grave)) != NULL) {
		TAILQ_REMOVE(&loop->grave, c, link);
		buf_release(&c->in);
		buf_release(&c->out);
		free(c);
	}
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
	free(loop);
}

unsigned
conn_loop_count(const struct conn_loop *loop)
{
	return loop->count;
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

static void
mark_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	TAILQ_INSERT_TAIL(&c->loop->dirty, c, dirty_link);
	event_active(c->loop->turn_end, EV_TIMEOUT, 0);
}

/* ---- interest, derived in one place ---- */

static bool
wants_read(const struct conn *c)
{
	if (c->state == CONN_LINGERING)
		return true;
	return c->state == CONN_OPEN && !c->held && !c->eof && !c->faulted;
}

static bool
wants_write(const struct conn *c)
{
	return c->state == CONN_CONNECTING || (c->state != CONN_CLOSED && buf_len(&c->out) > 0);
}

static void
set_interest(struct event *ev, bool wanted, const struct timeval *timeout)
{
	bool pending = event_pending(ev, EV_READ | EV_WRITE, NULL);

	/* event_add fails for lack of memory only; the idle sweep of the peer then ends the conn.
	 */
	if (wanted && !pending)
		(void)event_add(ev, timeout);
	else if (!wanted && pending)
		(void)event_del(ev);
}

static void
update_interest(struct conn *c)
{
	struct timeval tv;
	uint64_t quiet = c->state == CONN_LINGERING ? LINGER_QUIET : c->idle_ms;

	set_interest(&c->rd, wants_read(c), timeout_of(c->loop, quiet, &tv));
	set_interest(&c->wr, wants_write(c), timeout_of(c->loop, c->idle_ms, &tv));
}

/* ---- closing ---- */

static void
conn_die(struct conn *c)
{
	assert(c->state != CONN_CLOSED);
	c->state = CONN_CLOSED;
	(void)event_del(&c->rd);
	(void)event_del(&c->wr);
	(void)close(c->fd);
	c->fd = -1;
	if (c->dirty) {
		TAILQ_REMOVE(&c->loop->dirty, c, dirty_link);
		c->dirty = false;
	}
	TAILQ_REMOVE(&c->loop->open, c, link);
	TAILQ_INSERT_TAIL(&c->loop->grave, c, link);
	c->loop->count--;
	event_active(c->loop->turn_end, EV_TIMEOUT, 0);
}

static void
conn_fail(struct conn *c, int error)
{
	conn_die(c);
	c->ops->on_close(c, error, c->ctx);
}

void
conn_close(struct conn *c)
{
	if (c != NULL && c->state != CONN_CLOSED)
		conn_die(c);
}

/* Our side is written out: end it, and wait for the peer's end. */
static void
conn_linger(struct conn *c)
{
	if (c->eof || shutdown(c->fd, SHUT_WR) < 0) {
		conn_fail(c, 0);
		return;
	}
	c->state = CONN_LINGERING;
	c->linger_until = clock_ms() + LINGER_MAX;
	(void)event_del(&c->rd); /* its time-out is another one now */
	update_interest(c);
}

void
conn_finish(struct conn *c)
{
	if (c->state != CONN_OPEN && c->state != CONN_HALF) {
		if (c->state == CONN_CONNECTING)
			conn_fail(c, 0);
		return;
	}
	c->state = CONN_FINISHING;
	update_interest(c);
	mark_dirty(c);
}

/* ---- input ---- */

static void
deliver(struct conn *c, struct buf *in)
{
	enum frame_result got = FRAME_READY;
	struct span text;

	c->delivering = true;
	while (got == FRAME_READY && c->state == CONN_OPEN && !c->held) {
		got = frame_next(&c->frame, in, &text);
		if (got == FRAME_READY)
			c->ops->on_packet(c, text, c->ctx);
	}
	c->delivering = false;
	if (got == FRAME_ERROR) {
		c->faulted = true;
		c->ops->on_fault(c, errno, c->ctx);
	}
}

/* After delivery: the end of the peer's side is told once nothing is left to deliver before it. */
static void
tell_eof(struct conn *c, const struct buf *in)
{
	if (c->state != CONN_OPEN || !c->eof || c->held || c->faulted)
		return;
	c->state = CONN_HALF;
	c->ops->on_eof(c, frame_partial(&c->frame, in), c->ctx);
}

/* What the frame has not consumed of the loop's scratch moves to the conn. */
static void
keep_rest(struct conn *c, struct buf *scratch)
{
	if (c->state == CONN_OPEN && !c->faulted && buf_append_span(&c->in, buf_span(scratch)) < 0)
		conn_fail(c, ENOMEM);
	buf_clear(scratch);
}

static void
take_input(struct conn *c)
{
	struct buf *in = buf_len(&c->in) > 0 ? &c->in : &c->loop->scratch;
	char *room = buf_reserve(in, READ_CHUNK);
	ssize_t n;

	if (room == NULL) {
		conn_fail(c, ENOMEM);
		return;
	}
	do
		n = recv(c->fd, room, READ_CHUNK, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN)
			conn_fail(c, errno);
		return;
	}
	if (n == 0)
		c->eof = true;
	buf_commit(in, (size_t)n);
	deliver(c, in);
	tell_eof(c, in);
	if (in == &c->loop->scratch)
		keep_rest(c, in);
	else if (buf_len(&c->in) == 0)
		buf_release(&c->in);
}

static void
discard_input(struct conn *c)
{
	char *room = buf_reserve(&c->loop->scratch, READ_CHUNK);
	ssize_t n = room == NULL ? 0 : recv(c->fd, room, READ_CHUNK, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || clock_ms() >= c->linger_until)
		conn_fail(c, 0);
}

static void
conn_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT) {
		conn_fail(c, c->state == CONN_LINGERING ? 0 : ETIMEDOUT);
		return;
	}
	if (c->state == CONN_LINGERING) {
		discard_input(c);
		return;
	}
	take_input(c);
	if (c->state != CONN_CLOSED)
		update_interest(c);
}

void
conn_hold(struct conn *c)
{
	c->held = true;
	if (c->state != CONN_CLOSED)
		update_interest(c);
}

void
conn_resume(struct conn *c)
{
	if (!c->held)
		return;
	c->held = false;
	if (c->state != CONN_CLOSED)
		mark_dirty(c); /* not from here: the caller may stand in another conn's callback */
}

static void
resume_input(struct conn *c)
{
	if (c->state != CONN_OPEN || c->held || c->faulted)
		return;
	deliver(c, &c->in);
	tell_eof(c, &c->in);
	if (c->state != CONN_CLOSED && buf_len(&c->in) == 0)
		buf_release(&c->in);
}

/* ---- output ---- */

/* False when the conn died of it. */
static bool
flush(struct conn *c)
{
	while (buf_len(&c->out) > 0) {
		struct span s = buf_span(&c->out);
		ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			conn_fail(c, errno);
			return false;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->out.cap > 0) {
		buf_release(&c->out);
		if (c->ops->on_drained != NULL && c->state != CONN_FINISHING)
			c->ops->on_drained(c, c->ctx);
	}
	return c->state != CONN_CLOSED;
}

static void
serve_output(struct conn *c)
{
	if (c->state == CONN_CONNECTING || c->state == CONN_LINGERING || !flush(c))
		return;
	if (c->state == CONN_FINISHING && buf_len(&c->out) == 0)
		conn_linger(c);
	else
		update_interest(c);
}

static void
connected(struct conn *c)
{
	int error = net_connect_result(c->fd);

	if (error != 0) {
		conn_fail(c, error);
		return;
	}
	(void)event_del(&c->wr); /* its time-out was the connect's */
	c->idle_ms = 0;
	c->state = CONN_OPEN;
	if (c->ops->on_open != NULL)
		c->ops->on_open(c, c->ctx);
	if (c->state == CONN_CLOSED)
		return;
	update_interest(c);
	mark_dirty(c); /* what was written while connecting goes out in this turn */
}

static void
conn_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT)
		conn_fail(c, ETIMEDOUT);
	else if (c->state == CONN_CONNECTING)
		connected(c);
	else
		serve_output(c);
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
		resume_input(c);
		if (c->state != CONN_CLOSED)
			serve_output(c);
	}
	bury(loop);
}

int
conn_write(struct conn *c, struct span bytes)
{
	struct buf *out = conn_output(c);

	if (out == NULL) {
		errno = ENOTCONN;
		return -1;
	}
	if (buf_append_span(out, bytes) < 0)
		return -1;
	conn_flush_later(c);
	return 0;
}

struct buf *
conn_output(struct conn *c)
{
	return conn_is_open(c) || c->state == CONN_CONNECTING ? &c->out : NULL;
}

void
conn_flush_later(struct conn *c)
{
	if (conn_is_open(c))
		mark_dirty(c);
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
	if (event_assign(&c->rd, loop->base, fd, EV_READ | EV_PERSIST, conn_readable, c) < 0 ||
	    event_assign(&c->wr, loop->base, fd, EV_WRITE | EV_PERSIST, conn_writable, c) < 0) {
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
	update_interest(c);
	return c;
}

struct conn *
conn_connect(struct conn_loop *loop, const struct addr *to, uint64_t timeout_ms,
	     const struct conn_ops *ops, void *ctx)
{
	int fd = net_connect(to);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = conn_make(loop, fd, CONN_CONNECTING, ops, ctx);
	if (c == NULL) {
		int saved = errno;
		(void)close(fd);
		errno = saved;
		return NULL;
	}
	c->idle_ms = timeout_ms;
	update_interest(c);
	return c;
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
	update_interest(c);
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
	return !c->delivering && buf_len(&c->out) == 0 && !frame_partial(&c->frame, &c->in);
}

int
conn_fd(const struct conn *c)
{
	return c->fd;
}
