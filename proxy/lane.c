/* lane.c - see lane.h. */
#include "lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

static const struct conn_ops conn_ops;

const char *
lane_why(int error)
{
	if (error == EPROTONOSUPPORT)
		return "it announced TLS, and there is no server_ca to verify it by";
	return error == EPROTOTYPE ? "it did not announce TLS, which is required" : strerror(error);
}

static struct conn *
dial(struct lane *l, const struct registry_server *s, const struct proxy_conf *conf,
     uint64_t timeout)
{
	char host[ADDR_TEXT];
	bool fixed = conf->server.name[0] != '\0';
	struct conn_tls_peer peer = {.creds = s->tls ? conf->server_creds : NULL,
				     .name = fixed ? conf->server.name
						   : addr_host_text(&s->addr, host),
				     .handshake_ms = conf->server_handshake};

	if (s->tls ? conf->server_creds == NULL : conf->server_tls != 0) {
		errno = s->tls ? EPROTONOSUPPORT : EPROTOTYPE;
		return NULL;
	}
	return conn_connect_tls(l->loop, &s->addr, timeout, &peer, &conn_ops, l);
}

struct lane *
lane_open(struct conn_loop *loop, const struct registry_server *s, const struct proxy_conf *conf,
	  uint64_t connect_timeout, enum verify_how verify, const struct lane_ops *ops, void *ctx)
{
	struct lane *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	*l = (struct lane){.loop = loop, .ops = ops, .ctx = ctx, .verify = verify};
	TAILQ_INIT(&l->flight);
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
lane_free(struct lane *l)
{
	conn_close(l->conn);
	free(l);
}

static void
take(struct lane *l, struct request *r)
{
	TAILQ_REMOVE(&l->flight, r, link);
	l->n--;
}

struct request *
lane_take_last(struct lane *l)
{
	struct request *r = TAILQ_LAST(&l->flight, request_list);

	if (r != NULL)
		take(l, r);
	return r;
}

int
lane_send(struct lane *l, struct request *r, bool newline)
{
	struct buf *out = l->conn == NULL ? NULL : conn_output(l->conn);

	if (out == NULL || buf_reserve(out, r->text.n + 1) == NULL)
		return -1;
	if (buf_append_span(out, r->text) < 0 || (newline && buf_append(out, "\n", 1) < 0))
		abort(); /* the room was reserved */
	conn_flush_later(l->conn);
	TAILQ_INSERT_TAIL(&l->flight, r, link);
	r->state = REQUEST_IN_FLIGHT;
	r->sent_us = conn_loop_us(l->loop);
	r->sends++;
	l->n++;
	return 0;
}

uint64_t
lane_owes(const struct lane *l, uint64_t now_us)
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
end(struct lane *l, enum incident_cause cause, const char *why, bool orderly)
{
	struct lane_end e = {.cause = cause, .why = why, .connected = l->open, .orderly = orderly};

	l->ops->on_end(l, &e, l->ctx);
}

static void
fail(struct lane *l, enum incident_cause cause)
{
	end(l, cause, incident_text(cause), false);
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct lane *l = arg;
	struct request *r = TAILQ_FIRST(&l->flight);
	enum incident_cause cause = CAUSE_UNASKED;
	enum verify_result result = r == NULL ? VERIFY_WRONG
					      : verify_reply(r, text, conn_members(c), l->verify,
							     &cause);

	if (result == VERIFY_WRONG) {
		fail(l, cause);
		return;
	}
	take(l, r);
	l->served++;
	l->ready_us = conn_loop_us(l->loop);
	r->connected_us = l->opened_us;
	r->refused = result == VERIFY_REFUSED;
	if (result == VERIFY_DECLINED)
		l->ops->on_declined(l, r, l->ctx);
	else
		l->ops->on_reply(l, r, text, l->ctx);
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	(void)c;
	fail(arg, error == EMSGSIZE ? CAUSE_TOO_LARGE : CAUSE_GARBAGE);
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	struct lane *l = arg;

	(void)c;
	if (cut)
		fail(l, CAUSE_CUT);
	else
		end(l, CAUSE_CLOSED, incident_text(CAUSE_CLOSED), l->served > 0);
}

static void
on_close(struct conn *c, int error, void *arg)
{
	struct lane *l = arg;
	enum incident_cause cause = incident_of_errno(error, l->open);

	l->conn = NULL;
	end(l, cause,
	    cause == CAUSE_UNREACHABLE || cause == CAUSE_TLS ? conn_why(c, error)
							     : incident_text(cause),
	    false);
}

static void
on_open(struct conn *c, void *arg)
{
	struct lane *l = arg;

	(void)c;
	l->open = true;
	l->opened_us = l->ready_us = clock_us();
	if (l->ops->on_open != NULL)
		l->ops->on_open(l, l->ctx);
}

static const struct conn_ops conn_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
};
