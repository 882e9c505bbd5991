/* request.c - see request.h. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

/* Room for a request of n bytes. */
static struct request *
room_for(struct requests_spare *spare, size_t n)
{
	if (spare == NULL)
		return malloc(sizeof(struct request) + n);
	return spare->n > 0 ? spare->kept[--spare->n]
			    : malloc(sizeof(struct request) + REQUEST_SMALL);
}

struct request *
request_new(struct requests_spare *spare, struct client *client, struct span text,
	    struct span srcid)
{
	struct requests_spare *of = text.n <= REQUEST_SMALL ? spare : NULL;
	struct request *r = room_for(of, text.n);

	if (r == NULL)
		return NULL;
	*r = (struct request){.spare = of, .client = client};
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

void
request_free(struct request *r)
{
	struct requests_spare *spare = r->spare;

	buf_release(&r->answer);
	if (spare != NULL && spare->n < REQUESTS_SPARE)
		spare->kept[spare->n++] = r;
	else
		free(r);
}

void
requests_spare_release(struct requests_spare *spare)
{
	while (spare->n > 0)
		free(spare->kept[--spare->n]);
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
