/* serve.c - see serve.h. */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "drain.h"
#include "listener.h"
#include "log.h"
#include "service.h"

enum { OUTPUT_HIGH = 1 << 20 }; /* bytes a peer may leave unread before we stop reading from it */

struct serve;

struct peer {
	struct serve *serve;
	struct conn *conn;
	struct addr addr;
	uint64_t heard;	       /* clock_ms() of its last packet, once draining */
	LIST_ENTRY(peer) link; /* in serve->peers */
};

struct serve {
	struct worker *worker;
	const struct serve_conf *conf;
	struct scoreboard_row *row;
	struct conn_loop *loop;
	bool told_of_tls;
	struct listener *listener; /* NULL once the grace is over */
	struct drain *drain;
	struct service service;
	LIST_HEAD(peer_list, peer) peers;
};

static const struct conn_ops peer_ops;

/* ---- one peer ---- */

static void
peer_free(struct peer *p)
{
	struct serve *s = p->serve;

	LIST_REMOVE(p, link);
	free(p);
	scoreboard_set(&s->row->connections, conn_loop_count(s->loop));
	if (s->listener != NULL)
		listener_give_back(s->listener);
	else if (LIST_EMPTY(&s->peers))
		worker_done(s->worker);
}

static void
narrate(const struct serve *s, const struct service_note *n, enum service_outcome outcome)
{
	if (outcome == SERVICE_ANSWERED)
		log_narrate("Server %s: request from client %.*s, payload of %zu bytes, replied %s",
			    s->conf->id, SPAN_ARG(n->client), n->payload, n->digest);
	else
		log_narrate("Server %s: refused a packet: %s: %s", s->conf->id,
			    packet_code_text(n->fault.code), n->fault.why);
}

static void
log_refusal(const struct peer *p, const struct service_note *n)
{
	char from[ADDR_TEXT];

	log_event(LOG_WARN, "packet refused", "peer=%s code=%s why=%s", addr_text(&p->addr, from),
		  packet_code_text(n->fault.code), log_quoted(n->fault.why));
}

static void
settle(struct peer *p, enum service_outcome outcome, const struct service_note *note)
{
	struct serve *s = p->serve;

	if (outcome == SERVICE_FAILED) {
		log_errno(LOG_ERROR, "cannot answer", NULL);
		conn_close(p->conn);
		peer_free(p);
		return;
	}
	scoreboard_add(outcome == SERVICE_ANSWERED ? &s->row->requests : &s->row->errors, 1);
	if (outcome != SERVICE_ANSWERED)
		log_refusal(p, note);
	if (log_narrates())
		narrate(s, note, outcome);
	conn_flush_later(p->conn);
	if (outcome == SERVICE_LOST)
		conn_finish(p->conn);
	else if (conn_queued(p->conn) > OUTPUT_HIGH)
		conn_hold(p->conn);
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct peer *p = arg;
	struct serve *s = p->serve;
	struct buf *out = conn_output(c);
	struct service_note note;
	size_t before = buf_len(out);
	enum service_outcome outcome;

	if (drain_phase(s->drain) != DRAIN_NOT)
		p->heard = clock_ms();
	outcome = service_answer(&s->service, text, conn_members(c), out, &note);
	scoreboard_add(&s->row->bytes_in, text.n);
	scoreboard_add(&s->row->bytes_out, buf_len(out) - before);
	settle(p, outcome, &note);
}

/* The stream broke: a last answer, then the end. */
static void
broken(struct peer *p, enum service_break how)
{
	struct service_note note;

	settle(p, service_broken(&p->serve->service, how, conn_output(p->conn), &note), &note);
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	struct peer *p = arg;

	switch (error) {
	case EPROTONOSUPPORT:
		tls_settings_tell_off(&p->addr, &p->serve->told_of_tls);
		conn_finish(c);
		break;
	case EPROTOTYPE: broken(p, SERVICE_PLAIN); break;
	case EMSGSIZE: broken(p, SERVICE_TOO_LARGE); break;
	default: broken(p, SERVICE_NO_OBJECT);
	}
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	if (cut)
		broken(arg, SERVICE_CUT);
	else
		conn_finish(c);
}

static void
on_close(struct conn *c, int error, void *arg)
{
	struct peer *p = arg;

	if (error != 0)
		tls_settings_tell_lost(c, &p->addr, error);
	peer_free(p);
}

static void
on_open(struct conn *c, void *arg)
{
	struct peer *p = arg;

	if (drain_phase(p->serve->drain) != DRAIN_NOT)
		p->heard = clock_ms(); /* it will have something to ask */
	tls_settings_tell_agreed(c, &p->addr);
}

static void
on_drained(struct conn *c, void *arg)
{
	(void)arg;
	conn_resume(c);
}

static const struct conn_ops peer_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
	.on_drained = on_drained,
};

static void
on_accept(int fd, const struct addr *from, void *arg)
{
	struct serve *s = arg;
	struct peer *p = calloc(1, sizeof *p);

	if (p != NULL)
		p->conn = conn_new(s->loop, fd, s->conf->daemon->idle_timeout, &peer_ops, p);
	if (p == NULL || p->conn == NULL) {
		log_errno(LOG_ERROR, "cannot take a connection", NULL);
		free(p);
		(void)close(fd);
		listener_give_back(s->listener);
		return;
	}
	p->serve = s;
	p->addr = *from;
	LIST_INSERT_HEAD(&s->peers, p, link);
	scoreboard_add(&s->row->accepted, 1);
	scoreboard_set(&s->row->connections, conn_loop_count(s->loop));
}

/* ---- the worker ---- */

static void serve_end(void *arg);

static void
stop_accepting(struct serve *s)
{
	listener_free(s->listener);
	s->listener = NULL;
	if (LIST_EMPTY(&s->peers))
		worker_done(s->worker);
}

static void
on_drain_turn(void *arg)
{
	struct serve *s = arg;
	bool last = drain_phase(s->drain) == DRAIN_LAST;
	struct peer *p;

	if (s->listener != NULL && drain_phase(s->drain) != DRAIN_GRACE)
		stop_accepting(s);
	LIST_FOREACH(p, &s->peers, link)
		if (last || (drain_is_due(s->drain, p->heard) && conn_is_idle(p->conn)))
			conn_finish(p->conn);
}

static void *
serve_start(struct worker *w, void *arg)
{
	const struct serve_conf *conf = arg;
	struct serve *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	*s = (struct serve){.worker = w, .conf = conf, .row = worker_row(w)};
	s->service = (struct service){.id = conf->id,
				      .policy = conf->policy,
				      .former_policy = conf->former_policy,
				      .strict_payloadsize = conf->daemon->strict_payloadsize};
	LIST_INIT(&s->peers);
	s->drain = drain_new(worker_base(w), on_drain_turn, s);
	s->loop = conn_loop_new(worker_base(w), conf->daemon->max_message);
	if (s->loop != NULL)
		tls_settings_secure(s->loop, &conf->daemon->tls, conf->tls, s->row);
	if (s->loop != NULL && s->drain != NULL)
		s->listener = listener_new(worker_base(w), conf->listen_fd,
					   conf->daemon->worker_connections, on_accept, s);
	if (s->listener == NULL) {
		log_errno(LOG_ERROR, "worker cannot start", NULL);
		serve_end(s);
		return NULL;
	}
	listener_share(s->listener, worker_scoreboard(w), worker_slot(w));
	worker_ready(w);
	return s;
}

static void
serve_on_message(void *state, struct span message)
{
	(void)state;
	(void)message; /* a server's master has nothing to say */
}

static void
serve_drain(void *state)
{
	struct serve *s = state;

	drain_begin(s->drain, s->conf->daemon->stop_timeout, !worker_yields(s->worker));
	on_drain_turn(s);
}

static void
serve_end(void *state)
{
	struct serve *s = state;
	struct peer *p;

	listener_free(s->listener);
	while ((p = LIST_FIRST(&s->peers)) != NULL) {
		LIST_REMOVE(p, link);
		conn_close(p->conn);
		free(p);
	}
	conn_loop_free(s->loop);
	drain_free(s->drain);
	buf_release(&s->service.scratch);
	free(s);
}

const struct worker_ops serve_ops = {
	.start = serve_start,
	.on_message = serve_on_message,
	.drain = serve_drain,
	.end = serve_end,
};
