/* request.c - see request.h. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

/* One without content, with room for n bytes; where it is used again it has its former buffer. */
static struct request *
make(struct requests_spare *spare, size_t n)
{
	struct request *r;
	struct buf answer = BUF_INIT;

	if (spare != NULL && spare->n > 0) {
		r = spare->kept[--spare->n];
		answer = r->answer;
	} else {
		r = malloc(sizeof *r + (spare != NULL ? REQUEST_SMALL : n));
	}
	if (r != NULL)
		*r = (struct request){.spare = spare, .answer = answer};
	return r;
}

struct request *
request_new(struct requests_spare *spare, struct client *client, struct span text,
	    struct span srcid)
{
	struct request *r = make(text.n <= REQUEST_SMALL ? spare : NULL, text.n);

	if (r == NULL)
		return NULL;
	r->client = client;
	if (text.n > 0)
		memcpy(r->bytes, text.p, text.n);
	r->text = span_of(r->bytes, text.n);
	if (srcid.n > 0)
		r->srcid = span_of(r->bytes + (srcid.p - text.p), srcid.n);
	return r;
}

void
request_name_policy(struct request *r, struct span text, struct span policy)
{
	r->policy_name = span_of(r->bytes + (policy.p - text.p), policy.n);
}

static void
destroy(struct request *r)
{
	buf_release(&r->answer);
	free(r);
}

void
request_free(struct request *r)
{
	struct requests_spare *spare = r->spare;

	if (spare == NULL || spare->n == REQUESTS_SPARE) {
		destroy(r);
		return;
	}
	if (r->answer.cap > REQUEST_SMALL)
		buf_release(&r->answer);
	buf_clear(&r->answer);
	spare->kept[spare->n++] = r;
}

void
requests_spare_release(struct requests_spare *spare)
{
	while (spare->n > 0)
		destroy(spare->kept[--spare->n]);
}

struct request *
request_twin(const struct request *r)
{
	struct request *twin = request_new(r->spare, r->client, r->text, r->srcid);

	if (twin == NULL)
		return NULL;
	twin->places = r->places;
	twin->state = r->state;
	twin->policy = r->policy;
	twin->tries = r->tries;
	twin->hash = r->hash;
	twin->endings = r->endings;
	twin->arrived_us = r->arrived_us;
	twin->sent_us = r->sent_us;
	twin->connected_us = r->connected_us;
	twin->sends = r->sends;
	if (r->policy_name.n > 0)
		request_name_policy(twin, r->text, r->policy_name);
	return twin;
}

void
request_failed_by(struct request *r, unsigned server)
{
	if (!request_has_failed_at(r, server))
		r->failed[r->failed_n++ % REQUEST_FAILED] = (uint16_t)server;
}

unsigned
request_last_failed(const struct request *r)
{
	return r->failed[(r->failed_n - 1) % REQUEST_FAILED];
}

bool
request_has_failed_at(const struct request *r, unsigned server)
{
	for (unsigned i = 0; i < r->failed_n && i < REQUEST_FAILED; i++)
		if (r->failed[i] == server)
			return true;
	return false;
}

int
request_fail(struct request *r, const char *proxy_id, enum packet_code code, const char *message,
	     unsigned retry_after_ms)
{
	struct packet p;
	struct packet_fault fault;

	/* Whatever could be read of it gives the answer its form, even where it was refused. */
	if (r->text.n > 0 && packet_parse(&p, r->text, &fault) < 0)
		fault.lost = false;
	r->state = REQUEST_ANSWERED;
	r->code = code;
	r->why = message;
	if (packet_error(&r->answer, r->text.n > 0 ? &p : NULL, proxy_id, code, message,
			 retry_after_ms) < 0)
		return -1;
	return buf_append(&r->answer, "\n", 1);
}
