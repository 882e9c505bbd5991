/* server_peer.c - a connection to a server's worker: packets come, answers leave in their order;
 * see server_worker_internal.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "server_worker_internal.h"

enum { OUTPUT_HIGH = 1 << 20 }; /* bytes a peer may leave unread before we stop reading from it */

/* ---- requests with job processes, and answers that wait for them ---- */

static void
count_in_flight(struct server_worker *s, int more)
{
	s->in_flight += (unsigned)more;
	counter_set(&s->row->in_flight, s->in_flight);
}

static void
add_task(struct peer *p, struct job_task *t)
{
	TAILQ_INSERT_TAIL(&p->jobs, t, order);
	p->in_hand++;
	client_mem_take(&p->worker->mem, &p->share, t->size);
	count_in_flight(p->worker, 1);
}

static void
remove_task(struct peer *p, struct job_task *t)
{
	TAILQ_REMOVE(&p->jobs, t, order);
	p->in_hand--;
	client_mem_give(&p->worker->mem, &p->share, t->size);
	count_in_flight(p->worker, -1);
}

static void
abandon_all(struct peer *p)
{
	struct job_task *t;

	while ((t = TAILQ_FIRST(&p->jobs)) != NULL) {
		remove_task(p, t);
		if (t->answered)
			job_task_free(t);
		else
			job_dispatch_abandon(p->worker->dispatch, t);
	}
}

/* A peer that keeps to what was announced is never paused for it, which costs system calls. */
static void
regulate(struct peer *p)
{
	if (p->full || p->ended || p->in_hand > p->worker->conf->pipeline)
		conn_pause(p->conn);
	else
		conn_resume(p->conn);
}

/* ---- its end ---- */

void
server_peer_free(struct peer *p)
{
	struct server_worker *s = p->worker;
	char from[ADDR_TEXT];

	if (p->refused > 1)
		log_limited(LOG_WARN, "packets of a connection refused", "peer=%s packets=%lu",
			    addr_peer_text(&p->addr, from), p->refused);
	LIST_REMOVE(p, link);
	abandon_all(p);
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

/* ---- answers ---- */

static void
log_answer(const struct peer *p, const struct handler_note *n)
{
	if (log_narrates())
		log_narrate("Server %s: request from client %.*s, payload of %zu bytes, replied %s",
			    p->worker->conf->id, SPAN_ARG(n->client), n->payload, n->digest);
}

static void
log_refusal(struct peer *p, const struct handler_note *n)
{
	const char *code = packet_code_text(n->fault.code);
	char from[ADDR_TEXT];

	log_limited(p->refused++ == 0 ? LOG_WARN : LOG_VERBOSE, "packet refused",
		    "peer=%s code=%s why=%s", addr_peer_text(&p->addr, from), code,
		    log_quoted(n->fault.why));
	log_narrate("Server %s: refused a packet: %s: %s", p->worker->conf->id, code, n->fault.why);
}

/* Where the next answer is written: it waits for those before it. */
static struct buf *
output_of(struct peer *p)
{
	return TAILQ_EMPTY(&p->jobs) ? conn_output(p->conn) : &p->worker->later;
}

/* What leaves too slowly is not followed by more. */
static void
flush(struct peer *p)
{
	struct server_worker *s = p->worker;

	conn_flush_later(p->conn);
	if (conn_queued(p->conn) > OUTPUT_HIGH ||
	    client_mem_is_greedy(&s->mem, &p->share, conn_queued(p->conn))) {
		p->full = true;
		conn_pause(p->conn);
	}
}

/* An answer is in worker->later.  last: the connection ends after it. */
static void
keep_for_later(struct peer *p, bool last)
{
	struct buf *later = &p->worker->later;
	struct job_task *t = job_task_answered(buf_span(later), last);

	buf_clear(later);
	if (t == NULL) {
		fail(p);
		return;
	}
	add_task(p, t);
	p->ended |= last;
	regulate(p);
}

static void
settle(struct peer *p, enum handler_outcome outcome, const struct handler_note *note)
{
	struct server_worker *s = p->worker;

	if (outcome == HANDLER_FAILED) {
		fail(p);
		return;
	}
	if (outcome == HANDLER_ANSWERED) {
		counter_add(&s->row->requests, 1);
		log_answer(p, note);
	} else {
		counter_add(&s->row->errors, 1);
		log_refusal(p, note);
	}
	if (!TAILQ_EMPTY(&p->jobs)) {
		keep_for_later(p, outcome == HANDLER_LOST);
		return;
	}
	flush(p);
	if (outcome == HANDLER_LOST)
		conn_finish(p->conn);
}

/* Those that are complete leave, up to the first that is not.  -1 with ENOMEM. */
static int
send_answers(struct peer *p)
{
	struct job_task *t;
	struct buf *out;
	int sent = 0;

	while (sent == 0 && (t = TAILQ_FIRST(&p->jobs)) != NULL && t->answered) {
		out = conn_output(p->conn);
		if (out != NULL) { /* it is not ended */
			counter_add(&p->worker->row->bytes_out, buf_len(&t->answer));
			sent = buf_append_span(out, buf_span(&t->answer));
		}
		remove_task(p, t);
		job_task_free(t);
	}
	return sent;
}

static void
log_job(const struct peer *p, const struct job_task *t, const struct job_result *r)
{
	struct span client = job_task_client(t);
	bool failed = r->outcome != JOB_OUTCOME_REFUSED && r->outcome != JOB_OUTCOME_BUSY;
	char from[ADDR_TEXT];

	if (r->outcome == JOB_OUTCOME_DONE) {
		log_narrate("Server %s: request from client %.*s, payload of %zu bytes, "
			    "the handler replied %zu bytes",
			    p->worker->conf->id, SPAN_ARG(client), t->payload, r->payload.n);
		return;
	}
	/* A client that asks for what is refused again and again hides no failure. */
	log_limited(failed ? LOG_WARN : LOG_VERBOSE,
		    r->outcome == JOB_OUTCOME_STRUCK ? "job refused" : "job failed",
		    "srcid=%s cause=%s process=%d peer=%s why=%s", log_quoted_n(client.p, client.n),
		    job_outcome_text(r->outcome), t->process, addr_peer_text(&p->addr, from),
		    log_quoted(r->why));
	log_narrate("Server %s: request from client %.*s: %s: %s", p->worker->conf->id,
		    SPAN_ARG(client), packet_code_text(r->code), r->why);
}

/* A reply over max_message becomes an error, for the proxy would not take it: only here its head is
 * known, and how it is escaped. */
static int
write_result(const struct server_worker *s, const struct job_task *t, struct job_result *r,
	     struct buf *out)
{
	size_t before = buf_len(out);

	if (r->outcome == JOB_OUTCOME_DONE) {
		if (handler_reply(&s->handler, &t->request, r->payload, r->base64, out) < 0)
			return -1;
		if (buf_len(out) - before <= s->conf->daemon->max_message + strlen("\n"))
			return 0;
		buf_truncate(out, before);
		*r = (struct job_result){.outcome = JOB_OUTCOME_PROTOCOL,
					 .code = PACKET_HANDLER_FAILED,
					 .why = "handler: the reply is larger than max_message"};
	}
	return handler_error(&s->handler, &t->request, r->code, r->why, r->retry_after, out);
}

/* The first in turn is written to where it goes; others wait. */
static int
write_in_turn(struct peer *p, struct job_task *t, struct job_result *r)
{
	struct buf *out = TAILQ_FIRST(&p->jobs) == t ? conn_output(p->conn) : &t->answer;
	size_t before = out == NULL ? 0 : buf_len(out);

	if (out != NULL && write_result(p->worker, t, r, out) < 0)
		return -1;
	t->answered = true;
	if (out != &t->answer) {
		counter_add(&p->worker->row->bytes_out, out == NULL ? 0 : buf_len(out) - before);
		return 0;
	}
	client_mem_take(&p->worker->mem, &p->share, buf_len(out));
	t->size += buf_len(out);
	return 0;
}

void
server_peer_done(void *arg, struct job_task *t, const struct job_result *result)
{
	struct server_worker *s = arg;
	struct peer *p = t->owner;
	struct job_result r = *result;
	int written = write_in_turn(p, t, &r);

	log_job(p, t, &r);
	counter_add(r.outcome == JOB_OUTCOME_DONE ? &s->row->requests : &s->row->errors, 1);
	if (drain_phase(s->drain) != DRAIN_NOT)
		p->heard = clock_ms();
	if (written < 0) {
		t->answered = true;
		fail(p);
		return;
	}
	if (send_answers(p) < 0) {
		fail(p);
		return;
	}
	flush(p);
	if (!TAILQ_EMPTY(&p->jobs))
		regulate(p);
	else if (p->ended)
		conn_finish(p->conn);
	else if (drain_phase(s->drain) == DRAIN_LAST)
		server_peer_part(p);
	else
		regulate(p);
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
	add_task(p, t);
	regulate(p);
	job_dispatch_submit(d, t);
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct peer *p = arg;
	struct server_worker *s = p->worker;
	struct buf *out = output_of(p);
	struct handler_note note;
	size_t before = buf_len(out);
	enum handler_outcome outcome;

	if (drain_phase(s->drain) != DRAIN_NOT)
		p->heard = clock_ms();
	outcome = handler_answer(&s->handler, text, conn_members(c), out, &note);
	counter_add(&s->row->bytes_in, text.n);
	if (outcome == HANDLER_JOB && note.request.probe)
		outcome = answer_probe(s, &note, out);
	if (outcome == HANDLER_JOB) {
		/* What has come in the last moment is not refused but asked elsewhere, by a peer
		 * that sees the end in place of an answer. */
		if (TAILQ_EMPTY(&p->jobs) && drain_phase(s->drain) == DRAIN_LAST)
			server_peer_part(p);
		else
			take_job(p, &note);
		return;
	}
	if (out != &s->later)
		counter_add(&s->row->bytes_out, buf_len(out) - before);
	settle(p, outcome, &note);
}

/* The stream broke: a last answer, then the end. */
static void
broken(struct peer *p, enum handler_break how)
{
	struct handler_note note;

	settle(p, handler_broken(&p->worker->handler, how, output_of(p), &note), &note);
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
		    addr_peer_text(&p->addr, from), conn_queued(p->conn));
	close_peer(p);
}

static void
on_drained(struct conn *c, void *arg)
{
	struct peer *p = arg;

	(void)c;
	p->full = false;
	regulate(p);
}

static struct peer *
most_unfinished(const struct server_worker *s)
{
	struct peer *p, *most = NULL;

	LIST_FOREACH(p, &s->peers, link)
		if (client_mem_goes_first(p->conn, most == NULL ? NULL : most->conn))
			most = p;
	return most;
}

/* Unfinished objects would be waited for in vain once there is no room for their rest. */
static void
on_grown(struct conn *c, void *arg)
{
	struct server_worker *s = ((struct peer *)arg)->worker;
	struct peer *p;

	(void)c;
	while (client_mem_is_full(&s->mem) && (p = most_unfinished(s)) != NULL) {
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
}
