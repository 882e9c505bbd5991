/* conn.c - see conn.h for the states and who may call what. */
#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn_state.h"
#include "net.h"

static void conn_readable(evutil_socket_t fd, short what, void *arg);
static void conn_writable(evutil_socket_t fd, short what, void *arg);

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

static bool
wants_read(const struct conn *c)
{
	if (c->state == CONN_LINGERING)
		return true;
	return c->state == CONN_OPEN && !c->held && !c->eof && !c->faulted;
}

/* What is queued in this turn is written when it ends; only what is left then waits for the socket.
 */
static bool
wants_write(const struct conn *c)
{
	if (c->state == CONN_CONNECTING)
		return true;
	return c->state != CONN_CLOSED && ((buf_len(&c->out) > 0 && !c->dirty) || c->tls_writes);
}

void
conn_set_interest(struct event *ev, bool wanted, const struct timeval *timeout)
{
	bool pending = event_pending(ev, EV_READ | EV_WRITE, NULL);

	/* event_add fails for lack of memory only; the idle sweep of the peer then ends the conn.
	 */
	if (wanted && !pending)
		(void)event_add(ev, timeout);
	else if (!wanted && pending)
		(void)event_del(ev);
}

void
conn_update_interest(struct conn *c)
{
	struct timeval tv;
	uint64_t quiet;

	if (c->state == CONN_SNIFFING || c->state == CONN_HANDSHAKING) {
		conn_tls_interest(c);
		return;
	}
	quiet = c->state == CONN_LINGERING ? LINGER_QUIET : c->idle_ms;
	conn_set_interest(&c->rd, wants_read(c), conn_timeout(c->loop, quiet, &tv));
	conn_set_interest(&c->wr, wants_write(c), conn_timeout(c->loop, c->idle_ms, &tv));
}

/* ---- closing ---- */

static void
conn_die(struct conn *c)
{
	assert(c->state != CONN_CLOSED);
	c->state = CONN_CLOSED;
	conn_tls_forget(c);
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

void
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

/* Our side is written out: end it, and wait for the peer's end. */
static void
conn_linger(struct conn *c)
{
	if (c->tls == NULL || conn_tls_bye(c))
		conn_hang_up(c);
	else
		conn_update_interest(c);
}

void
conn_finish(struct conn *c)
{
	switch (c->state) {
	case CONN_CONNECTING: conn_fail(c, 0); return;
	case CONN_SNIFFING:
	case CONN_HANDSHAKING: conn_tls_abandon(c); break;
	case CONN_OPEN:
	case CONN_HALF: break;
	case CONN_FINISHING:
	case CONN_LINGERING:
	case CONN_CLOSED: return;
	}
	c->state = CONN_FINISHING;
	conn_update_interest(c);
	conn_mark_dirty(c);
}

/* ---- input ---- */

static void
timed_out(struct conn *c)
{
	if (c->state == CONN_LINGERING)
		conn_fail(c, c->error);
	else
		conn_fail(c, c->handshake_until != 0 ? ETIME : ETIMEDOUT);
}

static void
conn_readable(evutil_socket_t fd, short what, void *arg)
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
	if (c->state == CONN_SNIFFING && !conn_tls_sniff(c))
		return;
	if (c->state == CONN_HANDSHAKING) {
		conn_tls_step(c);
		return;
	}
	conn_take_input(c);
	if (c->state != CONN_CLOSED)
		conn_update_interest(c);
}

void
conn_hold(struct conn *c)
{
	c->held = true;
	conn_judge_rest(c, false, &c->in);
	if (c->state != CONN_CLOSED)
		conn_update_interest(c);
}

void
conn_resume(struct conn *c)
{
	if (!c->held)
		return;
	c->held = false;
	/* Not from here: the caller may stand in another conn's callback. */
	if (c->state != CONN_CLOSED)
		conn_mark_dirty(c);
}

/* ---- output ---- */

static ssize_t
transmit(struct conn *c, struct span s)
{
	return c->tls != NULL ? conn_tls_send(c, s) : send(c->fd, s.p, s.n, MSG_NOSIGNAL);
}

/* False when the conn died of it. */
static bool
flush(struct conn *c)
{
	while (buf_len(&c->out) > 0) {
		struct span s = buf_span(&c->out);
		ssize_t n = transmit(c, s);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			conn_judge_taking(c);
			return true;
		}
		if (n < 0) {
			conn_fail(c, errno);
			return false;
		}
		c->sent += (uint64_t)n;
		buf_consume(&c->out, (size_t)n);
	}
	if (c->out.cap > 0) {
		spares_take_back(&c->loop->spares, &c->out);
		conn_has_taken(c);
		if (c->ops->on_drained != NULL && c->state != CONN_FINISHING)
			c->ops->on_drained(c, c->ctx);
	}
	return c->state != CONN_CLOSED;
}

static bool
can_write(const struct conn *c)
{
	return conn_is_open(c) || c->state == CONN_FINISHING;
}

void
conn_serve_output(struct conn *c)
{
	if (!can_write(c) || !flush(c))
		return;
	if (c->state == CONN_FINISHING && buf_len(&c->out) == 0)
		conn_linger(c);
	else
		conn_update_interest(c);
}

void
conn_opened(struct conn *c)
{
	(void)event_del(&c->rd); /* their time-outs were those of before */
	(void)event_del(&c->wr);
	c->state = CONN_OPEN;
	if (c->ops->on_open != NULL)
		c->ops->on_open(c, c->ctx);
	if (c->state == CONN_CLOSED)
		return;
	conn_update_interest(c);
	conn_mark_dirty(c); /* what was written while connecting goes out in this turn */
}

static void
connected(struct conn *c)
{
	int error = net_connect_result(c->fd);

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
	bool reads = c->tls_writes && wants_read(c);

	c->tls_writes = false;
	if (reads)
		conn_take_input(c);
	if (c->state != CONN_CLOSED)
		conn_serve_output(c);
}

static void
conn_writable(evutil_socket_t fd, short what, void *arg)
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
	if (!conn_is_open(c) && c->state != CONN_CONNECTING && c->state != CONN_HANDSHAKING)
		return NULL;
	spares_lend(&c->loop->spares, &c->out);
	return &c->out;
}

void
conn_flush_later(struct conn *c)
{
	if (conn_is_open(c))
		conn_mark_dirty(c);
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
	if (loop->tls.mode != CONN_TLS_OFF)
		conn_tls_begin(c);
	else
		conn_update_interest(c);
	return c;
}

static struct conn *
dial(struct conn_loop *loop, int fd, const struct conn_tls_peer *peer, const struct conn_ops *ops,
     void *ctx)
{
	bool secure = peer != NULL && peer->creds != NULL;
	struct tls *tls = secure ? tls_new(peer->creds, fd, peer->name) : NULL;
	struct conn *c;

	if (secure && tls == NULL)
		return NULL;
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
	c = dial(loop, fd, peer, ops, ctx);
	if (c == NULL) {
		int saved = errno;
		(void)close(fd);
		errno = saved;
		return NULL;
	}
	c->idle_ms = timeout_ms;
	conn_update_interest(c);
	return c;
}

struct conn *
conn_connect(struct conn_loop *loop, const struct addr *to, uint64_t timeout_ms,
	     const struct conn_ops *ops, void *ctx)
{
	return conn_connect_tls(loop, to, timeout_ms, NULL, ops, ctx);
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

const struct jsontext_object *
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
	return c->tls != NULL && error == EPROTO ? tls_why(c->tls) : strerror(error);
}

const char *
conn_tls_describe(const struct conn *c)
{
	return c->tls != NULL && conn_is_open(c) ? tls_describe(c->tls) : NULL;
}
