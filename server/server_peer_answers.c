/* server_peer_answers.c - answers to a peer of a server's worker: they leave in the order of its
 * requests, and wait for jobs that are with a process; see server_worker_internal.h. */
#include <stdio.h>

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

void
server_peer_add_task(struct peer *p, struct job_task *t)
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

void
server_peer_abandon(struct peer *p)
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
void
server_peer_regulate(struct peer *p)
{
	if (p->full || p->ended || p->in_hand > p->worker->conf->pipeline)
		conn_pause(p->conn);
	else
		conn_resume(p->conn);
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

	if (n->fault.code == PACKET_SHUTTING_DOWN) {
		log_limited(LOG_VERBOSE, "a peer asks to the last: told to connect anew", "peer=%s",
			    log_quoted(addr_peer_text(&p->addr, from)));
		return;
	}
	log_limited(p->refused++ == 0 ? LOG_WARN : LOG_VERBOSE, "packet refused",
		    "peer=%s code=%s why=%s", log_quoted(addr_peer_text(&p->addr, from)), code,
		    log_quoted(n->fault.why));
	log_narrate("Server %s: refused a packet: %s: %s", p->worker->conf->id, code, n->fault.why);
}

/* Where the next answer is written: it waits for those before it. */
struct buf *
server_peer_output(struct peer *p)
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

/* An answer is in worker->later.  last: the connection ends after it.  -1 with ENOMEM. */
static int
keep_for_later(struct peer *p, bool last)
{
	struct buf *later = &p->worker->later;
	struct job_task *t = job_task_answered(buf_span(later), last);

	buf_clear(later);
	if (t == NULL)
		return -1;
	server_peer_add_task(p, t);
	p->ended |= last;
	server_peer_regulate(p);
	return 0;
}

int
server_peer_settle(struct peer *p, enum handler_outcome outcome, const struct handler_note *note)
{
	struct server_worker *s = p->worker;

	if (outcome == HANDLER_FAILED)
		return -1;
	if (outcome == HANDLER_ANSWERED) {
		counter_add(&s->row->requests, 1);
		log_answer(p, note);
	} else {
		counter_add(&s->row->errors, 1);
		log_refusal(p, note);
	}
	if (!TAILQ_EMPTY(&p->jobs))
		return keep_for_later(p, outcome == HANDLER_LOST);
	flush(p);
	if (outcome == HANDLER_LOST)
		conn_finish(p->conn);
	return 0;
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
	bool ran = r->outcome != JOB_OUTCOME_STRUCK && r->outcome != JOB_OUTCOME_BUSY;
	char from[ADDR_TEXT];

	if (r->outcome == JOB_OUTCOME_DONE) {
		log_narrate("Server %s: request from client %.*s, payload of %zu bytes, "
			    "the handler replied %zu bytes",
			    p->worker->conf->id, SPAN_ARG(client), t->payload, r->payload.n);
		return;
	}
	/* A client that asks for what is refused again and again hides no failure. */
	log_limited(failed ? LOG_WARN : LOG_VERBOSE, ran ? "job failed" : "job refused",
		    "srcid=%s cause=%s process=%d peer=%s why=%s", log_quoted_n(client.p, client.n),
		    job_outcome_text(r->outcome), t->process,
		    log_quoted(addr_peer_text(&p->addr, from)), log_quoted(r->why));
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

int
server_peer_answer(struct peer *p, struct job_task *t, const struct job_result *result)
{
	struct server_worker *s = p->worker;
	struct job_result r = *result;
	int written = write_in_turn(p, t, &r);

	log_job(p, t, &r);
	counter_add(r.outcome == JOB_OUTCOME_DONE ? &s->row->requests : &s->row->errors, 1);
	t->answered = true;
	if (written < 0 || send_answers(p) < 0)
		return -1;
	flush(p);
	return 0;
}
