/* upstream_conn.c - see upstream_conn.h. */
#include "upstream_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "net.h"

static const struct conn_ops conn_ops;

const char *
upstream_conn_why(int error)
{
	if (error == EPROTONOSUPPORT)
		return "it announced TLS, and there is no server_ca to verify it by";
	return error == EPROTOTYPE ? "it did not announce TLS, which is required"
				   : net_error_text(error);
}

static struct conn *
dial(struct upstream_conn *l, const struct registry_server *s, const struct proxy_conf *conf,
     uint64_t timeout)
{
	char host[ADDR_TEXT];
	bool fixed = conf->server.name[0] != '\0';
	struct conn_tls_peer peer = {.creds = s->tls ? conf->server_creds : NULL,
				     .name = fixed ? conf->server.name
					     : addr_is_unix(&s->addr)
						     ? "localhost"
						     : addr_host_text(&s->addr, host),
				     .handshake_ms = conf->server_handshake};

	if (s->tls ? conf->server_creds == NULL : conf->server_tls != 0) {
		errno = s->tls ? EPROTONOSUPPORT : EPROTOTYPE;
		return NULL;
	}
	return conn_connect_tls(l->loop, &s->addr, timeout, &peer, &conn_ops, l);
}

struct upstream_conn *
upstream_conn_open(struct conn_loop *loop, const struct registry_server *s,
		   const struct proxy_conf *conf, uint64_t connect_timeout,
		   const struct reply_check *check, upstream_conn_fn *on_event, void *ctx)
{
	struct upstream_conn *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	*l = (struct upstream_conn){
		.loop = loop, .on_event = on_event, .ctx = ctx, .check = *check};
	TAILQ_INIT(&l->flight);
	l->server.incarnation = s->incarnation;
	l->server.pooled = s->pooled;
	l->server.once = s->once;
	l->server.user = s->user;
	memcpy(l->server.id, s->id, sizeof l->server.id);
	l->begun_us = conn_loop_us(loop);
	l->conn = dial(l, s, conf, connect_timeout);
	if (l->conn == NULL) {
		int saved = errno;
		free(l);
		errno = saved;
		return NULL;
	}
	return l;
}

void
upstream_conn_free(struct upstream_conn *l)
{
	conn_close(l->conn);
	free(l);
}

static void
take(struct upstream_conn *l, struct request *r)
{
	TAILQ_REMOVE(&l->flight, r, link);
	l->n--;
	l->bytes -= r->text.n + r->newline;
}

struct request *
upstream_conn_take_last(struct upstream_conn *l)
{
	struct request *r = TAILQ_LAST(&l->flight, request_list);

	if (r != NULL)
		take(l, r);
	return r;
}

/* A small one leaves with others when the turn ends.  0, or -1 and nothing is written. */
static int
write_request(struct conn *c, const struct request *r, bool newline)
{
	struct buf *out;

	if (r->text.n >= CONN_LARGE)
		return conn_write_large(c, r->text, span_of("\n", newline));
	out = conn_output(c);
	if (out == NULL || buf_reserve(out, r->text.n + 1) == NULL)
		return -1;
	if (buf_append_span(out, r->text) < 0 || (newline && buf_append(out, "\n", 1) < 0))
		abort(); /* the room was reserved */
	conn_flush_later(c);
	return 0;
}

int
upstream_conn_send(struct upstream_conn *l, struct request *r, bool newline)
{
	if (l->conn == NULL || write_request(l->conn, r, newline) < 0)
		return -1;
	TAILQ_INSERT_TAIL(&l->flight, r, link);
	r->state = REQUEST_IN_FLIGHT;
	r->sent_us = conn_loop_us(l->loop);
	r->sends++;
	r->newline = newline;
	l->n++;
	l->bytes += r->text.n + newline;
	return 0;
}

void
upstream_conn_take_back(struct upstream_conn *l)
{
	struct buf *out = l->open || l->conn == NULL ? NULL : conn_output(l->conn);

	if (out != NULL)
		buf_clear(out);
}

uint64_t
upstream_conn_owes(const struct upstream_conn *l, uint64_t now_us)
{
	const struct request *r = TAILQ_FIRST(&l->flight);
	uint64_t since;

	if (r == NULL)
		return 0;
	since = r->sent_us > l->ready_us ? r->sent_us : l->ready_us;
	return now_us > since ? now_us - since : 0;
}

/* ---- what the connection tells ---- */

static void
end(struct upstream_conn *l, const struct conn *c, const struct upstream_conn_end *how)
{
	struct upstream_conn_end e = *how;

	e.connected = l->open;
	e.unsent = conn_queued(c);
	l->on_event(l, &(struct upstream_conn_event){.what = UPSTREAM_CONN_ENDED, .end = &e},
		    l->ctx);
}

/* Nothing is in flight of which a byte has left.  Of two replies to one request the second, with
 * the same destid as nearly all of a client's, would be taken for the next request's, which may be
 * there already: it was written to the buffer when the first was read. */
static bool
is_unasked(const struct upstream_conn *l, const struct conn *c)
{
	return conn_queued(c) >= l->bytes;
}

static void
fail(struct upstream_conn *l, const struct conn *c, enum failure_cause cause)
{
	end(l, c,
	    &(struct upstream_conn_end){
		    .cause = cause, .why = failure_text(cause), .unasked = is_unasked(l, c)});
}

static bool
is_error(struct packet *p, struct span text, enum packet_code code)
{
	struct packet_fault fault;

	return packet_parse(p, text, &fault) == 0 && p->type == PACKET_ERROR &&
	       span_eq_str(packet_scalar(p, "code"), packet_code_text(code));
}

/* Is it an error that answers nobody, with that code? */
static bool
is_for_nobody(struct span text, enum packet_code code)
{
	struct packet p;

	return is_error(&p, text, code) && packet_raw(&p, "destid").n == 2;
}

/* Of a plain server's connections each has one request: nothing is said of a next one. */
static enum upstream_conn_what
what_of(const struct upstream_conn *l, enum reply_check_result result, struct span text)
{
	struct packet p;

	if (result != REPLY_CHECK_DECLINED)
		return UPSTREAM_CONN_REPLIED;
	return l->server.pooled && is_error(&p, text, PACKET_SHUTTING_DOWN)
		       ? UPSTREAM_CONN_STOPPING
		       : UPSTREAM_CONN_DECLINED;
}

/* What came answers nothing that is in flight. */
static void
take_stray(struct upstream_conn *l, const struct conn *c, struct span text,
	   enum failure_cause cause)
{
	/* Before it closes, a server may say that it has run nothing of what it left unanswered. */
	if ((cause == CAUSE_UNASKED || cause == CAUSE_WRONG_DESTID) &&
	    is_for_nobody(text, PACKET_SHUTTING_DOWN))
		end(l, c,
		    &(struct upstream_conn_end){.cause = CAUSE_CLOSED,
						.why = failure_text(CAUSE_CLOSED),
						.orderly = true,
						.farewell = true});
	else
		fail(l, c, cause);
}

/* The first in flight is answered.  The lane may be gone afterwards. */
static void
answered(struct upstream_conn *l, const struct upstream_conn_event *e)
{
	take(l, e->request);
	l->served++;
	l->ready_us = conn_loop_us(l->loop);
	e->request->connected_us = l->opened_us;
	l->on_event(l, e, l->ctx);
}

/* A server that takes less than we do has not read whose request it is, and reads no further. */
static void
take_too_large(struct upstream_conn *l, const struct conn *c, struct request *r)
{
	struct buf reply = BUF_INIT;
	struct packet_fault fault;
	struct packet p;

	if (packet_parse(&p, r->text, &fault) < 0 ||
	    packet_error(&reply, &p, l->server.id, PACKET_TOO_LARGE,
			 "the request is larger than its server takes", 0) < 0) {
		fail(l, c, CAUSE_WRONG_DESTID);
		return;
	}
	r->refused = true;
	answered(l, &(struct upstream_conn_event){.what = UPSTREAM_CONN_REPLIED,
						  .request = r,
						  .reply = buf_span(&reply),
						  .last = true});
	buf_release(&reply);
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct upstream_conn *l = arg;
	struct request *r = TAILQ_FIRST(&l->flight);
	enum failure_cause cause = CAUSE_UNASKED;
	enum reply_check_result result = is_unasked(l, c)
						 ? REPLY_CHECK_WRONG
						 : reply_check_reply(r, text, conn_members(c),
								     &l->check, &cause);

	if (result == REPLY_CHECK_WRONG && cause == CAUSE_WRONG_DESTID &&
	    is_for_nobody(text, PACKET_TOO_LARGE)) {
		take_too_large(l, c, r);
		return;
	}
	if (result == REPLY_CHECK_WRONG) {
		take_stray(l, c, text, cause);
		return;
	}
	r->refused = result == REPLY_CHECK_REFUSED;
	answered(l, &(struct upstream_conn_event){
			    .what = what_of(l, result, text), .request = r, .reply = text});
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	fail(arg, c, error == EMSGSIZE ? CAUSE_TOO_LARGE : CAUSE_GARBAGE);
}

/* An object has begun whose end would be read once the next request has left. */
static void
on_grown(struct conn *c, void *arg)
{
	struct upstream_conn *l = arg;

	if (is_unasked(l, c))
		fail(l, c, CAUSE_UNASKED);
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	struct upstream_conn *l = arg;

	if (cut)
		fail(l, c, CAUSE_CUT);
	else
		end(l, c,
		    &(struct upstream_conn_end){.cause = CAUSE_CLOSED,
						.why = failure_text(CAUSE_CLOSED),
						.orderly = l->served > 0});
}

static void
on_close(struct conn *c, int error, void *arg)
{
	struct upstream_conn *l = arg;
	enum failure_cause cause = failure_of_errno(error, l->open);

	l->conn = NULL;
	end(l, c,
	    &(struct upstream_conn_end){.cause = cause,
					.why = cause == CAUSE_UNREACHABLE || cause == CAUSE_TLS
						       ? conn_why(c, error)
						       : failure_text(cause)});
}

static void
on_open(struct conn *c, void *arg)
{
	struct upstream_conn *l = arg;

	if (l->server.user != 0 && !net_listener_is_of(conn_fd(c), l->server.user)) {
		end(l, c,
		    &(struct upstream_conn_end){
			    .cause = CAUSE_UNREACHABLE,
			    .why = "the Unix socket is not that of the user who announced it"});
		return;
	}
	l->open = true;
	l->opened_us = l->ready_us = clock_us();
	l->on_event(l, &(struct upstream_conn_event){.what = UPSTREAM_CONN_OPENED}, l->ctx);
}

static const struct conn_ops conn_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
	.on_grown = on_grown,
};
