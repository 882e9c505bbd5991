/* server_worker.c - see server_worker.h. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "server_worker_internal.h"

enum {
	FORCE_MS = 200,	    /* before the end of stop_timeout what is not done is given up */
	HAND_OVER_MS = 1000 /* of a reload, in which connections go over to the new handler */
};

/* ---- draining ---- */

void
server_worker_check_done(struct server_worker *s)
{
	if (s->done || drain_phase(s->drain) == DRAIN_NOT || s->listener != NULL ||
	    !LIST_EMPTY(&s->peers) || (s->dispatch != NULL && job_dispatch_busy(s->dispatch) > 0))
		return;
	s->done = true;
	worker_done(s->worker);
}

/* Jobs that are still in hand are not waited for any longer. */
static void
give_up(struct server_worker *s)
{
	struct peer *p;

	log_event(LOG_WARN, "stopped with jobs in hand", "jobs=%u connections=%u",
		  job_dispatch_busy(s->dispatch), conn_loop_count(s->loop));
	while ((p = LIST_FIRST(&s->peers)) != NULL) {
		conn_close(p->conn);
		server_peer_free(p);
	}
	s->done = true;
	worker_done(s->worker);
}

/* One that has just been answered may have asked again. */
static bool
may_part(const struct server_worker *s, const struct peer *p)
{
	if (!TAILQ_EMPTY(&p->jobs) || !drain_is_due(s->drain, p->heard, conn_fd(p->conn)))
		return false;
	return drain_phase(s->drain) == DRAIN_OVER ||
	       (conn_is_idle(p->conn) && !conn_has_unread(p->conn));
}

static void
on_drain_turn(void *arg)
{
	struct server_worker *s = arg;
	struct peer *p;

	if (s->listener != NULL && drain_phase(s->drain) != DRAIN_GRACE) {
		listener_free(s->listener);
		s->listener = NULL;
	}
	if (s->dispatch != NULL && drain_phase(s->drain) >= DRAIN_LAST)
		job_dispatch_shut_down(s->dispatch);
	LIST_FOREACH(p, &s->peers, link)
		if (may_part(s, p))
			server_peer_part(p);
	server_worker_check_done(s);
	if (!s->done && s->dispatch != NULL && job_dispatch_busy(s->dispatch) > 0 &&
	    clock_ms() >= s->drained_by)
		give_up(s);
}

/* ---- start and end ---- */

static void
note_buffered(void *arg)
{
	const struct server_worker *s = arg;

	counter_set(&s->row->buffered, client_mem_bytes(&s->mem));
}

/* 0, or -1 with errno. */
static int
open_loop(struct server_worker *s)
{
	const struct daemon_conf *d = s->conf->daemon;

	s->loop = conn_loop_new(worker_base(s->worker), d->max_message);
	if (s->loop == NULL)
		return -1;
	s->mem = (struct client_mem){.limit = d->max_buffered, .conns = conn_loop_held(s->loop)};
	conn_loop_at_turn_end(s->loop, note_buffered, s);
	tls_conf_secure(s->loop, &d->tls, s->conf->tls, s->row);
	return 0;
}

/* 0, or -1 with errno. */
static int
open_listener(struct server_worker *s)
{
	const struct server_worker_conf *c = s->conf;

	s->listener = listener_new(worker_base(s->worker), c->listen_fd[0],
				   c->daemon->worker_connections, server_peer_accept, s);
	if (s->listener == NULL)
		return -1;
	for (unsigned i = 1; i < c->listeners; i++)
		if (listener_add(s->listener, c->listen_fd[i]) < 0)
			return -1;
	listener_share(s->listener, worker_scoreboard(s->worker), worker_slot(s->worker));
	return 0;
}

static void
on_ready(void *arg)
{
	struct server_worker *s = arg;

	if (drain_phase(s->drain) != DRAIN_NOT)
		return;
	if (open_listener(s) == 0) {
		worker_ready(s->worker);
		return;
	}
	log_errno(LOG_ERROR, "worker cannot listen", NULL);
	worker_done(s->worker);
}

static void
send_to_master(void *arg, const struct job_msg *m)
{
	struct server_worker *s = arg;

	if (worker_send(s->worker, job_msg_span(m)) < 0)
		log_limited_errno(LOG_ERROR, "cannot tell the master of job processes", NULL);
}

static void
on_jobs_done(void *arg)
{
	server_worker_check_done(arg);
}

/* 0, or -1 with errno. */
static int
open_dispatch(struct server_worker *s)
{
	static const struct job_dispatch_ops ops = {.done = server_peer_done,
						    .send = send_to_master,
						    .ready = on_ready,
						    .idle = on_jobs_done};
	const struct server_worker_conf *c = s->conf;
	const struct job_dispatch_conf conf = {.handler = c->handler,
					       .policy = c->policy,
					       .stats = c->stats,
					       .slot = worker_slot(s->worker),
					       .workers = daemon_workers(c->daemon),
					       .siblings = c->proxied &&
							   daemon_workers(c->daemon) > 1,
					       .strikes = c->strikes};

	s->handler.processes = true;
	s->handler.keyed = c->handler->known->shape == JOB_NAMED_HEX;
	s->dispatch = job_dispatch_new(worker_base(s->worker), &conf, &ops, s);
	return s->dispatch == NULL ? -1 : 0;
}

/* What is answered here needs nothing more; otherwise the processes are waited for. */
static int
open_handler(struct server_worker *s)
{
	const struct handler_conf *h = s->conf->handler;

	if (handler_conf_has_processes(h))
		return open_dispatch(s);
	if (h->known->digest != DIGEST_SHA1)
		s->handler.job = h->known;
	return open_listener(s);
}

static void
worker_end(void *state)
{
	struct server_worker *s = state;
	struct peer *p;

	listener_free(s->listener);
	s->listener = NULL;
	s->done = true;
	while ((p = LIST_FIRST(&s->peers)) != NULL) {
		conn_close(p->conn);
		server_peer_free(p);
	}
	job_dispatch_free(s->dispatch);
	conn_loop_free(s->loop);
	drain_free(s->drain);
	client_timeout_free(s->timeout);
	handler_release(&s->handler);
	buf_release(&s->later);
	free(s);
}

static void *
worker_start(struct worker *w, void *arg)
{
	const struct server_worker_conf *conf = arg;
	struct server_worker *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	*s = (struct server_worker){.worker = w, .conf = conf, .row = worker_row(w)};
	s->handler = (struct handler){.id = conf->id,
				      .policy = conf->policy,
				      .former_policy = conf->former_policy,
				      .strict_payloadsize = conf->daemon->strict_payloadsize};
	LIST_INIT(&s->peers);
	s->drain = drain_new(worker_base(w), on_drain_turn, s);
	s->timeout = client_timeout_new(worker_base(w), conf->client_send_timeout,
					conf->client_read_timeout, server_peer_too_slow, s);
	if (s->drain == NULL || s->timeout == NULL || open_loop(s) < 0 || open_handler(s) < 0) {
		log_errno(LOG_ERROR, "worker cannot start", NULL);
		worker_end(s);
		return NULL;
	}
	if (s->dispatch == NULL)
		worker_ready(w);
	return s;
}

/* ---- the master ---- */

/* NULL dispatch: it has nothing to say. */
static bool
read_message(const struct server_worker *s, struct span message, struct job_msg *m)
{
	return s->dispatch != NULL && job_msg_read(message, s->conf->handler->processes, m);
}

static void
on_message(void *state, struct span message)
{
	struct server_worker *s = state;
	struct job_msg m;

	if (read_message(s, message, &m))
		job_dispatch_hear(s->dispatch, &m);
}

static void
on_file(void *state, struct span message, int fd)
{
	struct server_worker *s = state;
	struct job_msg m;

	if (read_message(s, message, &m) && (m.kind == JOB_MSG_STDIN || m.kind == JOB_MSG_STDOUT))
		job_dispatch_take_pipe(s->dispatch, &m, fd);
	else
		(void)close(fd);
}

/* Is an answer of a job process on its way? */
static bool
expects(void *state)
{
	const struct server_worker *s = state;

	return s->dispatch != NULL && job_dispatch_busy(s->dispatch) > 0;
}

static void
worker_drain(void *state)
{
	struct server_worker *s = state;
	uint64_t limit = s->conf->daemon->stop_timeout;

	s->drained_by = clock_ms() + limit - (limit / 8 < FORCE_MS ? limit / 8 : FORCE_MS);
	/* A proxy's connections never pause, and would be answered by the former handler for most
	 * of stop_timeout; what is declined goes to the new one. */
	if (s->dispatch != NULL && worker_yields(s->worker) && limit > HAND_OVER_MS)
		limit = HAND_OVER_MS;
	drain_begin(s->drain, limit, !worker_yields(s->worker));
	on_drain_turn(s);
}

const struct worker_ops server_worker_ops = {
	.start = worker_start,
	.on_message = on_message,
	.drain = worker_drain,
	.end = worker_end,
	.on_file = on_file,
	.expects = expects,
};
