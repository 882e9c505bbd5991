/* client.c - see client.h. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>

#include "front_state.h"
#include "log.h"

enum {
	OUTPUT_HIGH = 1 << 20, /* bytes a client may leave unread before we stop reading from it */
	RETRY_AFTER_MS = 1000  /* what a client is told when there is no room for its request */
};

void
clients_check_end(struct front *f)
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

void
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
	clients_check_end(f);
}

void
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

void
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
void
client_answered(struct client *c, const struct request *q)
{
	c->share.packets += buf_len(&q->answer);
	client_flush(c);
}

/* ---- what becomes no request ---- */

/* On the client's list, whatever becomes of it.  NULL on ENOMEM: the client is gone then. */
struct request *
client_admit(struct client *c, struct span text, struct span srcid)
{
	struct front *f = c->front;
	struct request *q = request_new(&f->spare, c, text, srcid);

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

void
client_fail(struct client *c, struct span text, const struct gate_refusal *r)
{
	struct front *f = c->front;
	struct request *q = client_admit(c, text, span_of(NULL, 0));

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

void
client_refuse(struct client *c, struct span text, enum packet_code code, const char *why)
{
	const struct gate_refusal r = {.code = code,
				       .why = why,
				       .retry_after = code == PACKET_OVERLOADED ? RETRY_AFTER_MS
										: 0};
	char from[ADDR_TEXT];

	log_event(LOG_WARN, "packet refused", "peer=%s code=%s why=%s",
		  addr_text(&c->guest.peer, from), packet_code_text(code), log_quoted(why));
	client_fail(c, text, &r);
}
