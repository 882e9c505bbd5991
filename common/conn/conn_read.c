/* conn_read.c - the reading half of conn.
 *
 *   socket -> scratch of the loop -> frame -> on_packet      whole objects: no memory of their own
 *                  |
 *                  | what is not whole yet
 *                  v
 *   socket -> buffer of the conn -> frame -> on_packet       large ones are read to it directly
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "clock.h"
#include "conn_internal.h"

enum {
	LARGE = 1 << 14, /* bytes of an unfinished object that are worth reading on in place */
	LARGE_GROWTH = 4 /* what is that large is likely to be so many times larger */
};

/* A peer that speaks TLS where it is off gets a TLS alert. */
static int
refuse_tls(struct conn *c, int error)
{
	if (error != EBADMSG || c->tls != NULL || !c->greets_tls)
		return error;
	return buf_append(&c->out, tls_refusal, TLS_REFUSAL_SIZE) < 0 ? ENOMEM : EPROTONOSUPPORT;
}

static void
fault(struct conn *c, int error)
{
	c->faulted = true;
	c->ops->on_fault(c, refuse_tls(c, error), c->ctx);
}

/* True when there was a whole object. */
static bool
deliver(struct conn *c, struct buf *in)
{
	bool whole = false;
	enum frame_result got = FRAME_READY;
	struct span text;

	c->delivering = true;
	while (got == FRAME_READY && c->state == CONN_OPEN && !c->held) {
		got = frame_next_members(&c->frame, in, &text, &c->loop->members);
		if (got != FRAME_READY)
			break;
		whole = true;
		c->ops->on_packet(c, text, c->ctx);
	}
	c->delivering = false;
	if (got == FRAME_ERROR)
		fault(c, errno);
	return whole;
}

/* After delivery from in; whole: an object has been completed since the last time. */
static void
note_sending(struct conn *c, bool whole, const struct buf *in)
{
	bool stalled = conn_wants_read(c) && frame_partial(&c->frame, in);

	if (!(stalled || c->stalls_sending) || (stalled && c->stalls_sending && !whole))
		return;
	c->stalls_sending = stalled;
	if (c->ops->on_stall != NULL && c->state != CONN_CLOSED)
		c->ops->on_stall(c, CONN_STALL_SENDING, stalled, c->ctx);
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

static ssize_t
from_socket(struct conn *c, char *to, size_t room)
{
	ssize_t n;

	if (c->tls != NULL)
		return conn_tls_receive(c, to, room);
	do
		n = recv(c->fd, to, room, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* A large object that is not whole yet grows where it stands; everything else is read to the loop's
 * scratch, so that a conn has memory of its own only while it must. */
static struct buf *
place_of_input(struct conn *c)
{
	return buf_len(&c->in) >= LARGE ? &c->in : &c->loop->scratch;
}

/* Room for *n bytes, READ_CHUNK at most.  A large object is not copied over and over as it grows.
 */
static char *
room_for_input(const struct conn *c, struct buf *in, size_t *n)
{
	size_t there = in->cap - in->tail, len = buf_len(in), max = c->loop->max_message;
	size_t more = len < max ? max - len : 0;

	*n = READ_CHUNK;
	if (in == &c->loop->scratch)
		return buf_reserve(in, READ_CHUNK);
	if (there >= LARGE) {
		*n = there < READ_CHUNK ? there : READ_CHUNK;
		return buf_reserve(in, *n);
	}
	if (more > len * LARGE_GROWTH)
		more = len * LARGE_GROWTH;
	return buf_reserve(in, more > READ_CHUNK ? more : READ_CHUNK);
}

/* One read; false when there is nothing to deliver, the conn maybe dead. */
static bool
receive(struct conn *c, struct buf *in)
{
	size_t size;
	char *room = room_for_input(c, in, &size);
	ssize_t n;

	if (room == NULL) {
		conn_fail(c, ENOMEM);
		return false;
	}
	n = from_socket(c, room, size);
	if (n < 0) {
		if (errno != EAGAIN)
			conn_fail(c, errno);
		return false;
	}
	if (!c->begun && n > 0) {
		c->begun = true;
		c->greets_tls = room[0] == TLS_FIRST_BYTE;
	}
	c->eof = c->eof || n == 0;
	buf_commit(in, (size_t)n);
	return true;
}

/* What is in the scratch moves to the conn. */
static bool
keep(struct conn *c)
{
	struct buf *scratch = &c->loop->scratch;
	bool kept;

	if (buf_len(scratch) == 0)
		return true;
	buf_pool_lend(&c->loop->spares, &c->in);
	kept = buf_append_span(&c->in, buf_span(scratch)) == 0;
	buf_clear(scratch);
	if (!kept)
		conn_fail(c, ENOMEM);
	return kept;
}

/* Of what is no more to be delivered, or has all been. */
static void
drop_memory(struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	if (buf_len(&c->in) == 0 || c->state != CONN_OPEN || c->faulted)
		buf_pool_take_back(&c->loop->spares, &c->in);
	conn_count_held(c);
}

/* Input that is nothing of an object, such as white space, keeps no connection from being idle. */
static bool
is_quiet(struct conn *c, bool whole, const struct buf *in)
{
	uint64_t now;

	if (whole || c->idle_ms == 0 || c->state != CONN_OPEN || c->held ||
	    frame_partial(&c->frame, in)) {
		c->quiet_since = 0;
		return false;
	}
	now = clock_ms();
	if (c->quiet_since == 0)
		c->quiet_since = now;
	return now - c->quiet_since >= c->idle_ms;
}

/* Nothing was read: TLS has a part of a record, or what was no data. */
static void
take_fragment(struct conn *c)
{
	if (c->state != CONN_OPEN || c->tls == NULL || !c->accepted)
		return;
	c->tls_partial = !c->tls_writes;
	conn_count_held(c);
	if (is_quiet(c, false, &c->in))
		conn_fail(c, ETIMEDOUT);
}

/* What was read to in. */
static void
take(struct conn *c, struct buf *in)
{
	struct buf *scratch = &c->loop->scratch;
	size_t before = c->memory;
	bool whole, quiet;

	c->tls_partial = false;
	if (in == scratch && buf_len(&c->in) > 0) {
		in = &c->in; /* the object that has begun there goes on */
		if (!keep(c))
			return;
	}
	whole = deliver(c, in);
	tell_eof(c, in);
	note_sending(c, whole, in);
	quiet = is_quiet(c, whole, in);
	if (in == scratch && (c->state != CONN_OPEN || c->faulted || !keep(c)))
		buf_clear(scratch);
	drop_memory(c);
	if (c->memory > before)
		event_active(c->loop->turn_end, EV_TIMEOUT, 0); /* what is held is told of then */
	if (c->state != CONN_OPEN || c->faulted)
		return;
	if (quiet)
		conn_fail(c, ETIMEDOUT);
	else if (c->memory > before && c->ops->on_grown != NULL && buf_len(&c->in) > 0)
		c->ops->on_grown(c, c->ctx);
}

void
conn_take_input(struct conn *c)
{
	struct buf *in = place_of_input(c);

	if (receive(c, in))
		take(c, in);
	else
		take_fragment(c);
}

void
conn_take_first(struct conn *c)
{
	struct buf *scratch = &c->loop->scratch;

	if (!receive(c, scratch))
		return;
	if (c->greets_tls)
		conn_tls_accept(c, buf_span(scratch));
	else
		conn_tls_refrain(c, c->eof);
	if (c->state == CONN_OPEN && !c->faulted && c->tls == NULL)
		take(c, scratch);
	else
		buf_clear(scratch);
}

void
conn_discard_input(struct conn *c)
{
	char *room = buf_reserve(&c->loop->scratch, READ_CHUNK); /* its content is nobody's */
	ssize_t n = room == NULL ? 0 : recv(c->fd, room, READ_CHUNK, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || clock_ms() >= c->linger_until)
		conn_fail(c, c->error);
}

void
conn_resume_input(struct conn *c)
{
	bool whole;

	if (c->state != CONN_OPEN || c->faulted) {
		drop_memory(c);
		return;
	}
	if (c->held)
		return;
	whole = deliver(c, &c->in);
	tell_eof(c, &c->in);
	note_sending(c, whole, &c->in);
	drop_memory(c);
}

/* ---- held back ---- */

void
conn_pause(struct conn *c)
{
	c->held = true;
	note_sending(c, false, &c->in);
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

void
conn_discard(struct conn *c)
{
	assert(!c->delivering);
	c->faulted = true;
	buf_release(&c->in);
	if (c->state == CONN_CLOSED)
		return;
	note_sending(c, false, &c->in);
	conn_count_held(c);
	conn_update_interest(c);
}
