/* conn_tls.c - TLS under a conn: which it is to be, its handshake and clock, its bytes. */
#include <errno.h>

#include "clock.h"
#include "conn_internal.h"

static const char late[] = "the TLS handshake took too long";

/* ---- what it is to be ---- */

/* False: there are too many, and it is to go. */
static bool
admit(struct conn *c)
{
	struct conn_loop *loop = c->loop;

	if (c->counted)
		return true;
	if (loop->handshaking < loop->tls.handshakes) {
		conn_handshake_enter(c);
		return true;
	}
	if (loop->row != NULL)
		counter_add(&loop->row->tls_refused, 1);
	c->why = "too many TLS handshakes at once";
	return false;
}

static void
start_clock(struct conn *c, uint64_t ms)
{
	c->handshake_ms = ms;
	c->handshake_until = clock_ms() + ms;
}

/* Where TLS is required, a silent peer holds a place among the handshakes. */
static void
begin_sniffing(struct conn *c)
{
	c->state = CONN_SNIFFING;
	if (c->loop->tls.mode == CONN_TLS_REQUIRED) {
		start_clock(c, c->loop->tls.handshake_ms);
		c->why = late;
		if (!admit(c)) {
			c->turned_off = EBUSY; /* not from here: the caller does not know it yet */
			conn_mark_dirty(c);
		}
	}
	conn_update_interest(c);
}

static void
begin_handshake(struct conn *c)
{
	c->state = CONN_HANDSHAKING;
	if (c->handshake_until == 0)
		start_clock(c, c->handshake_ms);
	conn_count_held(c);
	conn_tls_step(c);
}

void
conn_tls_begin(struct conn *c)
{
	if (c->tls != NULL)
		begin_handshake(c);
	else
		begin_sniffing(c);
}

void
conn_tls_accept(struct conn *c, struct span first)
{
	const struct conn_tls *tls = &c->loop->tls;

	if (!admit(c)) {
		conn_fail(c, EBUSY);
		return;
	}
	c->tls = tls_new(tls->creds, c->fd, NULL);
	if (c->tls == NULL || tls_given(c->tls, first) < 0) {
		conn_fail(c, ENOMEM);
		return;
	}
	if (c->handshake_until == 0)
		start_clock(c, tls->handshake_ms);
	begin_handshake(c);
}

void
conn_tls_refrain(struct conn *c, bool ended)
{
	conn_handshake_leave(c);
	c->why = NULL;
	conn_opened(c);
	if (c->loop->tls.mode != CONN_TLS_REQUIRED || ended || c->state == CONN_CLOSED)
		return;
	c->faulted = true;
	c->ops->on_fault(c, EPROTOTYPE, c->ctx);
}

void
conn_tls_abandon(struct conn *c)
{
	conn_handshake_leave(c);
	tls_free(c->tls);
	c->tls = NULL;
	conn_count_held(c);
	(void)event_del(&c->rd);
	(void)event_del(&c->wr);
}

/* ---- the handshake ---- */

/* A peer that we refuse is given the time to read why. */
static void
refuse(struct conn *c)
{
	if (!c->counted) {
		conn_fail(c, EPROTO);
		return;
	}
	conn_handshake_failed(c);
	c->error = EPROTO;
	conn_hang_up(c);
}

static void
count_agreed(const struct conn *c, struct scoreboard_row *row)
{
	bool resumed = tls_is_resumed(c->tls);

	counter_add(c->accepted ? &row->tls_handshakes : &row->tls_connects, 1);
	if (resumed)
		counter_add(c->accepted ? &row->tls_resumed : &row->tls_connects_resumed, 1);
}

static void
agreed(struct conn *c)
{
	if (c->loop->row != NULL)
		count_agreed(c, c->loop->row);
	conn_handshake_leave(c);
	conn_opened(c);
}

static bool
is_late(struct conn *c)
{
	if (clock_ms() < c->handshake_until)
		return false;
	conn_fail(c, ETIME);
	return true;
}

void
conn_tls_step(struct conn *c)
{
	enum tls_result r;

	c->why = late;
	if (is_late(c))
		return;
	r = tls_handshake(c->tls);
	c->tls_writes = r == TLS_WANT_WRITE;
	switch (r) {
	case TLS_DONE:
		c->why = NULL;
		agreed(c);
		break;
	case TLS_FAILED:
		c->why = NULL;
		refuse(c);
		break;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE: conn_update_interest(c); break;
	}
}

/* ---- bytes ---- */

static ssize_t
not_now(enum tls_result r)
{
	errno = r == TLS_FAILED ? EPROTO : EAGAIN;
	return -1;
}

ssize_t
conn_tls_receive(struct conn *c, char *to, size_t room)
{
	size_t n;
	enum tls_result r = tls_read(c->tls, to, room, &n);

	c->tls_writes = r == TLS_WANT_WRITE;
	if (r == TLS_FAILED || (r != TLS_DONE && n == 0))
		return not_now(r);
	c->eof = tls_ended(c->tls);
	return (ssize_t)n;
}

ssize_t
conn_tls_send(struct conn *c, struct span a, struct span b)
{
	enum tls_result r;
	size_t n;

	r = tls_write(c->tls, a, b, &n);
	return r == TLS_DONE ? (ssize_t)n : not_now(r);
}

/* The answer to what has come along with the handshake's end will take it. */
bool
conn_tls_give_ticket(struct conn *c)
{
	enum tls_result r = tls_pending(c->tls) ? TLS_DONE : tls_give_ticket(c->tls);

	c->tls_writes = c->tls_writes || r == TLS_WANT_WRITE;
	if (r != TLS_FAILED)
		return true;
	conn_fail(c, EPROTO);
	return false;
}

/* A peer that is gone does not miss it. */
bool
conn_tls_bye(struct conn *c)
{
	enum tls_result r = tls_bye(c->tls);

	c->tls_writes = r == TLS_WANT_WRITE;
	return !c->tls_writes;
}
