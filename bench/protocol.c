/* protocol.c - see protocol.h. */
#include "protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "digest.h"
#include "packet.h"

enum { REPLY_MAX = 1 << 16, HEAD_MAX = 4096 }; /* bytes */

/* Packets of gearmand's protocol, and the bytes of their head. */
enum {
	GEARMAN_SUBMIT_JOB = 7,
	GEARMAN_JOB_CREATED = 8,
	GEARMAN_WORK_COMPLETE = 13,
	GEARMAN_HEAD = 12
};

int
protocol_named(const char *name, enum protocol *out)
{
	static const char *const names[] = {"packet", "http", "redis", "gearman"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum protocol)i;
			return 0;
		}
	return -1;
}

/* ---- asking ---- */

static int
request_packet(struct buf *out, const char *policy, struct span payload)
{
	if (packet_request(out, "1", policy, payload) < 0)
		return -1;
	return buf_append_str(out, "\n");
}

static int
request_http(struct buf *out, struct span payload)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: %zu\r\n\r\n";

	return buf_printf(out, head, payload.n) < 0 ? -1 : buf_append_span(out, payload);
}

static int
request_redis(struct buf *out, const char *key, const char *script, struct span payload)
{
	if (buf_printf(out, "*5\r\n$7\r\nEVALSHA\r\n$%zu\r\n%s\r\n", strlen(script), script) < 0 ||
	    buf_printf(out, "$1\r\n1\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(key), key, payload.n) < 0 ||
	    buf_append_span(out, payload) < 0)
		return -1;
	return buf_append_str(out, "\r\n");
}

/* Type and length of what follows, of four bytes each. */
static int
gearman_head(struct buf *out, uint32_t type, size_t n)
{
	const uint32_t head[] = {htonl(type), htonl((uint32_t)n)};

	return buf_append_span(out, span_of("\0REQ", 4)) < 0
		       ? -1
		       : buf_append_span(out, span_of((const char *)head, sizeof head));
}

static int
request_gearman(struct buf *out, const char *function, struct span payload)
{
	size_t name = strlen(function) + 1;

	if (gearman_head(out, GEARMAN_SUBMIT_JOB, name + 1 + payload.n) < 0 ||
	    buf_append_span(out, span_of(function, name)) < 0 ||
	    buf_append_span(out, span_of("", 1)) < 0)
		return -1;
	return buf_append_span(out, payload);
}

int
protocol_request(enum protocol protocol, struct buf *out, const char *name, const char *script,
		 struct span payload)
{
	switch (protocol) {
	case PROTOCOL_PACKET: return request_packet(out, name, payload);
	case PROTOCOL_HTTP: return request_http(out, payload);
	case PROTOCOL_REDIS: return request_redis(out, name, script, payload);
	case PROTOCOL_GEARMAN: return request_gearman(out, name, payload);
	}
	abort();
}

/* ---- understanding ---- */

void
reader_init(struct reader *r, enum protocol protocol)
{
	*r = (struct reader){.protocol = protocol};
	frame_init(&r->frame, REPLY_MAX);
}

/* What follows mark in text; empty if it is not there. */
static struct span
after(struct span text, const char *mark)
{
	const char *p = text.n > 0 ? memmem(text.p, text.n, mark, strlen(mark)) : NULL;

	if (p == NULL)
		return span_of(NULL, 0);
	p += strlen(mark);
	return span_of(p, (size_t)(text.p + text.n - p));
}

static struct span
first(struct span text, size_t n)
{
	return text.n >= n ? span_of(text.p, n) : span_of(NULL, 0);
}

/* Plain peers write a space behind the colon. */
static struct span
payload_of(struct span text)
{
	text = after(text, "\"payload\":");
	while (text.n > 0 && (*text.p == ' ' || *text.p == '"'))
		text = span_of(text.p + 1, text.n - 1);
	return first(text, DIGEST_HEX);
}

/* The decimal number at the head of text; -1 if there is none. */
static long
number_at(struct span text)
{
	long n = -1;

	while (text.n > 0 && *text.p == ' ')
		text = span_of(text.p + 1, text.n - 1);
	for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && n < REPLY_MAX; i++)
		n = (n < 0 ? 0 : n) * 10 + (text.p[i] - '0');
	return n;
}

static enum frame_result
broken(void)
{
	errno = EBADMSG;
	return FRAME_ERROR;
}

static enum frame_result
next_http(struct reader *r, struct span in, struct span *digest)
{
	struct span body = after(in, "\r\n\r\n"), head;
	long length;

	if (body.p == NULL)
		return in.n > HEAD_MAX ? broken() : FRAME_MORE;
	head = span_of(in.p, (size_t)(body.p - in.p));
	length = number_at(after(head, "ontent-Length:"));
	if (length < 0)
		length = number_at(after(head, "ontent-length:"));
	if (length < 0 || length > REPLY_MAX)
		return broken();
	if (body.n < (size_t)length)
		return FRAME_MORE;
	r->taken = head.n + (size_t)length;
	*digest = after(head, "HTTP/1.1 200").p != NULL ? first(body, DIGEST_HEX)
							: span_of(NULL, 0);
	return FRAME_READY;
}

/* A bulk string, or one line that is no digest. */
static enum frame_result
next_redis(struct reader *r, struct span in, struct span *digest)
{
	struct span rest = after(in, "\r\n");
	long length = in.n > 0 && *in.p == '$' ? number_at(span_of(in.p + 1, in.n - 1)) : -1;

	if (rest.p == NULL)
		return in.n > HEAD_MAX ? broken() : FRAME_MORE;
	*digest = span_of(NULL, 0);
	r->taken = in.n - rest.n;
	if (length < 0)
		return FRAME_READY;
	if (rest.n < (size_t)length + 2) {
		r->taken = 0;
		return FRAME_MORE;
	}
	*digest = first(rest, DIGEST_HEX);
	r->taken += (size_t)length + 2;
	return FRAME_READY;
}

static uint32_t
word_at(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return ntohl(word);
}

/* The job's handle and, behind a NUL, the digest.  That a job was taken comes before, and is passed
 * over. */
static enum frame_result
next_gearman(struct reader *r, struct span in, struct span *digest)
{
	size_t at = 0, n;
	uint32_t type;

	do {
		if (in.n - at < GEARMAN_HEAD)
			return FRAME_MORE;
		type = word_at(in.p + at + 4);
		n = word_at(in.p + at + 8);
		if (memcmp(in.p + at, "\0RES", 4) != 0 || n > REPLY_MAX)
			return broken();
		at += GEARMAN_HEAD;
		if (in.n - at < n)
			return FRAME_MORE;
		at += n;
	} while (type == GEARMAN_JOB_CREATED);
	r->taken = at;
	*digest = type == GEARMAN_WORK_COMPLETE && n >= DIGEST_HEX
			  ? span_of(in.p + at - DIGEST_HEX, DIGEST_HEX)
			  : span_of(NULL, 0);
	return FRAME_READY;
}

enum frame_result
reader_next(struct reader *r, struct buf *in, struct span *digest)
{
	enum frame_result got;

	if (r->protocol == PROTOCOL_PACKET) {
		got = frame_next(&r->frame, in, digest);
		if (got == FRAME_READY)
			*digest = payload_of(*digest);
		return got;
	}
	buf_consume(in, r->taken);
	r->taken = 0;
	if (buf_len(in) == 0)
		return FRAME_MORE;
	switch (r->protocol) {
	case PROTOCOL_HTTP: return next_http(r, buf_span(in), digest);
	case PROTOCOL_REDIS: return next_redis(r, buf_span(in), digest);
	case PROTOCOL_GEARMAN: return next_gearman(r, buf_span(in), digest);
	case PROTOCOL_PACKET: break;
	}
	abort();
}
