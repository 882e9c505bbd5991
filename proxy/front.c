/* front.c - see front.h. */
#include "front.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "channel.h"
#include "clock.h"
#include "conn.h"
#include "drain.h"
#include "holding.h"
#include "join.h"
#include "listener.h"
#include "log.h"
#include "patience.h"
#include "relay.h"

enum {
	OUTPUT_HIGH = 1 << 20, /* bytes a client may leave unread before we stop reading from it */
	RETRY_AFTER_MS = 1000  /* what a client is told when there is no room for its request */
};

struct front;

struct client {
	struct front *front;
	struct conn *conn;
	struct join_guest guest;      /* who it is */
	struct request_list requests; /* in the order in which they came and are answered */
	unsigned n;
	struct request_places places;
	struct debtor debtor;
	struct share share;
	uint64_t heard;		 /* clock_ms() of its last packet, once draining */
	bool turned_away;	 /* a request of it, so that it is logged once */
	bool last;		 /* nothing more comes: finish when all is answered */
	LIST_ENTRY(client) link; /* in front->clients */
};

struct front {
	struct worker *worker;
	const struct front_conf *conf;
	struct scoreboard_row *row;
	struct conn_loop *loop;
	bool told_of_tls;
	struct roster *roster;
	struct relay *relay;
	struct access *access;	   /* NULL: no line is wanted */
	struct listener *listener; /* NULL once it accepts no more */
	struct drain *drain;
	struct event *nudge; /* the permits' descriptor: a permit, or a changed registry */
	struct request_list with_master;
	uint64_t tokens;
	LIST_HEAD(client_list, client) clients;
	struct patience *patience;
	struct holding holding;
	struct meter_row *meter;
};

static void front_end(void *);

/* ---- clients ---- */

static void
check_drained(struct front *f)
{
	if (f->listener == NULL && LIST_EMPTY(&f->clients))
		worker_done(f->worker);
}

static void
forget_request(struct client *c, struct request *q)
{
	struct front *f = c->front;

	if (f->access != NULL && (q->state == REQUEST_QUEUED || q->state == REQUEST_IN_FLIGHT))
		access_abandoned(f->access, q, &c->guest.peer);
	TAILQ_REMOVE(&c->requests, q, order);
	c->n--;
	c->share.packets -= q->text.n + buf_len(&q->answer);
	scoreboard_add(&f->row->in_flight, (uint64_t)-1);
	if (q->state == REQUEST_WITH_MASTER) {
		TAILQ_REMOVE(&f->with_master, q, link);
		request_free(q);
	} else {
		relay_forget(f->relay, q);
	}
}

static void
client_free(struct client *c)
{
	struct front *f = c->front;
	struct request *q;

	while ((q = TAILQ_FIRST(&c->requests)) != NULL)
		forget_request(c, q);
	LIST_REMOVE(c, link);
	patience_forget(f->patience, &c->debtor);
	holding_leave(&f->holding, &c->share);
	free(c);
	scoreboard_set(&f->row->connections, scoreboard_get(&f->row->connections) - 1);
	if (f->listener != NULL)
		listener_give_back(f->listener);
	check_drained(f);
}

/* Reading goes on as long as the client takes its answers and does not run too far ahead. */
static void
client_pace(struct client *c)
{
	struct front *f = c->front;
	size_t unsent = conn_queued(c->conn);
	bool full = c->n >= f->conf->settings->proxy.client_pipeline || unsent > OUTPUT_HIGH ||
		    c->last;

	holding_count(&f->holding, &c->share, unsent);
	if (full || holding_is_greedy(&f->holding, &c->share))
		conn_hold(c->conn);
	else
		conn_resume(c->conn);
}

static void
client_settle(struct client *c)
{
	if (c->n == 0 && (c->last || drain_phase(c->front->drain) == DRAIN_LAST))
		conn_finish(c->conn);
	else
		client_pace(c);
}

static void
write_out(struct client *c, struct span answer)
{
	struct front *f = c->front;

	scoreboard_add(&f->row->bytes_out, answer.n);
	if (conn_write(c->conn, answer) < 0 && errno == ENOMEM)
		log_event(LOG_ERROR, "out of memory for an answer", NULL);
}

/* Answers leave in the order of the requests: those at the head that are there. */
static void
client_flush(struct client *c)
{
	struct request *q;

	while ((q = TAILQ_FIRST(&c->requests)) != NULL && q->state == REQUEST_ANSWERED) {
		if (buf_len(&q->answer) > 0)
			write_out(c, buf_span(&q->answer));
		forget_request(c, q);
	}
	client_settle(c);
}

/* Its answer is there; it leaves when those before it have. */
static void
client_answered(struct client *c, const struct request *q)
{
	c->share.packets += buf_len(&q->answer);
	client_flush(c);
}

/* ---- answers ---- */

static void
narrate_reply(const struct request *q, const struct registry_server *server)
{
	log_narrate("Reply from server id %s for client id %.*s", server->id, SPAN_ARG(q->srcid));
}

/* The reply as its client gets it. */
static void
put_reply(struct buf *out, struct span reply)
{
	if (buf_reserve(out, reply.n + 1) == NULL || buf_append_span(out, reply) < 0 ||
	    buf_append(out, "\n", 1) < 0)
		log_event(LOG_ERROR, "out of memory for a reply", NULL);
}

/* At the head of its client's list a reply goes to the socket's buffer at once, otherwise it waits
 * for those before it. */
static void
take_reply(struct client *c, struct request *q, struct span reply)
{
	struct buf *out = q == TAILQ_FIRST(&c->requests) ? conn_output(c->conn) : NULL;

	if (out == NULL) {
		put_reply(&q->answer, reply);
		return;
	}
	scoreboard_add(&c->front->row->bytes_out, reply.n + 1);
	put_reply(out, reply);
	conn_flush_later(c->conn);
}

static void
on_answer(struct request *q, const struct registry_server *server, struct span reply, void *arg)
{
	struct front *f = arg;
	struct client *c = q->client;

	scoreboard_add(server != NULL ? &f->row->requests : &f->row->errors, 1);
	if (server != NULL && log_narrates())
		narrate_reply(q, server);
	if (f->access != NULL)
		access_answered(f->access, q, &c->guest.peer, server != NULL ? server->id : NULL,
				server != NULL ? reply.n + 1 : buf_len(&q->answer));
	if (server != NULL)
		take_reply(c, q, reply);
	client_answered(c, q);
}

static void
on_forward(const struct request *q, const struct registry_server *server, void *arg)
{
	(void)arg;
	if (log_narrates())
		log_narrate("Forwarding to server id %s for client id %.*s", server->id,
			    SPAN_ARG(q->srcid));
}

static void
on_replace(struct request *q, struct request *twin, void *arg)
{
	(void)arg;
	TAILQ_INSERT_BEFORE(q, twin, order);
	TAILQ_REMOVE(&q->client->requests, q, order);
}

/* One that does not get through is told again soon enough: a server that fails goes on failing. */
static void
on_incident(unsigned server, uint64_t incarnation, enum incident_cause cause, void *arg)
{
	struct front *f = arg;
	struct handoff_incident m;

	memset(&m, 0, sizeof m); /* no byte is left to chance */
	m.kind = HANDOFF_INCIDENT;
	m.server = server;
	m.incarnation = incarnation;
	m.at = clock_ms();
	m.cause = cause;
	if (worker_tell(f->worker, span_of((const char *)&m, sizeof m)) < 0)
		log_errno(LOG_VERBOSE, "cannot tell the master of an incident", NULL);
}

static const struct relay_ops relay_ops = {on_answer, on_replace, on_incident, on_forward};

/* ---- packets ---- */

/* On the client's list, whatever becomes of it.  NULL on ENOMEM: the client is gone then. */
static struct request *
admit(struct client *c, struct span text, struct span srcid)
{
	struct front *f = c->front;
	struct request *q = request_new(c, text, srcid);

	if (q == NULL) {
		log_event(LOG_ERROR, "out of memory for a request", NULL);
		conn_close(c->conn);
		client_free(c);
		return NULL;
	}
	q->places = &c->places;
	TAILQ_INSERT_TAIL(&c->requests, q, order);
	c->share.packets += text.n;
	c->n++;
	scoreboard_add(&f->row->in_flight, 1);
	return q;
}

static void
answer_error(struct client *c, struct span text, const struct gate_refusal *r)
{
	struct front *f = c->front;
	struct request *q = admit(c, text, span_of(NULL, 0));

	if (q == NULL)
		return;
	scoreboard_add(&f->row->errors, 1);
	scoreboard_add(&f->meter->error[r->code], 1);
	if (request_fail(q, f->conf->settings->proxy.id, r->code, r->why, r->retry_after) < 0)
		log_event(LOG_ERROR, "out of memory for an error", NULL);
	if (f->access != NULL)
		access_answered(f->access, q, &c->guest.peer, NULL, buf_len(&q->answer));
	client_answered(c, q);
}

static void
refuse(struct client *c, struct span text, enum packet_code code, const char *why)
{
	const struct gate_refusal r = {code, why, code == PACKET_OVERLOADED ? RETRY_AFTER_MS : 0};
	char from[ADDR_TEXT];

	log_event(LOG_WARN, "packet refused", "peer=%s code=%s why=%s",
		  addr_text(&c->guest.peer, from), packet_code_text(code), log_quoted(why));
	answer_error(c, text, &r);
}

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
	answer_error(c, p->text, r);
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
	struct request *q = admit(c, p->text, srcid);

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

/* A registration is the master's to judge. */
static void
take_announcement(struct client *c, const struct packet *p)
{
	struct front *f = c->front;
	struct join_handoff head;
	struct buf message = BUF_INIT;
	struct request *q;

	if (p->text.n > JOIN_MAX) {
		refuse(c, p->text, PACKET_TOO_LARGE, "a registration of more than 8192 bytes");
		return;
	}
	q = admit(c, p->text, span_of(NULL, 0));
	if (q == NULL)
		return;
	memset(&head, 0, sizeof head); /* its gaps too: it is sent as bytes */
	head.kind = HANDOFF_REGISTRATION;
	head.token = ++f->tokens;
	head.guest = c->guest;
	c->guest.nonce[0] = '\0'; /* good once */
	q->token = head.token;
	q->state = REQUEST_WITH_MASTER;
	TAILQ_INSERT_TAIL(&f->with_master, q, link);
	if (buf_append(&message, &head, sizeof head) == 0 &&
	    buf_append_span(&message, p->text) == 0 &&
	    worker_tell(f->worker, buf_span(&message)) == 0) {
		buf_release(&message);
		return;
	}
	log_errno(LOG_ERROR, "cannot hand a registration to the master", NULL);
	buf_release(&message);
	TAILQ_REMOVE(&f->with_master, q, link);
	if (request_fail(q, f->conf->settings->proxy.id, PACKET_OVERLOADED, "registrations pile up",
			 1000) < 0)
		log_event(LOG_ERROR, "out of memory for an error", NULL);
	client_answered(c, q);
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

	(void)conn;
	scoreboard_add(&c->front->row->bytes_in, text.n);
	if (drain_phase(c->front->drain) != DRAIN_NOT)
		c->heard = clock_ms();
	if (packet_parse(&p, text, &fault) < 0) {
		c->last = c->last || fault.lost;
		refuse(c, text, fault.code, fault.why);
	} else if (p.type == PACKET_REGISTER || p.type == PACKET_DEREGISTER) {
		take_announcement(c, &p);
	} else if (p.type != PACKET_REQUEST) {
		refuse(c, text, PACKET_BAD_MESSAGE, "the proxy takes types 0, 1 and 5 only");
	} else if (drain_phase(c->front->drain) == DRAIN_LAST) {
		/* Whoever keeps sending would keep a draining worker from ever ending. */
		refuse(c, text, PACKET_SHUTTING_DOWN,
		       "this proxy worker is about to end; connect anew");
	} else if (holding_is_full(&c->front->holding)) {
		refuse(c, text, PACKET_OVERLOADED,
		       "this proxy worker holds as much for its clients as it may: max_buffered");
	} else if (!size_is_right(c->front, &p, &fault)) {
		refuse(c, text, fault.code, fault.why);
	} else if (may_ask(c, &p)) {
		take_request(c, &p);
	}
}

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
	case EPROTOTYPE: refuse(c, span_of(NULL, 0), PACKET_DENIED, "TLS is required here"); break;
	case EMSGSIZE:
		refuse(c, span_of(NULL, 0), PACKET_TOO_LARGE,
		       "the object is larger than max_message");
		break;
	default: refuse(c, span_of(NULL, 0), PACKET_BAD_JSON, "an object must begin with {");
	}
}

static void
on_eof(struct conn *conn, bool cut, void *arg)
{
	struct client *c = arg;

	(void)conn;
	c->last = true;
	if (cut)
		refuse(c, span_of(NULL, 0), PACKET_BAD_JSON,
		       "the object was cut by the end of the connection");
	else
		client_settle(c);
}

static void
on_close(struct conn *conn, int error, void *arg)
{
	struct client *c = arg;

	scoreboard_add(&c->front->meter->timeout[METER_client_idle], error == ETIMEDOUT);
	if (error != 0)
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
static void
on_too_slow(void *client, enum conn_debt debt, void *arg)
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
		refuse(c, span_of(NULL, 0), PACKET_TIMEOUT, why);
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

static void
on_accept(int fd, const struct addr *from, void *arg)
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

/* ---- the worker ---- */

static struct request *
find_with_master(struct front *f, uint64_t token)
{
	struct request *q;

	TAILQ_FOREACH(q, &f->with_master, link)
		if (q->token == token)
			return q;
	return NULL;
}

/* The master's answer to a registration. */
static void
take_acknowledgement(struct front *f, struct span message)
{
	struct join_handoff head;
	struct request *q;

	if (message.n < sizeof head)
		return;
	memcpy(&head, message.p, sizeof head);
	q = find_with_master(f, head.token);
	if (q == NULL)
		return; /* its client has gone meanwhile */
	TAILQ_REMOVE(&f->with_master, q, link);
	q->state = REQUEST_ANSWERED;
	q->client->guest = head.guest;
	if (buf_append(&q->answer, message.p + sizeof head, message.n - sizeof head) < 0)
		log_event(LOG_ERROR, "out of memory for an acknowledgement", NULL);
	client_answered(q->client, q);
}

/* As many as fit in a message. */
static int
tell_rows(struct front *f, struct explain_answer *head, const struct explain_row *rows)
{
	struct buf message = BUF_INIT;
	int rc = -1;

	if (buf_append(&message, head, sizeof *head) == 0 &&
	    buf_append(&message, rows, head->n * sizeof *rows) == 0)
		rc = worker_tell(f->worker, buf_span(&message));
	buf_release(&message);
	return rc;
}

static void
explain(struct front *f, const struct explain_question *q)
{
	struct explain_answer head = {.kind = HANDOFF_EXPLAIN, .token = q->token};
	struct explain_row *rows = calloc(registry_max_servers(f->conf->registry) + 1,
					  sizeof *rows);
	int n, told = 0, rc = 0;

	if (rows == NULL) {
		log_event(LOG_ERROR, "out of memory for an explanation", NULL);
		return;
	}
	n = relay_explain(f->relay, span_str(q->policy), span_str(q->key), rows);
	head.known = n >= 0;
	while (rc == 0 && !head.last) {
		head.n = n - told > EXPLAIN_ROWS ? EXPLAIN_ROWS
			 : n > told		 ? (uint32_t)(n - told)
						 : 0;
		head.last = told + (int)head.n >= n;
		rc = tell_rows(f, &head, rows + told);
		told += (int)head.n;
	}
	if (rc < 0)
		log_errno(LOG_WARN, "cannot explain to the master", NULL);
	free(rows);
}

static void
front_on_message(void *state, struct span message)
{
	struct explain_question q;

	switch (handoff_kind_of(message)) {
	case HANDOFF_REGISTRATION: take_acknowledgement(state, message); break;
	case HANDOFF_EXPLAIN:
		if (message.n != sizeof q)
			break;
		memcpy(&q, message.p, sizeof q);
		explain(state, &q);
		break;
	case HANDOFF_INCIDENT: /* only workers tell of those */
	case HANDOFF_NONE:
	case HANDOFF_END: break;
	}
}

/* The access log's file, opened anew. */
static void
front_on_file(void *state, int fd)
{
	struct front *f = state;

	if (f->access != NULL)
		access_take_file(f->access, fd);
	else
		(void)close(fd);
}

static void
on_nudge(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	(void)fd;
	(void)what;
	permit_heard(f->conf->permits, worker_slot(f->worker));
	relay_look(f->relay);
}

static int
open_relay(struct front *f)
{
	const struct front_conf *conf = f->conf;
	struct relay_env env = {.base = worker_base(f->worker), .registry = conf->registry};

	f->loop = conn_loop_new(env.base, conf->settings->daemon.max_message);
	f->roster = roster_new(conf->registry);
	if (f->loop == NULL || f->roster == NULL)
		return -1;
	tls_settings_secure(f->loop, &conf->settings->daemon.tls, conf->settings->tls_listen,
			    f->row);
	env.upstream = (struct upstream_env){.conf = &conf->settings->proxy,
					     .loop = f->loop,
					     .roster = f->roster,
					     .permits = conf->permits,
					     .tally = conf->tally,
					     .meter = conf->meter,
					     .verdicts = conf->verdicts,
					     .worker = worker_slot(f->worker)};
	f->relay = relay_new(&env, &relay_ops, f);
	return f->relay == NULL ? -1 : 0;
}

/* 0, or -1 with errno. */
static int
open_access(struct front *f)
{
	const struct proxy_conf *c = &f->conf->settings->proxy;
	struct access_conf conf = {.mode = (enum access_mode)c->access_log,
				   .sample = c->access_sample,
				   .json = f->conf->settings->daemon.log_format == 1,
				   .fd = f->conf->access_fd};

	f->access = access_new(worker_base(f->worker), &conf);
	return f->access == NULL && conf.mode != ACCESS_OFF ? -1 : 0;
}

static int
open_events(struct front *f)
{
	struct event_base *base = worker_base(f->worker);

	f->nudge = event_new(base, permit_descriptor(f->conf->permits, worker_slot(f->worker)),
			     EV_READ | EV_PERSIST, on_nudge, f);
	f->patience = patience_new(base, f->conf->settings->proxy.client_send_timeout,
				   f->conf->settings->proxy.client_read_timeout, on_too_slow, f);
	if (f->nudge == NULL || event_add(f->nudge, NULL) < 0 || f->patience == NULL)
		return -1;
	f->listener = listener_new(base, f->conf->listen_fd,
				   f->conf->settings->daemon.worker_connections, on_accept, f);
	if (f->listener == NULL)
		return -1;
	listener_share(f->listener, worker_scoreboard(f->worker), worker_slot(f->worker));
	return 0;
}

static void
on_drain_turn(void *arg)
{
	struct front *f = arg;
	struct client *c;

	if (f->listener != NULL && drain_phase(f->drain) != DRAIN_GRACE) {
		listener_free(f->listener);
		f->listener = NULL;
		check_drained(f);
	}
	LIST_FOREACH(c, &f->clients, link)
		if (c->n == 0 && drain_is_due(f->drain, c->heard) &&
		    (conn_is_idle(c->conn) || drain_phase(f->drain) == DRAIN_LAST))
			conn_finish(c->conn);
}

static void *
front_start(struct worker *w, void *arg)
{
	struct front *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->worker = w;
	f->conf = arg;
	f->row = worker_row(w);
	f->meter = meter_row(f->conf->meter, worker_slot(w));
	f->holding = (struct holding){.limit = f->conf->settings->proxy.max_buffered,
				      .meter = f->meter};
	TAILQ_INIT(&f->with_master);
	LIST_INIT(&f->clients);
	f->drain = drain_new(worker_base(w), on_drain_turn, f);
	if (f->drain == NULL || open_access(f) < 0 || open_relay(f) < 0 || open_events(f) < 0) {
		log_errno(LOG_ERROR, "worker cannot start", NULL);
		front_end(f);
		return NULL;
	}
	worker_ready(w);
	return f;
}

static void
front_drain(void *state)
{
	struct front *f = state;

	drain_begin(f->drain, f->conf->settings->daemon.stop_timeout, !worker_yields(f->worker));
	on_drain_turn(f);
}

static void
front_end(void *state)
{
	struct front *f = state;
	struct client *c;

	while ((c = LIST_FIRST(&f->clients)) != NULL) {
		conn_close(c->conn);
		client_free(c);
	}
	access_free(f->access);
	patience_free(f->patience);
	relay_free(f->relay);
	roster_free(f->roster);
	conn_loop_free(f->loop);
	listener_free(f->listener);
	drain_free(f->drain);
	if (f->nudge != NULL)
		event_free(f->nudge);
	free(f);
}

const struct worker_ops front_ops = {
	.start = front_start,
	.on_message = front_on_message,
	.on_file = front_on_file,
	.drain = front_drain,
	.end = front_end,
};
