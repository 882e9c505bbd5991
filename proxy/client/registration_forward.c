/* registration_forward.c - see registration_forward.h. */
#include "registration_forward.h"

#include <string.h>

#include "client.h"
#include "clock.h"
#include "log.h"
#include "proxy_worker_internal.h"

enum { MASTER_ANSWERS_MS = 10000, RETRY_AFTER_MS = 1000 };

void
registration_forward_init(struct proxy_worker *f)
{
	timeout_list_init(&f->with_master, MASTER_ANSWERS_MS);
}

/* It is answered here: the master has it no more, or an answer of it is ignored. */
static void
refuse(struct request *q, const char *why)
{
	const struct acl_refusal r = {
		.code = PACKET_OVERLOADED, .why = why, .retry_after = RETRY_AFTER_MS};

	wait_end(&q->waits);
	client_fail_request(q->client, q, &r);
	client_answered(q->client, q);
}

void
registration_forward_make(struct client *c, const struct packet *p)
{
	struct proxy_worker *f = c->front;
	struct buf message = BUF_INIT;
	struct request *q;
	int rc;

	if (p->text.n > REGISTRATION_MAX) {
		client_refuse(c, p, PACKET_TOO_LARGE, "a registration of more than 8192 bytes");
		return;
	}
	q = client_admit(c, p->text, span_of(NULL, 0));
	if (q == NULL)
		return;
	q->token = ++f->tokens;
	q->state = REQUEST_WITH_MASTER;
	wait_begin(&f->with_master, &q->waits, q, clock_ms());
	rc = worker_msg_put_registration(&message, q->token, &c->guest, p->text);
	c->guest.nonce[0] = '\0'; /* good once */
	if (rc == 0)
		rc = worker_send(f->worker, buf_span(&message));
	if (rc < 0)
		log_limited_errno(LOG_ERROR, "cannot hand a registration to the master", NULL);
	buf_release(&message);
	if (rc < 0)
		refuse(q, "registrations pile up");
}

static struct request *
find_with_master(struct proxy_worker *f, uint64_t token)
{
	const struct wait *w;

	TAILQ_FOREACH(w, &f->with_master.waits, link) {
		struct request *q = w->owner;
		if (q->token == token)
			return q;
	}
	return NULL;
}

void
registration_forward_end(struct proxy_worker *f, struct span message)
{
	struct registration_msg head;
	struct request *q;
	struct span text;

	if (worker_msg_get_registration(message, &head, &text) < 0)
		return;
	q = find_with_master(f, head.token);
	if (q == NULL)
		return; /* its client has gone meanwhile */
	wait_end(&q->waits);
	q->state = REQUEST_ANSWERED;
	q->client->guest = head.guest;
	if (text.n == 0 || buf_append_span(&q->answer, text) < 0) {
		log_limited(LOG_ERROR, "out of memory for an acknowledgement", NULL);
		client_lose(q->client);
	}
	client_answered(q->client, q);
}

void
registration_forward_tick(struct proxy_worker *f, uint64_t now)
{
	struct request *q;

	while ((q = timeout_list_overdue(&f->with_master, now)) != NULL) {
		log_limited(LOG_WARN, "the master has not answered a registration", "waited=%ds",
			    MASTER_ANSWERS_MS / 1000);
		refuse(q, "the proxy has not decided on this registration in time");
	}
}
