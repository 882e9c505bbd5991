/* front.c - see front.h. */
#include "front.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "front_state.h"
#include "intake.h"
#include "log.h"
#include "referral.h"

static void front_end(void *);

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

/* ---- what the master says ---- */

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
	case HANDOFF_REGISTRATION: referral_end(state, message); break;
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

/* ---- the worker ---- */

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
				   f->conf->settings->proxy.client_read_timeout, intake_too_slow,
				   f);
	if (f->nudge == NULL || event_add(f->nudge, NULL) < 0 || f->patience == NULL)
		return -1;
	f->listener = listener_new(base, f->conf->listen_fd,
				   f->conf->settings->daemon.worker_connections, intake_accept, f);
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
		clients_check_end(f);
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

static bool
front_expects(void *state)
{
	const struct front *f = state;

	return relay_in_flight(f->relay) > 0;
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
	requests_spare_release(&f->spare);
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
	.expects = front_expects,
};
