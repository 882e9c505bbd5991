/* protocol.c - see protocol.h. */
#include "protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "packet.h"

enum { REPLY_MAX = 1 << 16, HEAD_MAX = 4096 }; /* bytes */

/* Packets of gearmand's protocol, and the bytes of their head. */
enum {
	GEARMAN_SUBMIT_JOB = 7,
	GEARMAN_JOB_CREATED = 8,
	GEARMAN_WORK_COMPLETE = 13,
	GEARMAN_ERROR = 19,
	GEARMAN_HEAD = 12
};

int
protocol_named(const char *name, enum protocol *out)
{
	static const char *const names[] = {"packet", "http", "redis", "gearman", "nats"};

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
request_http(struct buf *out, const char *name, struct span payload)
{
	static const char head[] =
		"POST /%s HTTP/1.1\r\nHost: bench\r\nContent-Length: %zu\r\n\r\n";

	return buf_printf(out, head, name, payload.n) < 0 ? -1 : buf_append_span(out, payload);
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

/* What follows subject and inbox. */
static int
request_nats(struct buf *out, struct span payload)
{
	if (buf_printf(out, "%zu\r\n", payload.n) < 0 || buf_append_span(out, payload) < 0)
		return -1;
	return buf_append_str(out, "\r\n");
}

int
protocol_request(enum protocol protocol, struct buf *out, const char *name, const char *script,
		 struct span payload)
{
	switch (protocol) {
	case PROTOCOL_PACKET: return request_packet(out, name, payload);
	case PROTOCOL_HTTP: return request_http(out, name, payload);
	case PROTOCOL_REDIS: return request_redis(out, name, script, payload);
	case PROTOCOL_GEARMAN: return request_gearman(out, name, payload);
	case PROTOCOL_NATS: return request_nats(out, payload);
	}
	abort();
}

size_t
protocol_head(enum protocol protocol, char out[PROTOCOL_HEAD], const char *name, const char *inbox,
	      uint64_t tag)
{
	int n = 0;

	if (protocol == PROTOCOL_NATS)
		n = snprintf(out, PROTOCOL_HEAD, "PUB %.64s %s.%llu ", name, inbox,
			     (unsigned long long)tag);
	return (size_t)n;
}

int
protocol_greeting(enum protocol protocol, struct buf *out, const char *inbox)
{
	if (protocol != PROTOCOL_NATS)
		return 0;
	return buf_printf(out,
			  "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,"
			  "\"no_responders\":true,\"lang\":\"c\",\"version\":\"0\"}\r\n"
			  "SUB %s.* 1\r\n",
			  inbox);
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

/* What should be a digest, at the head of text; empty if there is not so much. */
static struct span
digest_at(struct span text)
{
	return text.n >= DIGEST_HEX ? span_of(text.p, DIGEST_HEX) : span_of(NULL, 0);
}

/* Plain peers write a space behind the colon. */
static struct span
payload_of(struct span text)
{
	text = after(text, "\"payload\":");
	while (text.n > 0 && (*text.p == ' ' || *text.p == '"'))
		text = span_of(text.p + 1, text.n - 1);
	return digest_at(text);
}

/* The decimal number at the head of text; -1 if there is none. */
static int64_t
number_at(struct span text)
{
	int64_t n = -1;

	while (text.n > 0 && *text.p == ' ')
		text = span_of(text.p + 1, text.n - 1);
	for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && i < 18; i++)
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
next_http(struct reader *r, struct span in, struct reply *reply)
{
	struct span body = after(in, "\r\n\r\n"), head;
	int64_t length;

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
	if (after(head, "HTTP/1.1 200").p != NULL)
		reply->digest = digest_at(body);
	return FRAME_READY;
}

/* A bulk string, or one line that is no digest. */
static enum frame_result
next_redis(struct reader *r, struct span in, struct reply *reply)
{
	struct span rest = after(in, "\r\n");
	int64_t length = in.n > 0 && *in.p == '$' ? number_at(span_of(in.p + 1, in.n - 1)) : -1;

	if (rest.p == NULL)
		return in.n > HEAD_MAX ? broken() : FRAME_MORE;
	r->taken = in.n - rest.n;
	if (length < 0)
		return FRAME_READY;
	if (rest.n < (size_t)length + 2) {
		r->taken = 0;
		return FRAME_MORE;
	}
	reply->digest = digest_at(rest);
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

/* The job's handle ends in its number. */
static uint64_t
gearman_job(struct span body)
{
	struct span handle = span_of(body.p, strnlen(body.p, body.n));
	const char *colon = handle.n > 0 ? memrchr(handle.p, ':', handle.n) : NULL;
	int64_t number = colon == NULL
				 ? -1
				 : number_at(span_of(colon + 1,
						     (size_t)(handle.p + handle.n - colon) - 1));

	return number < 0 ? 0 : (uint64_t)number;
}

/* The job's handle and, behind a NUL, the digest; when a job is taken, its handle alone. */
static enum frame_result
next_gearman(struct reader *r, struct span in, struct reply *reply)
{
	struct span body;
	uint32_t type;
	size_t n;

	if (in.n < GEARMAN_HEAD)
		return FRAME_MORE;
	type = word_at(in.p + 4);
	n = word_at(in.p + 8);
	if (memcmp(in.p, "\0RES", 4) != 0 || n > REPLY_MAX)
		return broken();
	if (in.n - GEARMAN_HEAD < n)
		return FRAME_MORE;
	body = span_of(in.p + GEARMAN_HEAD, n);
	r->taken = GEARMAN_HEAD + n;
	reply->kind = type == GEARMAN_JOB_CREATED ? REPLY_TAKEN : REPLY_DIGEST;
	reply->tag = type == GEARMAN_ERROR ? 0 : gearman_job(body);
	if (type == GEARMAN_WORK_COMPLETE && n >= DIGEST_HEX)
		reply->digest = digest_at(span_of(body.p + n - DIGEST_HEX, DIGEST_HEX));
	return FRAME_READY;
}

/* "MSG inbox.TAG sid bytes", or HMSG with the length of its headers before that of all, which only
 * says that nobody is there to answer. */
static enum frame_result
nats_message(struct reader *r, struct span line, struct span rest, struct reply *reply)
{
	const char *dot = memchr(line.p, '.', line.n), *last = memrchr(line.p, ' ', line.n);
	struct span tag = {0};
	int64_t n, length;

	while (dot != NULL) {
		tag = span_of(dot + 1, (size_t)(line.p + line.n - dot) - 1);
		dot = memchr(tag.p, '.', tag.n);
	}
	n = number_at(tag);
	length = last == NULL ? -1 : number_at(span_of(last, (size_t)(line.p + line.n - last)));
	if (n < 0 || length < 0 || length > REPLY_MAX)
		return broken();
	if (rest.n < (size_t)length + 2)
		return FRAME_MORE;
	r->taken = line.n + 2 + (size_t)length + 2;
	reply->tag = (uint64_t)n;
	if (*line.p == 'M' && length >= DIGEST_HEX)
		reply->digest = digest_at(rest);
	return FRAME_READY;
}

static bool
begins(struct span line, const char *word)
{
	return line.n >= strlen(word) && memcmp(line.p, word, strlen(word)) == 0;
}

/* Lines; INFO, +OK and PONG want nothing. */
static enum frame_result
next_nats(struct reader *r, struct span in, struct reply *reply)
{
	struct span rest = after(in, "\r\n"), line;

	if (rest.p == NULL)
		return in.n > HEAD_MAX ? broken() : FRAME_MORE;
	line = span_of(in.p, in.n - rest.n - 2);
	if (begins(line, "MSG ") || begins(line, "HMSG "))
		return nats_message(r, line, rest, reply);
	if (begins(line, "-ERR"))
		return broken();
	r->taken = line.n + 2;
	reply->kind = begins(line, "PING") ? REPLY_PING : REPLY_NOTHING;
	return FRAME_READY;
}

static enum frame_result
next_packet(struct reader *r, struct buf *in, struct reply *reply)
{
	struct span text;
	enum frame_result got = frame_next(&r->frame, in, &text);

	if (got == FRAME_READY)
		reply->digest = payload_of(text);
	return got;
}

enum frame_result
reader_next(struct reader *r, struct buf *in, struct reply *reply)
{
	*reply = (struct reply){.kind = REPLY_DIGEST};
	if (r->protocol == PROTOCOL_PACKET)
		return next_packet(r, in, reply);
	buf_consume(in, r->taken);
	r->taken = 0;
	if (buf_len(in) == 0)
		return FRAME_MORE;
	switch (r->protocol) {
	case PROTOCOL_HTTP: return next_http(r, buf_span(in), reply);
	case PROTOCOL_REDIS: return next_redis(r, buf_span(in), reply);
	case PROTOCOL_GEARMAN: return next_gearman(r, buf_span(in), reply);
	case PROTOCOL_NATS: return next_nats(r, buf_span(in), reply);
	case PROTOCOL_PACKET: break;
	}
	abort();
}
