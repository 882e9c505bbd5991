/* referral.c - see referral.h. */
#include "referral.h"

#include <string.h>

#include "client.h"
#include "front_state.h"
#include "log.h"

void
referral_make(struct client *c, const struct packet *p)
{
	struct front *f = c->front;
	struct join_handoff head;
	struct buf message = BUF_INIT;
	struct request *q;

	if (p->text.n > JOIN_MAX) {
		client_refuse(c, p->text, PACKET_TOO_LARGE,
			      "a registration of more than 8192 bytes");
		return;
	}
	q = client_admit(c, p->text, span_of(NULL, 0));
	if (q == NULL)
		return;
	memset(&head, 0, sizeof head); /* its gaps too: it is sent as bytes */
	head.kind = HANDOFF_REGISTRATION;
	head.token = ++f->tokens;
	head.guest = c->guest;
	c->guest.nonce[0] = '\0'; /* good once */
	q->token = head.token;
	q->state = REQUEST_WITH_MASTER;
	TAILQ_INSERT_TAIL(&f->with_master, q, link);
	if (buf_append(&message, &head, sizeof head) == 0 &&
	    buf_append_span(&message, p->text) == 0 &&
	    worker_tell(f->worker, buf_span(&message)) == 0) {
		buf_release(&message);
		return;
	}
	log_errno(LOG_ERROR, "cannot hand a registration to the master", NULL);
	buf_release(&message);
	TAILQ_REMOVE(&f->with_master, q, link);
	if (request_fail(q, f->conf->settings->proxy.id, PACKET_OVERLOADED, "registrations pile up",
			 1000) < 0)
		log_event(LOG_ERROR, "out of memory for an error", NULL);
	client_answered(c, q);
}

static struct request *
find_with_master(struct front *f, uint64_t token)
{
	struct request *q;

	TAILQ_FOREACH(q, &f->with_master, link)
		if (q->token == token)
			return q;
	return NULL;
}

void
referral_end(struct front *f, struct span message)
{
	struct join_handoff head;
	struct request *q;

	if (message.n < sizeof head)
		return;
	memcpy(&head, message.p, sizeof head);
	q = find_with_master(f, head.token);
	if (q == NULL)
		return; /* its client has gone meanwhile */
	TAILQ_REMOVE(&f->with_master, q, link);
	q->state = REQUEST_ANSWERED;
	q->client->guest = head.guest;
	if (buf_append(&q->answer, message.p + sizeof head, message.n - sizeof head) < 0)
		log_event(LOG_ERROR, "out of memory for an acknowledgement", NULL);
	client_answered(q->client, q);
}
