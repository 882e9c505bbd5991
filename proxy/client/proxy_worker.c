/* proxy_worker.c - see proxy_worker.h. */
#include "proxy_worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "client_read.h"
#include "clock.h"
#include "log.h"
#include "proxy_worker_internal.h"
#include "registration_forward.h"

enum { RESTATE_MS = 500 };

static void front_end(void *);

/* One that does not get through is told again soon enough: a server that fails goes on failing. */
static void
on_incident(unsigned server, uint64_t incarnation, enum failure_cause cause, void *arg)
{
	struct proxy_worker *f = arg;
	struct buf message = BUF_INIT;

	if (worker_msg_put_failure(&message, server, incarnation, clock_ms(), cause) < 0 ||
	    worker_send(f->worker, buf_span(&message)) < 0)
		log_limited_errno(LOG_VERBOSE, "cannot tell the master of an incident", NULL);
	buf_release(&message);
}

static const struct dispatch_ops dispatch_ops = {client_answer, client_replace, on_incident};

/* ---- what the master says ---- */

/* As many as fit in a message. */
static int
tell_rows(struct proxy_worker *f, const struct explain_answer *head, const struct explain_row *rows)
{
	struct buf message = BUF_INIT;
	int rc = worker_msg_put_answer(&message, head, rows);

	if (rc == 0)
		rc = worker_send(f->worker, buf_span(&message));
	buf_release(&message);
	return rc;
}

static void
explain(struct proxy_worker *f, const struct explain_question *q)
{
	struct explain_answer head = {.token = q->token};
	struct explain_row *rows = calloc(registry_max_servers(f->conf->registry) + 1,
					  sizeof *rows);
	int n, told = 0, rc = 0;

	if (rows == NULL) {
		log_limited(LOG_ERROR, "out of memory for an explanation", NULL);
		return;
	}
	n = dispatch_explain(f->relay, span_str(q->policy), span_str(q->key), rows);
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
		log_limited_errno(LOG_WARN, "cannot explain to the master", NULL);
	free(rows);
}

static void
front_on_message(void *state, struct span message)
{
	struct explain_question q;

	switch (worker_msg_kind_of(message)) {
	case WORKER_MSG_REGISTRATION: registration_forward_end(state, message); break;
	case WORKER_MSG_EXPLAIN:
		if (worker_msg_get_question(message, &q) == 0)
			explain(state, &q);
		break;
	case WORKER_MSG_FAILURE: /* only workers tell of those */
	case WORKER_MSG_LOOP:
	case WORKER_MSG_NONE:
	case WORKER_MSG_END: break;
	}
}

/* The access log's file, opened anew. */
static void
front_on_file(void *state, struct span body, int fd)
{
	struct proxy_worker *f = state;

	(void)body;
	if (f->access != NULL)
		access_log_take_file(f->access, fd);
	else
		(void)close(fd);
}

static void
on_nudge(evutil_socket_t fd, short what, void *arg)
{
	struct proxy_worker *f = arg;

	(void)fd;
	(void)what;
	conn_limit_heard(f->conf->permits, worker_slot(f->worker));
	dispatch_tick(f->relay);
}

static void
on_restate(evutil_socket_t fd, short what, void *arg)
{
	struct proxy_worker *f = arg;

	(void)fd;
	(void)what;
	conn_limit_restate(f->conf->permits, worker_slot(f->worker));
	registration_forward_tick(f, clock_ms());
}

/* ---- the worker ---- */

static void
tell_held(void *arg)
{
	const struct proxy_worker *f = arg;

	counter_gauge(&f->row->buffered, &f->meter->buffered_max, client_mem_bytes(&f->holding));
}

static int
open_relay(struct proxy_worker *f)
{
	const struct proxy_worker_conf *conf = f->conf;
	struct dispatch_env env = {.base = worker_base(f->worker), .registry = conf->registry};

	f->loop = conn_loop_new(env.base, conf->settings->base.daemon.max_message);
	f->roster = registry_snapshot_new(conf->registry);
	if (f->loop == NULL || f->roster == NULL)
		return -1;
	f->holding.conns = conn_loop_held(f->loop);
	conn_loop_at_turn_end(f->loop, tell_held, f);
	tls_conf_secure(f->loop, &conf->settings->base.daemon.tls, conf->settings->base.tls_listen,
			f->row);
	env.upstream = (struct upstream_env){
		.conf = &conf->settings->proxy,
		.loop = f->loop,
		.roster = f->roster,
		.permits = conf->permits,
		.tally = conf->tally,
		.meter = conf->meter,
		.verdicts = conf->verdicts,
		.worker = worker_slot(f->worker),
		.workers = daemon_workers(&conf->settings->base.daemon)};
	f->relay = dispatch_new(&env, &dispatch_ops, f);
	return f->relay == NULL ? -1 : 0;
}

/* 0, or -1 with errno. */
static int
open_access(struct proxy_worker *f)
{
	const struct proxy_conf *c = &f->conf->settings->proxy;
	struct access_log_conf conf = {.mode = (enum access_log_mode)c->access_log,
				       .sample = c->access_sample,
				       .json = f->conf->settings->base.daemon.log_format == 1,
				       .fd = f->conf->access_fd};

	f->access = access_log_new(worker_base(f->worker), &conf);
	return f->access == NULL && conf.mode != ACCESS_LOG_OFF ? -1 : 0;
}

static int
open_events(struct proxy_worker *f)
{
	struct event_base *base = worker_base(f->worker);
	struct timeval restate = clock_timeval(RESTATE_MS);

	f->nudge = event_new(base, conn_limit_descriptor(f->conf->permits, worker_slot(f->worker)),
			     EV_READ | EV_PERSIST, on_nudge, f);
	f->patience = client_timeout_new(base, f->conf->settings->proxy.client_send_timeout,
					 f->conf->settings->proxy.client_read_timeout,
					 client_read_too_slow, f);
	f->restate = event_new(base, -1, EV_PERSIST, on_restate, f);
	if (f->nudge == NULL || event_add(f->nudge, NULL) < 0 || f->patience == NULL ||
	    f->restate == NULL || event_add(f->restate, &restate) < 0)
		return -1;
	f->listener = listener_new(base, f->conf->listen_fd[0],
				   f->conf->settings->base.daemon.worker_connections,
				   client_read_accept, f);
	if (f->listener == NULL)
		return -1;
	for (unsigned i = 1; i < f->conf->listeners; i++)
		if (listener_add(f->listener, f->conf->listen_fd[i]) < 0)
			return -1;
	listener_share(f->listener, worker_scoreboard(f->worker), worker_slot(f->worker));
	return 0;
}

/* One that has just been answered may have asked again. */
static bool
may_end(const struct proxy_worker *f, const struct client *c)
{
	if (c->n > 0 || !drain_is_due(f->drain, c->heard, conn_fd(c->conn)))
		return false;
	return drain_phase(f->drain) == DRAIN_OVER ||
	       (conn_is_idle(c->conn) && !conn_has_unread(c->conn));
}

static void
on_drain_turn(void *arg)
{
	struct proxy_worker *f = arg;
	struct client *c;

	if (f->listener != NULL && drain_phase(f->drain) != DRAIN_GRACE) {
		listener_free(f->listener);
		f->listener = NULL;
		clients_check_end(f);
	}
	if (drain_phase(f->drain) == DRAIN_OVER)
		dispatch_send_away(f->relay);
	LIST_FOREACH(c, &f->clients, link)
		if (may_end(f, c))
			conn_finish(c->conn);
}

static void *
front_start(struct worker *w, void *arg)
{
	struct proxy_worker *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->worker = w;
	f->conf = arg;
	f->row = worker_row(w);
	f->meter = worker_stats_row(f->conf->meter, worker_slot(w));
	f->holding.limit = f->conf->settings->base.daemon.max_buffered;
	registration_forward_init(f);
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
	struct proxy_worker *f = state;

	drain_begin(f->drain, f->conf->settings->base.daemon.stop_timeout,
		    !worker_yields(f->worker));
	on_drain_turn(f);
}

static bool
front_expects(void *state)
{
	const struct proxy_worker *f = state;

	return dispatch_in_flight(f->relay) > 0;
}

static void
front_end(void *state)
{
	struct proxy_worker *f = state;
	struct client *c;

	while ((c = LIST_FIRST(&f->clients)) != NULL) {
		conn_close(c->conn);
		client_free(c);
	}
	access_log_free(f->access);
	client_timeout_free(f->patience);
	dispatch_free(f->relay);
	requests_spare_release(&f->spare);
	registry_snapshot_free(f->roster);
	conn_loop_free(f->loop);
	listener_free(f->listener);
	drain_free(f->drain);
	if (f->nudge != NULL)
		event_free(f->nudge);
	if (f->restate != NULL)
		event_free(f->restate);
	free(f);
}

const struct worker_ops proxy_worker_ops = {
	.start = front_start,
	.on_message = front_on_message,
	.on_file = front_on_file,
	.drain = front_drain,
	.end = front_end,
	.expects = front_expects,
};
