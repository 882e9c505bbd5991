/* handler.c - see handler.h. */
#include "handler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Both or neither: out is as it was when the newline finds no room. */
static int
end_line(struct buf *out, size_t before)
{
	char *room = buf_reserve(out, 1);

	if (room == NULL) {
		buf_truncate(out, before);
		return -1;
	}
	*room = '\n';
	buf_commit(out, 1);
	return 0;
}

static enum handler_outcome
refuse(struct handler *s, const struct packet *request, struct buf *out, struct handler_note *note)
{
	size_t before = buf_len(out);

	if (packet_error(out, request, s->id, note->fault.code, note->fault.why, 0) < 0 ||
	    end_line(out, before) < 0)
		return HANDLER_FAILED;
	return note->fault.lost ? HANDLER_LOST : HANDLER_REFUSED;
}

/* 0 if this request is ours to answer. */
static int
judge(const struct handler *s, const struct packet *p, struct packet_fault *fault)
{
	if (p->type != PACKET_REQUEST) {
		*fault = (struct packet_fault){PACKET_BAD_MESSAGE, false,
					       "a server takes requests (type 0) only"};
		return -1;
	}
	if (span_eq_str(p->policy, s->policy) ||
	    (s->former_policy != NULL && span_eq_str(p->policy, s->former_policy)))
		return 0;
	*fault = (struct packet_fault){.code = PACKET_UNKNOWN_POLICY};
	(void)snprintf(fault->why, sizeof fault->why, "this server serves policy %s, not %.*s",
		       s->policy, SPAN_ARG(p->policy));
	return -1;
}

/* ---- encoding and probe, which most requests do not have ---- */

/* By the lengths of the keys, which costs next to nothing. */
static bool
may_have_options(const struct packet *p)
{
	const struct json_text_member *m = p->object.member, *end = m + p->object.n;

	for (; m < end; m++)
		if (m->key.n == 8 || (m->key.n == 5 && *m->key.p == 'p'))
			return true;
	return p->object.key_escaped;
}

/* Fills base64 and probe; *payload becomes the bytes.  0, 1 with the fault filled, or -1 with
 * ENOMEM. */
static int
read_options(struct handler *s, const struct packet *p, struct span *payload,
	     struct handler_note *note)
{
	const struct json_text_member *encoding = json_text_find(&p->object, "encoding");

	note->request.probe = span_eq_str(packet_scalar(p, "probe"), "1");
	if (encoding == NULL)
		return 0;
	if (!span_eq_str(packet_scalar(p, "encoding"), "base64")) {
		note->fault = (struct packet_fault){PACKET_BAD_MESSAGE, false,
						    "encoding: only base64 is known"};
		return 1;
	}
	note->request.base64 = true;
	buf_clear(&s->bytes);
	if (digest_unbase64(&s->bytes, *payload) == 0) {
		*payload = buf_span(&s->bytes);
		return 0;
	}
	note->fault = (struct packet_fault){
		PACKET_BAD_PAYLOAD, false,
		"the payload is not base64 (RFC 4648, section 4, padded, no white space)"};
	return errno == EINVAL ? 1 : -1;
}

/* ---- a request ---- */

/* 0, or -1 with the fault filled: a key that could not be named in a job's line. */
static int
give_to_process(const struct handler *s, const struct packet *p, struct handler_note *note)
{
	const struct json_text_member *key = s->keyed ? json_text_find(&p->object, "key") : NULL;
	struct span payload = packet_raw(p, "payload");

	note->request.policy = p->policy_raw;
	note->request.srcid = packet_raw(p, "srcid");
	note->request.payload = span_of(payload.p + 1, payload.n - 2);
	note->request.key = key != NULL ? key->value : span_of(NULL, 0);
	note->request.type_number = p->type_number;
	if (key == NULL || packet_scalar(p, "key").p != NULL)
		return 0;
	note->fault = (struct packet_fault){PACKET_BAD_MESSAGE, false,
					    "key must be a string or a number"};
	return -1;
}

static struct span
digest(const struct handler *s, struct span payload, struct handler_note *note)
{
	if (s->job != NULL)
		return job_digest(s->job, payload, note->digest);
	digest_sha1_hex(payload, note->digest);
	return span_of(note->digest, DIGEST_HEX);
}

enum handler_outcome
handler_answer(struct handler *s, struct span text, const struct json_text_object *members,
	       struct buf *out, struct handler_note *note)
{
	struct packet p;
	struct span payload;
	size_t before = buf_len(out);
	int failed = 0;

	note->client = span_of(NULL, 0);
	note->payload = 0;
	if (packet_check(&p, text, members, &note->fault) < 0)
		return refuse(s, &p, out, note);
	note->client = packet_scalar(&p, "srcid");
	if (judge(s, &p, &note->fault) < 0)
		return refuse(s, &p, out, note);
	if (packet_payload(&p, &s->scratch, &payload) < 0)
		return HANDLER_FAILED;
	if (s->strict_payloadsize && packet_check_size(&p, payload, &note->fault) < 0)
		return refuse(s, &p, out, note);
	note->request.base64 = note->request.probe = false;
	if (may_have_options(&p))
		failed = read_options(s, &p, &payload, note);
	if (failed != 0)
		return failed < 0 ? HANDLER_FAILED : refuse(s, &p, out, note);
	note->payload = payload.n;
	if (s->stopping) {
		note->fault = (struct packet_fault){
			PACKET_SHUTTING_DOWN, false,
			"this server worker is about to end; connect anew"};
		return refuse(s, &p, out, note);
	}
	if (s->processes)
		return give_to_process(s, &p, note) == 0 ? HANDLER_JOB : refuse(s, &p, out, note);
	if (packet_reply(out, &p, s->id, digest(s, payload, note)) < 0 || end_line(out, before) < 0)
		return HANDLER_FAILED;
	return HANDLER_ANSWERED;
}

/* ---- a request whose text is gone ---- */

/* As much of it as an answer needs. */
static void
revive(const struct handler_request *r, struct packet *p)
{
	bool quoted = r->srcid.p[0] == '"';

	p->type = PACKET_REQUEST;
	p->type_number = r->type_number;
	p->object.n = 1;
	p->object.key_escaped = false;
	p->object.member[0] = (struct json_text_member){
		.key = span_str("srcid"),
		.value = r->srcid,
		.kind = quoted ? JSON_TEXT_STRING : JSON_TEXT_NUMBER,
		.value_escaped = memchr(r->srcid.p, '\\', r->srcid.n) != NULL};
}

int
handler_reply(const struct handler *s, const struct handler_request *r, struct span payload,
	      bool base64, struct buf *out)
{
	size_t before = buf_len(out);
	struct packet p;

	revive(r, &p);
	if (packet_reply(out, &p, s->id, payload) < 0)
		return -1;
	if (base64) { /* one more key */
		buf_truncate(out, buf_len(out) - 1);
		if (buf_append_str(out, ",\"encoding\":\"base64\"}") < 0) {
			buf_truncate(out, before);
			return -1;
		}
	}
	return end_line(out, before);
}

int
handler_error(const struct handler *s, const struct handler_request *r, enum packet_code code,
	      const char *why, unsigned retry_after_ms, struct buf *out)
{
	size_t before = buf_len(out);
	struct packet p;

	revive(r, &p);
	return packet_error(out, &p, s->id, code, why, retry_after_ms) < 0 ? -1
									   : end_line(out, before);
}

int
handler_farewell(const struct handler *s, struct buf *out)
{
	size_t before = buf_len(out);

	if (packet_error(out, NULL, s->id, PACKET_SHUTTING_DOWN,
			 "this server is about to stop: what it has not answered was not run",
			 0) < 0)
		return -1;
	return end_line(out, before);
}

void
handler_release(struct handler *s)
{
	buf_release(&s->scratch);
	buf_release(&s->bytes);
}

enum handler_outcome
handler_broken(struct handler *s, enum handler_break how, struct buf *out,
	       struct handler_note *note)
{
	static const struct packet_fault fault[] = {
		[HANDLER_TOO_LARGE] = {PACKET_TOO_LARGE, true,
				       "the object is larger than max_message"},
		[HANDLER_NO_OBJECT] = {PACKET_BAD_JSON, true, "an object must begin with {"},
		[HANDLER_SLOW] = {PACKET_TIMEOUT, true,
				  "the packet was not whole in time: client_send_timeout"},
		[HANDLER_PLAIN] = {PACKET_DENIED, true, "TLS is required here"},
		[HANDLER_FULL] =
			{PACKET_OVERLOADED, true,
			 "this worker holds as much for its peers as it may: max_buffered"},
		[HANDLER_CUT] = {PACKET_BAD_JSON, true,
				 "the object was cut by the end of the connection"},
	};

	note->client = span_of(NULL, 0);
	note->payload = 0;
	note->fault = fault[how];
	return refuse(s, NULL, out, note);
}
