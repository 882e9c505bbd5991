/* request.c - see request.h. */
#include "request.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "signature.h"

enum {
	PROBE_TEXT = 1024, /* bytes; a probe is no longer, however it is written on its way */
	PROBE_HEAD = sizeof REQUEST_PROBE_OURS - 1
};
static_assert(REQUEST_PROBE == PROBE_HEAD + 2 * REQUEST_SECRET, "the parts of a probe's payload");

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
put_probe(struct buf *out, const char *id, const char *policy, const char *job, const char *payload)
{
	if (packet_request(out, id, policy, span_str(payload)) < 0)
		return -1;
	if (job_is_digest(job_find(span_str(job))))
		return 0;
	buf_truncate(out, buf_len(out) - 1); /* the bracket: one more key */
	return buf_append_str(out, ",\"probe\":\"1\"}");
}

struct request *
request_probe(const char *id, const char *policy, const char *job, const char *payload)
{
	struct buf text = BUF_INIT;
	struct packet_fault fault;
	struct packet p;
	struct request *r = NULL;

	if (put_probe(&text, id, policy, job, payload) == 0 &&
	    packet_parse(&p, buf_span(&text), &fault) == 0)
		r = request_new(NULL, NULL, p.text, packet_scalar(&p, "srcid"));
	buf_release(&text);
	return r;
}

/* So that nobody else can say that a server leads back to the proxy. */
void
request_secret(char out[REQUEST_SECRET + 1])
{
	char digits[PACKET_NONCE + 1];

	if (signature_random(digits) < 0)
		digits[0] = '\0';
	(void)snprintf(out, REQUEST_SECRET + 1, "%.*s", REQUEST_SECRET, digits);
}

void
request_probe_payload(char out[REQUEST_PROBE + 1], const char *proxy, const char *server)
{
	(void)snprintf(out, REQUEST_PROBE + 1, REQUEST_PROBE_OURS "%s%s", proxy, server);
}

struct span
request_probed(const struct packet *p, const char *proxy)
{
	const char *secrets;
	struct span said;

	if (p->text.n > PROBE_TEXT)
		return span_of(NULL, 0);
	said = packet_scalar(p, "payload");
	if (said.n != REQUEST_PROBE || memcmp(said.p, REQUEST_PROBE_OURS, PROBE_HEAD) != 0)
		return span_of(NULL, 0);
	secrets = said.p + PROBE_HEAD;
	if (strlen(proxy) != REQUEST_SECRET || memcmp(secrets, proxy, REQUEST_SECRET) != 0)
		return span_of(NULL, 0);
	return span_of(secrets + REQUEST_SECRET, REQUEST_SECRET);
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
