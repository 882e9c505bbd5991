/* request.c - see request.h. */
#include "request.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

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
	if (r == NULL)
		return NULL;
	memset(r, 0, offsetof(struct request, failed));
	r->spare = spare;
	r->answer = answer;
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

/* 0, or -1 with ENOMEM. */
static int
put_probe(struct buf *out, const char *id, const char *policy, const char *job)
{
	if (job_is_digest(job_find(span_str(job))))
		return packet_request(out, id, policy, span_str("policypool"));
	if (packet_request(out, id, policy, span_of(NULL, 0)) < 0)
		return -1;
	buf_truncate(out, buf_len(out) - 1); /* the bracket: one more key */
	return buf_append_str(out, ",\"probe\":\"1\"}");
}

struct request *
request_probe(const char *id, const char *policy, const char *job)
{
	struct buf text = BUF_INIT;
	struct packet_fault fault;
	struct packet p;
	struct request *r = NULL;

	if (put_probe(&text, id, policy, job) == 0 &&
	    packet_parse(&p, buf_span(&text), &fault) == 0)
		r = request_new(NULL, NULL, p.text, packet_scalar(&p, "srcid"));
	buf_release(&text);
	return r;
}

/* Without its quotes. */
static struct span
policy_text(const struct packet *p)
{
	struct span raw = p->policy_raw;

	return raw.n > 1 && raw.p[0] == '"' ? span_of(raw.p + 1, raw.n - 2) : raw;
}

void
request_name_policy(struct request *r, const struct packet *p)
{
	struct span policy = policy_text(p);

	if (policy.n > 0)
		r->policy_name = span_of(r->bytes + (policy.p - p->text.p), policy.n);
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
request_clone(const struct request *r)
{
	struct request *clone = request_new(r->spare, r->client, r->text, r->srcid);

	if (clone == NULL)
		return NULL;
	clone->places = r->places;
	clone->state = r->state;
	clone->policy = r->policy;
	clone->tenure = r->tenure;
	clone->tries = r->tries;
	clone->hash = r->hash;
	clone->endings = r->endings;
	clone->arrived_us = r->arrived_us;
	clone->sent_us = r->sent_us;
	clone->connected_us = r->connected_us;
	clone->sends = r->sends;
	if (r->policy_name.n > 0)
		clone->policy_name = span_of(clone->bytes + (r->policy_name.p - r->bytes),
					     r->policy_name.n);
	return clone;
}

void
request_failed_by(struct request *r, uint64_t incarnation, const char *id)
{
	if (!request_has_failed_at(r, incarnation))
		r->failed[r->failed_n++ % REQUEST_FAILED] = incarnation;
	(void)snprintf(r->failed_id, sizeof r->failed_id, "%s", id);
}

bool
request_has_failed_at(const struct request *r, uint64_t incarnation)
{
	for (unsigned i = 0; i < r->failed_n && i < REQUEST_FAILED; i++)
		if (r->failed[i] == incarnation)
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
			 retry_after_ms) == 0 &&
	    buf_append(&r->answer, "\n", 1) == 0)
		return 0;
	buf_clear(&r->answer);
	return -1;
}
