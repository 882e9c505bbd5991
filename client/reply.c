/* reply.c - see reply.h. */
#include "reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "compiler.h"
#include "digest.h"
#include "json_string.h"
#include "packet.h"

/* ---- for people ---- */

/* Bytes of the control character at s.p[i], 0 if it is none: ASCII's and U+0080 to U+009F. */
static size_t
control_at(struct span s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];

	if (c < 0x20 || c == 0x7f)
		return 1;
	return c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0 ? 2 : 0;
}

char *
reply_printable(char *out, size_t size, struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; n++) {
		size_t control = control_at(s, i);

		if (n == size - 1) { /* back to where the cut character began */
			while (n > 0 && i > 0 && ((unsigned char)s.p[i] & 0xc0) == 0x80)
				n--, i--;
			break;
		}
		out[n] = control > 0 ? '?' : s.p[i];
		i += control > 0 ? control : 1;
	}
	out[n] = '\0';
	return out;
}

static void explain(struct reply *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
explain(struct reply *r, const char *fmt, ...)
{
	char text[2 * REPLY_TEXT]; /* an excerpt of what came, and one of what was expected */
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)reply_printable(r->detail, sizeof r->detail, span_str(text));
}

/* The string at key, decoded. */
static void
copy_string(char out[REPLY_TEXT], const struct packet *p, const char *key)
{
	const struct json_text_member *m = json_text_find(&p->object, key);
	struct buf decoded = BUF_INIT;

	out[0] = '\0';
	if (m == NULL || m->kind != JSON_TEXT_STRING)
		return;
	if (json_text_decode(json_text_inner(m), &decoded) == 0)
		(void)reply_printable(out, REPLY_TEXT, buf_span(&decoded));
	buf_release(&decoded);
}

/* ---- judging ---- */

static enum reply_verdict
wrong(struct reply *r, const char *mismatch)
{
	r->mismatch = mismatch;
	return REPLY_WRONG;
}

static enum reply_verdict
judge_unreadable(struct reply *r, const struct packet_fault *fault)
{
	explain(r, "%s", fault->why);
	return fault->lost ? REPLY_BROKEN : wrong(r, REPLY_NOT_A_REPLY);
}

static bool
is_utf8(struct span s)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		size_t n = (unsigned char)*p < 0x80 ? 1 : json_string_utf8(p, end);

		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

static enum reply_verdict
judge_bytes(struct reply *r, const struct expect *e, struct span digest, struct span payload)
{
	char wanted[REPLY_TEXT];
	struct span shown = digest;

	if (expect_met(e, digest, payload))
		return REPLY_CORRECT;
	if (e->kind == EXPECT_FORM) {
		explain(r, "got %.128s, expected a name, a colon and %u digits", r->payload,
			e->job->digits);
		return wrong(r, REPLY_UNEXPECTED);
	}
	if (e->kind != EXPECT_DIGEST)
		shown = buf_span(&e->text);
	explain(r, "got %.128s, expected %.128s", r->payload,
		reply_printable(wanted, sizeof wanted, shown));
	return wrong(r, e->kind == EXPECT_DIGEST ? REPLY_WRONG_HASH : REPLY_UNEXPECTED);
}

/* What base64 stands for is what the handler said. */
static enum reply_verdict
judge_base64(struct reply *r, const struct expect *e, struct span digest, struct span text)
{
	struct buf bytes = BUF_INIT;
	enum reply_verdict verdict;

	if (digest_unbase64(&bytes, text) < 0) {
		explain(r,
			errno == EINVAL ? "the payload is no base64: %.128s"
					: "out of memory: %.128s",
			r->payload);
		verdict = errno == EINVAL ? wrong(r, REPLY_UNEXPECTED) : REPLY_BROKEN;
	} else {
		if (is_utf8(buf_span(&bytes)))
			(void)reply_printable(r->payload, sizeof r->payload, buf_span(&bytes));
		verdict = judge_bytes(r, e, digest, buf_span(&bytes));
	}
	buf_release(&bytes);
	return verdict;
}

static enum reply_verdict
judge_payload(struct reply *r, const struct packet *p, const struct expect *e, struct span digest,
	      struct buf *scratch)
{
	struct span payload;

	if (packet_payload(p, scratch, &payload) < 0) {
		explain(r, "out of memory");
		return REPLY_BROKEN;
	}
	(void)reply_printable(r->payload, sizeof r->payload, payload);
	if (span_eq_str(packet_scalar(p, "encoding"), "base64"))
		return judge_base64(r, e, digest, payload);
	return judge_bytes(r, e, digest, payload);
}

static enum reply_verdict
judge_reply(struct reply *r, const struct packet *p, const char *srcid, const struct expect *e,
	    struct span digest)
{
	struct span destid = packet_scalar(p, "destid");
	struct buf scratch = BUF_INIT;
	enum reply_verdict verdict;

	r->server = packet_scalar(p, "srcid");
	verdict = judge_payload(r, p, e, digest, &scratch);
	buf_release(&scratch);
	if (verdict == REPLY_BROKEN || packet_answers(p, span_str(srcid)))
		return verdict;
	explain(r, "destid is %.*s, expected %s", SPAN_ARG(destid), srcid);
	return wrong(r, REPLY_FOREIGN);
}

static enum reply_verdict
judge(struct reply *r, struct span text, const char *srcid, const struct expect *e,
      struct span digest)
{
	struct packet p;
	struct packet_fault fault;

	if (packet_parse(&p, text, &fault) < 0)
		return judge_unreadable(r, &fault);
	if (p.type == PACKET_REPLY)
		return judge_reply(r, &p, srcid, e, digest);
	if (p.type != PACKET_ERROR) {
		explain(r, "a packet of type %d", p.type);
		return wrong(r, REPLY_NOT_A_REPLY);
	}
	copy_string(r->code, &p, "code");
	copy_string(r->detail, &p, "message");
	return REPLY_REFUSED;
}

enum reply_verdict
reply_parse(struct reply *r, struct span text, const char *srcid, const struct expect *e,
	    struct span digest)
{
	r->server = span_of(NULL, 0);
	r->mismatch = NULL;
	r->code[0] = r->payload[0] = r->detail[0] = '\0';
	r->verdict = judge(r, text, srcid, e, digest);
	return r->verdict;
}
