/* client_read.c - see client_read.h. */
#include "client_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "log.h"
#include "proxy_worker_internal.h"
#include "registration_forward.h"

static const char too_much[] =
	"this proxy worker holds as much for its clients as it may: max_buffered";

/* Unfinished objects would be waited for in vain once there is no room for their rest, and would
 * keep others out meanwhile.  True: it is not full, any more. */
static bool
make_room(struct proxy_worker *f)
{
	struct client *c;

	while (client_mem_is_full(&f->holding) &&
	       (c = conn_loop_most_unfinished(f->loop)) != NULL) {
		c->last = true;
		conn_discard(c->conn);
		client_refuse(c, NULL, PACKET_OVERLOADED, too_much);
	}
	return !client_mem_is_full(&f->holding);
}

/* ---- packets ---- */

static void
turn_away(struct client *c, const struct packet *p, const struct acl_refusal *r)
{
	struct span srcid = packet_scalar(p, "srcid"), policy = p->policy;
	char from[ADDR_TEXT];

	log_limited(client_refusal_level(c), "request turned away",
		    "peer=%s srcid=%s policy=%s code=%s why=%s",
		    log_quoted(addr_peer_text(&c->guest.peer, from)),
		    log_quoted_n(srcid.p, srcid.n), log_quoted_n(policy.p, policy.n),
		    packet_code_text(r->code), log_quoted(r->why));
	counter_add(&c->front->meter->gate[r->by], 1);
	client_fail(c, p, r);
}

static bool
may_ask(struct client *c, const struct packet *p)
{
	struct acl *gate = c->front->conf->gate;
	struct acl_refusal refusal;

	if (gate == NULL || acl_admits(gate, &c->guest.peer, p->policy, packet_scalar(p, "srcid"),
				       clock_us(), &refusal))
		return true;
	turn_away(c, p, &refusal);
	return false;
}

static void
take_request(struct client *c, const struct packet *p)
{
	struct span srcid = packet_scalar(p, "srcid");
	struct request *q = client_admit(c, p->text, srcid);

	if (q == NULL)
		return;
	q->arrived_us = conn_loop_us(c->front->loop);
	if (c->front->access != NULL)
		request_name_policy(q, p);
	if (log_narrates())
		log_narrate("Message from client id %.*s, policy %.*s", SPAN_ARG(srcid),
			    SPAN_ARG(p->policy));
	dispatch_submit(c->front->relay, q, p);
	client_pace(c);
}

/* A client that keeps asking would keep a draining worker from ever ending, and one that asks as
 * soon as it is answered could not see an end in time.  It may go on until it has pauses: what it
 * has sent by now is all answered. */
static void
send_away(struct client *c, const struct packet *p)
{
	const struct acl_refusal r = {.code = PACKET_SHUTTING_DOWN, .why = DISPATCH_ENDS};
	char from[ADDR_TEXT];

	log_limited(LOG_VERBOSE, "a client asks to the last: told to connect anew", "peer=%s",
		    log_quoted(addr_peer_text(&c->guest.peer, from)));
	client_fail(c, p, &r);
}

/* NULL when the payload is as the settings ask, otherwise what is wrong. */
static bool
size_is_right(const struct proxy_worker *f, const struct packet *p, struct packet_fault *fault)
{
	struct buf scratch = BUF_INIT;
	struct span payload;
	bool right;

	if (!f->conf->settings->base.daemon.strict_payloadsize)
		return true;
	right = packet_payload(p, &scratch, &payload) == 0 &&
		packet_check_size(p, payload, fault) == 0;
	buf_release(&scratch);
	return right;
}

/* A probe that this proxy sent to a server, and that came back to it: another proxy stands there,
 * and has this one among its servers.  Lost, the message is sent again with the next probe. */
static bool
has_come_back(const struct client *c, const struct packet *p)
{
	struct span server = request_probed(p, c->front->conf->instance);
	struct buf message = BUF_INIT;

	if (server.n == 0)
		return false;
	if (worker_msg_put_loop(&message, server) < 0 ||
	    worker_send(c->front->worker, buf_span(&message)) < 0)
		log_limited_errno(LOG_WARN, "cannot tell the master of a loop", NULL);
	buf_release(&message);
	return true;
}

static void
on_packet(struct conn *conn, struct span text, void *arg)
{
	struct client *c = arg;
	struct packet_fault fault;
	struct packet p;

	counter_add(&c->front->row->bytes_in, text.n);
	if (packet_check(&p, text, conn_members(conn), &fault) < 0) {
		c->last = c->last || fault.lost;
		client_refuse(c, &p, fault.code, fault.why);
	} else if (p.type == PACKET_REGISTER || p.type == PACKET_DEREGISTER) {
		registration_forward_make(c, &p);
	} else if (p.type != PACKET_REQUEST) {
		client_refuse(c, &p, PACKET_BAD_MESSAGE, "the proxy takes types 0, 1 and 5 only");
	} else if (has_come_back(c, &p)) {
		client_refuse(c, &p, PACKET_UPSTREAM_FAILED,
			      "this probe has come back to the proxy that sent it");
	} else if (drain_phase(c->front->drain) >= DRAIN_LAST) {
		send_away(c, &p);
	} else if (!make_room(c->front)) {
		client_refuse(c, &p, PACKET_OVERLOADED, too_much);
	} else if (!size_is_right(c->front, &p, &fault)) {
		client_refuse(c, &p, fault.code, fault.why);
	} else if (may_ask(c, &p)) {
		take_request(c, &p);
	}
}

/* ---- connections ---- */

static void
on_fault(struct conn *conn, int error, void *arg)
{
	struct client *c = arg;

	(void)conn;
	c->last = true;
	switch (error) {
	case EPROTONOSUPPORT:
		tls_conf_log_off(&c->guest.peer, &c->front->told_of_tls);
		client_settle(c);
		break;
	case EPROTOTYPE: client_refuse(c, NULL, PACKET_DENIED, "TLS is required here"); break;
	case EMSGSIZE:
		client_refuse(c, NULL, PACKET_TOO_LARGE, "the object is larger than max_message");
		break;
	default: client_refuse(c, NULL, PACKET_BAD_JSON, "an object must begin with {");
	}
}

static void
on_eof(struct conn *conn, bool cut, void *arg)
{
	struct client *c = arg;

	(void)conn;
	c->last = true;
	if (cut)
		client_refuse(c, NULL, PACKET_BAD_JSON,
			      "the object was cut by the end of the connection");
	else
		client_settle(c);
}

/* It asked nothing, so nothing is answered: it would take that for the answer to what it asks next.
 */
static void
tell_idle(struct client *c)
{
	char from[ADDR_TEXT];

	counter_add(&c->front->meter->timeout[WORKER_STATS_client_idle], 1);
	log_limited(LOG_VERBOSE, "client says nothing: closed",
		    "peer=%s why=\"idle_timeout is %llums\"",
		    log_quoted(addr_peer_text(&c->guest.peer, from)),
		    (unsigned long long)c->front->conf->settings->base.daemon.idle_timeout);
}

static void
on_close(struct conn *conn, int error, void *arg)
{
	struct client *c = arg;

	if (error == ETIMEDOUT)
		tell_idle(c);
	else if (error != 0)
		tls_conf_log_lost(conn, &c->guest.peer, error);
	client_free(c);
}

static void
on_stall(struct conn *conn, enum conn_stall stall, bool stalled, void *arg)
{
	struct client *c = arg;

	(void)conn;
	client_timeout_note(c->front->patience, &c->stalls, c, stall, stalled);
}

static void
on_grown(struct conn *conn, void *arg)
{
	const struct client *c = arg;

	(void)conn;
	make_room(c->front);
}

/* A packet begun gets an answer, though nothing more is read; a client that takes no answers can't
 * be given one. */
void
client_read_too_slow(void *client, enum conn_stall stall, void *arg)
{
	struct client *c = client;
	struct proxy_worker *f = arg;
	char from[ADDR_TEXT], why[96];

	counter_add(&f->meter->timeout[stall == CONN_STALL_SENDING ? WORKER_STATS_client_send
								   : WORKER_STATS_client_read],
		    1);
	if (stall == CONN_STALL_SENDING) {
		c->last = true;
		conn_discard(c->conn);
		(void)snprintf(why, sizeof why,
			       "the packet was not whole in time; client_send_timeout is %llums",
			       (unsigned long long)f->conf->settings->proxy.client_send_timeout);
		client_refuse(c, NULL, PACKET_TIMEOUT, why);
		return;
	}
	log_limited(LOG_WARN, "client does not read", "peer=%s unread=%zu why=client_read_timeout",
		    log_quoted(addr_peer_text(&c->guest.peer, from)), conn_queued(c->conn));
	conn_close(c->conn);
	client_free(c);
}

static void
on_open(struct conn *conn, void *arg)
{
	struct client *c = arg;

	if (drain_phase(c->front->drain) != DRAIN_NOT)
		c->heard = clock_ms(); /* it will have something to ask */
	tls_conf_log_agreed(conn, &c->guest.peer);
}

static void
on_drained(struct conn *conn, void *arg)
{
	(void)conn;
	client_settle(arg);
}

static const struct conn_ops client_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
	.on_drained = on_drained,
	.on_stall = on_stall,
	.on_grown = on_grown,
};

void
client_read_accept(int fd, const struct addr_peer *from, void *arg)
{
	struct proxy_worker *f = arg;
	struct client *c = calloc(1, sizeof *c);

	if (c != NULL)
		c->conn = conn_new(f->loop, fd, f->conf->settings->base.daemon.idle_timeout,
				   &client_ops, c);
	if (c == NULL || c->conn == NULL) {
		log_limited_errno(LOG_ERROR, "cannot take a connection", NULL);
		free(c);
		(void)close(fd);
		listener_give_back(f->listener);
		return;
	}
	c->front = f;
	c->guest.peer = *from;
	if (drain_phase(f->drain) != DRAIN_NOT)
		c->heard = clock_ms(); /* it has come to ask something */
	TAILQ_INIT(&c->requests);
	LIST_INSERT_HEAD(&f->clients, c, link);
	client_mem_join(&f->holding);
	counter_add(&f->row->accepted, 1);
	counter_add(&f->row->connections, 1);
	conn_read_at_once(c->conn);
}
