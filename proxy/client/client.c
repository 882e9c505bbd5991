/* client.c - see client.h. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "proxy_worker_internal.h"

enum {
	OUTPUT_HIGH = 1 << 20, /* bytes a client may leave unread before we stop reading from it */
	RETRY_AFTER_MS = 1000  /* what a client is told when there is no room for its request */
};

void
clients_check_end(struct proxy_worker *f)
{
	if (f->listener == NULL && LIST_EMPTY(&f->clients))
		worker_done(f->worker);
}

static void
forget_request(struct client *c, struct request *q)
{
	struct proxy_worker *f = c->front;

	if (f->access != NULL && q->state != REQUEST_ANSWERED && q->state != REQUEST_WITH_MASTER)
		access_log_abandoned(f->access, q, &c->guest.peer);
	TAILQ_REMOVE(&c->requests, q, order);
	c->n--;
	client_mem_give(&f->holding, &c->share, sizeof *q + q->text.n + buf_len(&q->answer));
	counter_add(&f->row->in_flight, (uint64_t)-1);
	if (q->state == REQUEST_WITH_MASTER) {
		wait_end(&q->waits);
		request_free(q);
	} else {
		dispatch_forget(f->relay, q);
	}
}

static void
tell_refused(const struct client *c)
{
	char from[ADDR_TEXT];

	if (c->refused > 1)
		log_limited(LOG_WARN, "packets of a connection refused", "peer=%s packets=%lu",
			    log_quoted(addr_peer_text(&c->guest.peer, from)), c->refused);
}

void
client_free(struct client *c)
{
	struct proxy_worker *f = c->front;
	struct request *q;

	tell_refused(c);
	while ((q = TAILQ_FIRST(&c->requests)) != NULL)
		forget_request(c, q);
	LIST_REMOVE(c, link);
	client_timeout_forget(&c->stalls);
	client_mem_leave(&f->holding, &c->share);
	free(c);
	counter_set(&f->row->connections, counter_get(&f->row->connections) - 1);
	if (f->listener != NULL)
		listener_give_back(f->listener);
	clients_check_end(f);
}

void
client_pace(struct client *c)
{
	struct proxy_worker *f = c->front;
	size_t unsent = conn_queued(c->conn);
	bool full = c->n >= f->conf->settings->proxy.client_pipeline || unsent > OUTPUT_HIGH ||
		    c->last;

	if (full || client_mem_is_greedy(&f->holding, &c->share, unsent))
		conn_pause(c->conn);
	else
		conn_resume(c->conn);
}

void
client_settle(struct client *c)
{
	if (drain_phase(c->front->drain) != DRAIN_NOT)
		c->heard = clock_ms(); /* it may ask again at once */
	if (c->n == 0 && c->last)
		conn_finish(c->conn);
	else
		client_pace(c);
}

static void
write_out(struct client *c, struct span answer)
{
	struct proxy_worker *f = c->front;

	counter_add(&f->row->bytes_out, answer.n);
	if (conn_write(c->conn, answer) == 0 || errno != ENOMEM)
		return;
	log_limited(LOG_ERROR, "out of memory for an answer", NULL);
	client_lose(c);
}

void
client_lose(struct client *c)
{
	c->last = true;
	conn_finish(c->conn);
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
void
client_answered(struct client *c, const struct request *q)
{
	client_mem_take(&c->front->holding, &c->share, buf_len(&q->answer));
	client_flush(c);
}

/* ---- what the relay answers ---- */

/* The reply as its client gets it.  At the head of its client's list it goes to the socket's buffer
 * at once, otherwise it waits for those before it. */
static void
put_reply(struct client *c, struct request *q, struct span reply)
{
	struct buf *now = q == TAILQ_FIRST(&c->requests) ? conn_output(c->conn) : NULL;
	struct buf *out = now != NULL ? now : &q->answer;

	if (buf_reserve(out, reply.n + 1) == NULL || buf_append_span(out, reply) < 0 ||
	    buf_append(out, "\n", 1) < 0) {
		log_limited(LOG_ERROR, "out of memory for a reply", NULL);
		client_lose(c);
	} else if (now != NULL) {
		counter_add(&c->front->row->bytes_out, reply.n + 1);
		conn_flush_later(c->conn);
	}
}

void
client_answer(struct request *q, const char *server, struct span reply, void *arg)
{
	struct proxy_worker *f = arg;
	struct client *c = q->client;

	counter_add(server != NULL ? &f->row->requests : &f->row->errors, 1);
	counters_latency(f->meter->latency, conn_loop_us(f->loop) - q->arrived_us);
	if (server != NULL && log_narrates())
		log_narrate("Reply from server id %s for client id %.*s", server,
			    SPAN_ARG(q->srcid));
	if (f->access != NULL)
		access_log_answered(f->access, q, &c->guest.peer, server,
				    server != NULL ? reply.n + 1 : buf_len(&q->answer));
	if (server != NULL)
		put_reply(c, q, reply);
	else if (buf_len(&q->answer) == 0)
		client_lose(c);
	client_answered(c, q);
}

void
client_replace(struct request *q, struct request *clone, void *arg)
{
	(void)arg;
	TAILQ_INSERT_BEFORE(q, clone, order);
	TAILQ_REMOVE(&q->client->requests, q, order);
}

/* ---- what becomes no request ---- */

/* On the client's list, whatever becomes of it.  NULL on ENOMEM: the client is gone then. */
struct request *
client_admit(struct client *c, struct span text, struct span srcid)
{
	struct proxy_worker *f = c->front;
	struct request *q = request_new(&f->spare, c, text, srcid);

	if (q == NULL) {
		log_limited(LOG_ERROR, "out of memory for a request", NULL);
		conn_close(c->conn);
		client_free(c);
		return NULL;
	}
	q->places = &c->places;
	TAILQ_INSERT_TAIL(&c->requests, q, order);
	client_mem_take(&f->holding, &c->share, sizeof *q + text.n);
	c->n++;
	counter_add(&f->row->in_flight, 1);
	return q;
}

void
client_fail_request(struct client *c, struct request *q, const struct acl_refusal *r)
{
	struct proxy_worker *f = c->front;

	counter_add(&f->row->errors, 1);
	counter_add(&f->meter->error[r->code], 1);
	if (request_fail(q, f->conf->settings->proxy.id, r->code, r->why, r->retry_after) < 0) {
		log_limited(LOG_ERROR, "out of memory for an error", NULL);
		client_lose(c);
	}
}

void
client_fail(struct client *c, const struct packet *p, const struct acl_refusal *r)
{
	struct proxy_worker *f = c->front;
	struct span none = span_of(NULL, 0);
	struct request *q = client_admit(c, p != NULL ? p->text : none,
					 p != NULL ? packet_scalar(p, "srcid") : none);

	if (q == NULL)
		return;
	if (p != NULL)
		request_name_policy(q, p);
	client_fail_request(c, q, r);
	if (f->access != NULL)
		access_log_answered(f->access, q, &c->guest.peer, NULL, buf_len(&q->answer));
	client_answered(c, q);
}

enum log_level
client_refusal_level(struct client *c)
{
	return c->refused++ == 0 ? LOG_WARN : LOG_VERBOSE;
}

void
client_refuse(struct client *c, const struct packet *p, enum packet_code code, const char *why)
{
	const struct acl_refusal r = {.code = code,
				      .why = why,
				      .retry_after = code == PACKET_OVERLOADED ? RETRY_AFTER_MS
									       : 0};
	char from[ADDR_TEXT];

	log_limited(client_refusal_level(c), "packet refused", "peer=%s code=%s why=%s",
		    log_quoted(addr_peer_text(&c->guest.peer, from)), packet_code_text(code),
		    log_quoted(why));
	client_fail(c, p, &r);
}
