/* conn_write.c - the writing half of conn: from its buffer to the socket or TLS, and the end of our
 * side; see conn.h and conn_internal.h. */
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "conn_internal.h"

static ssize_t
transmit(struct conn *c, struct span s)
{
	return c->tls != NULL ? conn_tls_send(c, s, span_of(NULL, 0))
			      : send(c->fd, s.p, s.n, MSG_NOSIGNAL);
}

/* The socket takes no more. */
static void
note_reading(struct conn *c)
{
	if (c->ops->on_stall == NULL || (c->stalls_reading && c->sent < c->due))
		return;
	c->stalls_reading = true;
	c->due = c->sent + buf_len(&c->out);
	c->ops->on_stall(c, CONN_STALL_READING, true, c->ctx);
}

/* All is written. */
static void
drained(struct conn *c)
{
	buf_pool_take_back(&c->loop->spares, &c->out);
	if (c->stalls_reading) {
		c->stalls_reading = false;
		c->ops->on_stall(c, CONN_STALL_READING, false, c->ctx);
	}
	if (c->ops->on_drained != NULL && c->state != CONN_FINISHING)
		c->ops->on_drained(c, c->ctx);
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
			note_reading(c);
			return true;
		}
		if (n < 0) {
			conn_fail(c, errno);
			return false;
		}
		c->sent += (uint64_t)n;
		buf_consume(&c->out, (size_t)n);
	}
	if (c->out.cap > 0)
		drained(c);
	return c->state != CONN_CLOSED;
}

static bool
can_write(const struct conn *c)
{
	return conn_is_open(c) || c->state == CONN_FINISHING;
}

/* Our side is written out: end it, and wait for the peer's end. */
static void
linger(struct conn *c)
{
	if (c->tls == NULL || conn_tls_bye(c))
		conn_hang_up(c);
	else
		conn_update_interest(c);
}

void
conn_serve_output(struct conn *c)
{
	if (!can_write(c) || !flush(c))
		return;
	if (c->tls != NULL && conn_is_open(c) && buf_len(&c->out) == 0 && !conn_tls_give_ticket(c))
		return;
	conn_count_held(c);
	if (c->state == CONN_FINISHING && buf_len(&c->out) == 0)
		linger(c);
	else
		conn_update_interest(c);
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

/* n is at most s.n. */
static struct span
without(struct span s, size_t n)
{
	return n == 0 ? s : span_of(s.p + n, s.n - n);
}

static size_t
send_plain(struct conn *c, struct span a, struct span b)
{
	struct iovec iov[2] = {{(void *)(uintptr_t)a.p, a.n}, {(void *)(uintptr_t)b.p, b.n}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL);

	return n > 0 ? (size_t)n : 0;
}

static size_t
send_secure(struct conn *c, struct span a, struct span b)
{
	size_t sent = 0;
	ssize_t n = 1;

	while (n > 0 && sent < a.n + b.n) {
		size_t of_a = sent < a.n ? sent : a.n;

		n = conn_tls_send(c, without(a, of_a), without(b, sent - of_a));
		sent += n > 0 ? (size_t)n : 0;
	}
	if (n >= 0 || errno == EAGAIN)
		return sent;
	c->turned_off = errno;
	conn_mark_dirty(c);
	return a.n + b.n;
}

/* What the socket takes of them; 0 also where they are not to be sent from here, or can't be: the
 * flush then tells of that. */
static size_t
send_at_once(struct conn *c, struct span a, struct span b)
{
	size_t n;

	if (buf_len(&c->out) > 0 || !conn_is_open(c) || c->turned_off != 0)
		return 0;
	n = c->tls != NULL ? send_secure(c, a, b) : send_plain(c, a, b);
	c->sent += n;
	return n;
}

int
conn_write_large(struct conn *c, struct span a, struct span b)
{
	size_t sent = send_at_once(c, a, b), of_a = sent < a.n ? sent : a.n;
	struct buf *out;

	if (sent == a.n + b.n)
		return 0;
	a = without(a, of_a);
	b = without(b, sent - of_a);
	out = conn_output(c);
	if (out != NULL && buf_reserve(out, a.n + b.n) != NULL && buf_append_span(out, a) == 0 &&
	    buf_append_span(out, b) == 0) {
		conn_flush_later(c);
		return 0;
	}
	if (out == NULL)
		errno = ENOTCONN;
	if (sent == 0)
		return -1;
	c->turned_off = ENOMEM; /* half of it is gone */
	conn_mark_dirty(c);
	return 0;
}

struct buf *
conn_output(struct conn *c)
{
	if (!conn_is_open(c) && c->state != CONN_CONNECTING && c->state != CONN_HANDSHAKING)
		return NULL;
	buf_pool_lend(&c->loop->spares, &c->out);
	return &c->out;
}

void
conn_flush_later(struct conn *c)
{
	if (conn_is_open(c))
		conn_mark_dirty(c);
	else
		conn_count_held(c);
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
