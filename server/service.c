/* service.c - see service.h. */
#include "service.h"

#include <stdio.h>

/* Both or neither: out is as it was when the newline finds no room. */
static int
end_line(struct buf *out, size_t before)
{
	if (buf_append(out, "\n", 1) == 0)
		return 0;
	out->tail -= buf_len(out) - before;
	return -1;
}

static enum service_outcome
refuse(struct service *s, const struct packet *request, struct buf *out, struct service_note *note)
{
	size_t before = buf_len(out);

	if (packet_error(out, request, s->id, note->fault.code, note->fault.why, 0) < 0 ||
	    end_line(out, before) < 0)
		return SERVICE_FAILED;
	return note->fault.lost ? SERVICE_LOST : SERVICE_REFUSED;
}

static void
fault_set(struct packet_fault *f, enum packet_code code, bool lost, const char *why)
{
	f->code = code;
	f->lost = lost;
	(void)snprintf(f->why, sizeof f->why, "%s", why);
}

/* 0 if this request is ours to answer. */
static int
judge(const struct service *s, const struct packet *p, struct packet_fault *fault)
{
	struct span policy;

	if (p->type != PACKET_REQUEST) {
		fault_set(fault, PACKET_BAD_MESSAGE, false,
			  "a server takes requests (type 0) only");
		return -1;
	}
	policy = packet_scalar(p, "privPoliId");
	if (span_eq_str(policy, s->policy) ||
	    (s->former_policy != NULL && span_eq_str(policy, s->former_policy)))
		return 0;
	fault->code = PACKET_UNKNOWN_POLICY;
	fault->lost = false;
	(void)snprintf(fault->why, sizeof fault->why, "this server serves policy %s, not %.*s",
		       s->policy, SPAN_ARG(policy));
	return -1;
}

enum service_outcome
service_answer(struct service *s, struct span text, const struct jsontext_object *members,
	       struct buf *out, struct service_note *note)
{
	struct packet p;
	struct span payload;
	size_t before = buf_len(out);

	*note = (struct service_note){.payload = 0};
	if (packet_judge(&p, text, members, &note->fault) < 0)
		return refuse(s, &p, out, note);
	note->client = packet_scalar(&p, "srcid");
	note->policy = packet_scalar(&p, "privPoliId");
	if (judge(s, &p, &note->fault) < 0)
		return refuse(s, &p, out, note);
	if (packet_payload(&p, &s->scratch, &payload) < 0)
		return SERVICE_FAILED;
	note->payload = payload.n;
	if (s->strict_payloadsize && packet_check_size(&p, payload, &note->fault) < 0)
		return refuse(s, &p, out, note);
	digest_sha1_hex(payload, note->digest);
	if (packet_reply(out, &p, s->id, span_of(note->digest, DIGEST_HEX)) < 0 ||
	    end_line(out, before) < 0)
		return SERVICE_FAILED;
	return SERVICE_ANSWERED;
}

enum service_outcome
service_broken(struct service *s, enum service_break how, struct buf *out,
	       struct service_note *note)
{
	static const struct packet_fault fault[] = {
		[SERVICE_TOO_LARGE] = {PACKET_TOO_LARGE, true,
				       "the object is larger than max_message"},
		[SERVICE_NO_OBJECT] = {PACKET_BAD_JSON, true, "an object must begin with {"},
		[SERVICE_PLAIN] = {PACKET_DENIED, true, "TLS is required here"},
		[SERVICE_CUT] = {PACKET_BAD_JSON, true,
				 "the object was cut by the end of the connection"},
	};

	*note = (struct service_note){.fault = fault[how]};
	return refuse(s, NULL, out, note);
}
