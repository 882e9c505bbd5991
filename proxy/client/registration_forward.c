/* registration_forward.c - see registration_forward.h. */
#include "registration_forward.h"

#include <string.h>

#include "client.h"
#include "log.h"
#include "proxy_worker_internal.h"

void
registration_forward_make(struct client *c, const struct packet *p)
{
	static const struct acl_refusal pile_up = {
		.code = PACKET_OVERLOADED, .why = "registrations pile up", .retry_after = 1000};
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
	TAILQ_INSERT_TAIL(&f->with_master, q, link);
	rc = worker_msg_put_registration(&message, q->token, &c->guest, p->text);
	c->guest.nonce[0] = '\0'; /* good once */
	if (rc == 0)
		rc = worker_send(f->worker, buf_span(&message));
	if (rc < 0)
		log_limited_errno(LOG_ERROR, "cannot hand a registration to the master", NULL);
	buf_release(&message);
	if (rc == 0)
		return;
	TAILQ_REMOVE(&f->with_master, q, link);
	client_fail_request(c, q, &pile_up);
	client_answered(c, q);
}

static struct request *
find_with_master(struct proxy_worker *f, uint64_t token)
{
	struct request *q;

	TAILQ_FOREACH(q, &f->with_master, link)
		if (q->token == token)
			return q;
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
	TAILQ_REMOVE(&f->with_master, q, link);
	q->state = REQUEST_ANSWERED;
	q->client->guest = head.guest;
	if (text.n == 0 || buf_append_span(&q->answer, text) < 0) {
		log_limited(LOG_ERROR, "out of memory for an acknowledgement", NULL);
		client_lose(q->client);
	}
	client_answered(q->client, q);
}
