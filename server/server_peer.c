/* server_peer.c - a connection to a server's worker: packets come, and it ends; see
 * server_worker_internal.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "server_worker_internal.h"

/* ---- its end ---- */

void
server_peer_free(struct peer *p)
{
	struct server_worker *s = p->worker;
	char from[ADDR_TEXT];

	if (p->refused > 1)
		log_limited(LOG_WARN, "packets of a connection refused", "peer=%s packets=%lu",
			    log_quoted(addr_peer_text(&p->addr, from)), p->refused);
	LIST_REMOVE(p, link);
	server_peer_abandon(p);
	client_mem_leave(&s->mem, &p->share);
	client_timeout_forget(&p->stalls);
	free(p);
	counter_set(&s->row->connections, conn_loop_count(s->loop));
	if (s->listener != NULL)
		listener_give_back(s->listener);
	else
		server_worker_check_done(s);
}

static void
close_peer(struct peer *p)
{
	conn_close(p->conn);
	server_peer_free(p);
}

static void
fail(struct peer *p)
{
	log_limited_errno(LOG_ERROR, "cannot answer", NULL);
	close_peer(p);
}

/* Where a request may not be repeated, a connection's end alone does not tell whether those that
 * were not answered have run: an error that answers none says that they have not. */
void
server_peer_part(struct peer *p)
{
	const struct server_worker *s = p->worker;
	struct buf *out = conn_output(p->conn);

	if (s->dispatch != NULL && !job_dispatch_is_repeatable(s->dispatch) && out != NULL &&
	    handler_farewell(&s->handler, out) < 0)
		log_limited_errno(LOG_ERROR, "cannot say that nothing was run", NULL);
	conn_finish(p->conn);
}

void
server_peer_done(void *arg, struct job_task *t, const struct job_result *r)
{
	const struct server_worker *s = arg;
	struct peer *p = t->owner;

	if (drain_phase(s->drain) != DRAIN_NOT)
		p->heard = clock_ms();
	if (server_peer_answer(p, t, r) < 0)
		fail(p);
	else if (TAILQ_EMPTY(&p->jobs) && p->ended)
		conn_finish(p->conn);
	else
		server_peer_regulate(p);
}

/* ---- packets ---- */

static enum handler_outcome
answer_probe(struct server_worker *s, struct handler_note *note, struct buf *out)
{
	struct job_result r;
	int written;

	note->digest[0] = '\0';
	if (job_dispatch_probe(s->dispatch, &r)) {
		written = handler_reply(&s->handler, &note->request, span_of("", 0), false, out);
		return written < 0 ? HANDLER_FAILED : HANDLER_ANSWERED;
	}
	note->fault = (struct packet_fault){.code = r.code};
	(void)snprintf(note->fault.why, sizeof note->fault.why, "%s", r.why);
	written = handler_error(&s->handler, &note->request, r.code, r.why, r.retry_after, out);
	return written < 0 ? HANDLER_FAILED : HANDLER_REFUSED;
}

/* The peer may be gone afterwards. */
static void
take_job(struct peer *p, const struct handler_note *note)
{
	struct job_dispatch *d = p->worker->dispatch;
	struct job_task *t = job_dispatch_task(d, &note->request, note->payload);

	if (t == NULL) {
		fail(p);
		return;
	}
	t->owner = p;
	server_peer_add_task(p, t);
	server_peer_regulate(p);
	job_dispatch_submit(d, t);
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct peer *p = arg;
	struct server_worker *s = p->worker;
	struct buf *out = server_peer_output(p);
	struct handler_note note;
	size_t before = buf_len(out);
	enum handler_outcome outcome;
	enum drain_phase phase = drain_phase(s->drain);

	if (phase != DRAIN_NOT)
		p->heard = clock_ms();
	s->handler.stopping = phase >= DRAIN_LAST;
	outcome = handler_answer(&s->handler, text, conn_members(c), out, &note);
	counter_add(&s->row->bytes_in, text.n);
	if (outcome == HANDLER_JOB && note.request.probe)
		outcome = answer_probe(s, &note, out);
	if (outcome == HANDLER_JOB) {
		take_job(p, &note);
		return;
	}
	if (out != &s->later)
		counter_add(&s->row->bytes_out, buf_len(out) - before);
	if (server_peer_settle(p, outcome, &note) < 0)
		fail(p);
}

/* The stream broke: a last answer, then the end. */
static void
broken(struct peer *p, enum handler_break how)
{
	struct handler_note note;
	enum handler_outcome outcome = handler_broken(&p->worker->handler, how,
						      server_peer_output(p), &note);

	if (server_peer_settle(p, outcome, &note) < 0)
		fail(p);
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	struct peer *p = arg;

	switch (error) {
	case EPROTONOSUPPORT:
		tls_conf_log_off(&p->addr, &p->worker->told_of_tls);
		conn_finish(c);
		break;
	case EPROTOTYPE: broken(p, HANDLER_PLAIN); break;
	case EMSGSIZE: broken(p, HANDLER_TOO_LARGE); break;
	default: broken(p, HANDLER_NO_OBJECT);
	}
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	struct peer *p = arg;

	if (cut)
		broken(p, HANDLER_CUT);
	else if (TAILQ_EMPTY(&p->jobs))
		conn_finish(c);
	else
		p->ended = true;
}

static void
on_close(struct conn *c, int error, void *arg)
{
	struct peer *p = arg;

	if (error != 0)
		tls_conf_log_lost(c, &p->addr, error);
	server_peer_free(p);
}

static void
on_open(struct conn *c, void *arg)
{
	struct peer *p = arg;

	if (drain_phase(p->worker->drain) != DRAIN_NOT)
		p->heard = clock_ms(); /* it will have something to ask */
	tls_conf_log_agreed(c, &p->addr);
}

static void
on_stall(struct conn *c, enum conn_stall stall, bool stalled, void *arg)
{
	struct peer *p = arg;

	(void)c;
	client_timeout_note(p->worker->timeout, &p->stalls, p, stall, stalled);
}

/* An object begun gets an answer, though nothing more is read; a peer that takes none can't be
 * given one. */
void
server_peer_too_slow(void *peer, enum conn_stall stall, void *arg)
{
	struct peer *p = peer;
	char from[ADDR_TEXT];

	(void)arg;
	if (stall == CONN_STALL_SENDING) {
		if (!TAILQ_EMPTY(&p->jobs)) /* it ends after their answers */
			conn_discard(p->conn);
		broken(p, HANDLER_SLOW);
		return;
	}
	log_limited(LOG_WARN, "peer does not read", "peer=%s unread=%zu why=client_read_timeout",
		    log_quoted(addr_peer_text(&p->addr, from)), conn_queued(p->conn));
	close_peer(p);
}

static void
on_drained(struct conn *c, void *arg)
{
	struct peer *p = arg;

	(void)c;
	p->full = false;
	server_peer_regulate(p);
}

/* Unfinished objects would be waited for in vain once there is no room for their rest. */
static void
on_grown(struct conn *c, void *arg)
{
	struct server_worker *s = ((struct peer *)arg)->worker;
	struct peer *p;

	(void)c;
	while (client_mem_is_full(&s->mem) && (p = conn_loop_most_unfinished(s->loop)) != NULL) {
		conn_discard(p->conn);
		broken(p, HANDLER_FULL);
	}
}

static const struct conn_ops peer_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
	.on_drained = on_drained,
	.on_stall = on_stall,
	.on_grown = on_grown,
};

/* A connection on which a job is waited for is not idle. */
static uint64_t
idle_timeout(const struct server_worker *s)
{
	const struct handler_conf *h = s->conf->handler;
	uint64_t idle = s->conf->daemon->idle_timeout, longest;

	if (s->dispatch == NULL || idle == 0)
		return idle;
	longest = h->job_timeout * (2 + h->queue / h->processes);
	return idle > longest ? idle : longest;
}

void
server_peer_accept(int fd, const struct addr_peer *from, void *arg)
{
	struct server_worker *s = arg;
	struct peer *p = calloc(1, sizeof *p);

	if (p != NULL)
		p->conn = conn_new(s->loop, fd, idle_timeout(s), &peer_ops, p);
	if (p == NULL || p->conn == NULL) {
		log_limited_errno(LOG_ERROR, "cannot take a connection", NULL);
		free(p);
		(void)close(fd);
		listener_give_back(s->listener);
		return;
	}
	p->worker = s;
	p->addr = *from;
	if (drain_phase(s->drain) != DRAIN_NOT)
		p->heard = clock_ms(); /* it has come to ask something */
	TAILQ_INIT(&p->jobs);
	LIST_INSERT_HEAD(&s->peers, p, link);
	client_mem_join(&s->mem);
	counter_add(&s->row->accepted, 1);
	counter_set(&s->row->connections, conn_loop_count(s->loop));
	conn_read_at_once(p->conn);
}
