/* intake.c - see intake.h. */
#include "intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "front_state.h"
#include "log.h"
#include "referral.h"

/* ---- packets ---- */

/* One line a connection: whoever is turned away often would fill the log. */
static void
turn_away(struct client *c, const struct packet *p, const struct gate_refusal *r)
{
	struct span srcid = packet_scalar(p, "srcid"), policy = packet_scalar(p, "privPoliId");
	char from[ADDR_TEXT];

	log_event(c->turned_away ? LOG_VERBOSE : LOG_WARN, "request turned away",
		  "peer=%s srcid=%s policy=%s code=%s why=%s", addr_text(&c->guest.peer, from),
		  log_quoted_n(srcid.p, srcid.n), log_quoted_n(policy.p, policy.n),
		  packet_code_text(r->code), log_quoted(r->why));
	c->turned_away = true;
	scoreboard_add(&c->front->meter->gate[r->by], 1);
	client_fail(c, p->text, r);
}

static bool
may_ask(struct client *c, const struct packet *p)
{
	struct gate *gate = c->front->conf->gate;
	struct gate_refusal refusal;

	if (gate == NULL || gate_admits(gate, &c->guest.peer, packet_scalar(p, "privPoliId"),
					packet_scalar(p, "srcid"), clock_us(), &refusal))
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
	if (c->front->access != NULL) {
		q->arrived_us = clock_us();
		request_name_policy(q, p->text, packet_scalar(p, "privPoliId"));
	}
	if (log_narrates())
		log_narrate("Message from client id %.*s, policy %.*s", SPAN_ARG(srcid),
			    SPAN_ARG(packet_scalar(p, "privPoliId")));
	relay_submit(c->front->relay, q, p);
	client_pace(c);
}

/* NULL when the payload is as the settings ask, otherwise what is wrong. */
static bool
size_is_right(const struct front *f, const struct packet *p, struct packet_fault *fault)
{
	struct buf scratch = BUF_INIT;
	struct span payload;
	bool right;

	if (!f->conf->settings->daemon.strict_payloadsize)
		return true;
	right = packet_payload(p, &scratch, &payload) == 0 &&
		packet_check_size(p, payload, fault) == 0;
	buf_release(&scratch);
	return right;
}

static void
on_packet(struct conn *conn, struct span text, void *arg)
{
	struct client *c = arg;
	struct packet_fault fault;
	struct packet p;

	scoreboard_add(&c->front->row->bytes_in, text.n);
	if (drain_phase(c->front->drain) != DRAIN_NOT)
		c->heard = clock_ms();
	if (packet_judge(&p, text, conn_members(conn), &fault) < 0) {
		c->last = c->last || fault.lost;
		client_refuse(c, text, fault.code, fault.why);
	} else if (p.type == PACKET_REGISTER || p.type == PACKET_DEREGISTER) {
		referral_make(c, &p);
	} else if (p.type != PACKET_REQUEST) {
		client_refuse(c, text, PACKET_BAD_MESSAGE, "the proxy takes types 0, 1 and 5 only");
	} else if (drain_phase(c->front->drain) == DRAIN_LAST) {
		/* Whoever keeps sending would keep a draining worker from ever ending. */
		client_refuse(c, text, PACKET_SHUTTING_DOWN,
			      "this proxy worker is about to end; connect anew");
	} else if (holding_is_full(&c->front->holding)) {
		client_refuse(
			c, text, PACKET_OVERLOADED,
			"this proxy worker holds as much for its clients as it may: max_buffered");
	} else if (!size_is_right(c->front, &p, &fault)) {
		client_refuse(c, text, fault.code, fault.why);
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
		tls_settings_tell_off(&c->guest.peer, &c->front->told_of_tls);
		client_settle(c);
		break;
	case EPROTOTYPE:
		client_refuse(c, span_of(NULL, 0), PACKET_DENIED, "TLS is required here");
		break;
	case EMSGSIZE:
		client_refuse(c, span_of(NULL, 0), PACKET_TOO_LARGE,
			      "the object is larger than max_message");
		break;
	default: client_refuse(c, span_of(NULL, 0), PACKET_BAD_JSON, "an object must begin with {");
	}
}

static void
on_eof(struct conn *conn, bool cut, void *arg)
{
	struct client *c = arg;

	(void)conn;
	c->last = true;
	if (cut)
		client_refuse(c, span_of(NULL, 0), PACKET_BAD_JSON,
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

	scoreboard_add(&c->front->meter->timeout[METER_client_idle], 1);
	log_event(LOG_VERBOSE, "client says nothing: closed",
		  "peer=%s why=\"idle_timeout is %llums\"", addr_text(&c->guest.peer, from),
		  (unsigned long long)c->front->conf->settings->daemon.idle_timeout);
}

static void
on_close(struct conn *conn, int error, void *arg)
{
	struct client *c = arg;

	if (error == ETIMEDOUT)
		tell_idle(c);
	else if (error != 0)
		tls_settings_tell_lost(conn, &c->guest.peer, error);
	client_free(c);
}

static void
on_owes(struct conn *conn, enum conn_debt debt, bool owes, void *arg)
{
	struct client *c = arg;

	(void)conn;
	patience_note(c->front->patience, &c->debtor, c, debt, owes);
}

/* A packet begun gets an answer, though nothing more is read; who takes no answers can't be given
 * one. */
void
intake_too_slow(void *client, enum conn_debt debt, void *arg)
{
	struct client *c = client;
	struct front *f = arg;
	char from[ADDR_TEXT], why[96];

	scoreboard_add(
		&f->meter->timeout[debt == CONN_REST ? METER_client_send : METER_client_read], 1);
	if (debt == CONN_REST) {
		c->last = true;
		(void)snprintf(why, sizeof why,
			       "the packet was not whole in time; client_send_timeout is %llums",
			       (unsigned long long)f->conf->settings->proxy.client_send_timeout);
		client_refuse(c, span_of(NULL, 0), PACKET_TIMEOUT, why);
		return;
	}
	log_event(LOG_WARN, "client does not read", "peer=%s unread=%zu why=client_read_timeout",
		  addr_text(&c->guest.peer, from), conn_queued(c->conn));
	conn_close(c->conn);
	client_free(c);
}

static void
on_open(struct conn *conn, void *arg)
{
	struct client *c = arg;

	if (drain_phase(c->front->drain) != DRAIN_NOT)
		c->heard = clock_ms(); /* it will have something to ask */
	tls_settings_tell_agreed(conn, &c->guest.peer);
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
	.on_owes = on_owes,
};

void
intake_accept(int fd, const struct addr *from, void *arg)
{
	struct front *f = arg;
	struct client *c = calloc(1, sizeof *c);

	if (c != NULL)
		c->conn = conn_new(f->loop, fd, f->conf->settings->daemon.idle_timeout, &client_ops,
				   c);
	if (c == NULL || c->conn == NULL) {
		log_errno(LOG_ERROR, "cannot take a connection", NULL);
		free(c);
		(void)close(fd);
		listener_give_back(f->listener);
		return;
	}
	c->front = f;
	c->guest.peer = *from;
	TAILQ_INIT(&c->requests);
	LIST_INSERT_HEAD(&f->clients, c, link);
	holding_join(&f->holding);
	scoreboard_add(&f->row->accepted, 1);
	scoreboard_add(&f->row->connections, 1);
}
