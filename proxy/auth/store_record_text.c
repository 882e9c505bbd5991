/* store_record_text.c - a record as JSON and back; see store_record.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "store_record.h"

/* ---- writing ---- */

static int
put_text(struct buf *out, const char *key, const char *value)
{
	if (value[0] == '\0')
		return 0;
	return buf_printf(out, ",\"%s\":", key) < 0 ? -1 : json_text_quote(out, span_str(value));
}

static int
put_number(struct buf *out, const char *key, uint64_t value)
{
	return value == 0 ? 0 : buf_printf(out, ",\"%s\":%" PRIu64, key, value);
}

static int
put_true(struct buf *out, const char *key, bool value)
{
	return value ? buf_printf(out, ",\"%s\":true", key) : 0;
}

static int
put_server(struct buf *out, const struct store_record *rec)
{
	const struct packet_announcement *a = &rec->a;
	char addr[ADDR_TEXT];

	if (put_text(out, "addr", addr_text(&rec->at, addr)) < 0 ||
	    put_true(out, "pooled", a->keepalive) < 0 || put_true(out, "tls", a->tls) < 0)
		return -1;
#define PUT_NUMBER(name, max, usual)             \
	if (put_number(out, #name, a->name) < 0) \
		return -1;
	PACKET_ANNOUNCED(PUT_NUMBER)
#undef PUT_NUMBER
	if (put_text(out, "job", a->job) < 0 || put_true(out, "once", a->once) < 0 ||
	    put_true(out, "backup", a->backup) < 0)
		return -1;
	return put_text(out, "jobkeys", a->jobkeys);
}

static int
put_all(struct buf *out, const struct store_record *rec)
{
	const struct packet_announcement *a = &rec->a;

	if (buf_printf(out, "{\"v\":%d", STORE_RECORD_VERSION) < 0 ||
	    put_text(out, "gone", rec->gone) < 0 || put_text(out, "id", a->id) < 0 ||
	    put_text(out, "policy", a->policy) < 0 ||
	    (rec->gone[0] == '\0' && put_server(out, rec) < 0) ||
	    put_text(out, "keyid", a->sign.keyid) < 0 ||
	    put_number(out, "epoch", a->sign.epoch) < 0 || put_text(out, "by", rec->by) < 0 ||
	    put_text(out, "mac", a->sign.mac) < 0)
		return -1;
	return buf_append_str(out, "}");
}

int
store_record_write(struct buf *out, const struct store_record *rec)
{
	size_t before = buf_len(out);

	if (put_all(out, rec) == 0)
		return 0;
	buf_truncate(out, before);
	return -1;
}

/* ---- reading ---- */

struct reader {
	struct json_text_object object;
	char *why;
};

static int wrong(struct reader *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
wrong(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->why, STORE_RECORD_WHY, fmt, ap);
	va_end(ap);
	return -1;
}

/* What is not there stays as it is: empty. */
static int
text(struct reader *r, const char *key, char *out, size_t size)
{
	const struct json_text_member *m = json_text_find(&r->object, key);
	struct buf plain = BUF_INIT;
	size_t n;

	if (m == NULL)
		return 0;
	if (m->kind != JSON_TEXT_STRING || json_text_decode(json_text_inner(m), &plain) < 0) {
		buf_release(&plain);
		return wrong(r, "%s is no text", key);
	}
	n = buf_len(&plain);
	if (n == 0 || n >= size || memchr(buf_span(&plain).p, '\0', n) != NULL) {
		buf_release(&plain);
		return wrong(r, "%s is empty or too long", key);
	}
	memcpy(out, buf_span(&plain).p, n);
	out[n] = '\0';
	buf_release(&plain);
	return 0;
}

static int
number(struct reader *r, const char *key, uint64_t max, uint64_t *out)
{
	const struct json_text_member *m = json_text_find(&r->object, key);
	uint64_t v = 0;

	*out = 0;
	if (m == NULL)
		return 0;
	if (m->kind != JSON_TEXT_NUMBER)
		return wrong(r, "%s is no number", key);
	for (size_t i = 0; i < m->value.n; i++) {
		unsigned digit = (unsigned char)m->value.p[i] - (unsigned)'0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return wrong(r, "%s is no such number", key);
		v = v * 10 + digit;
	}
	if (v < 1 || v > max)
		return wrong(r, "%s is out of range", key);
	*out = v;
	return 0;
}

static int
small(struct reader *r, const char *key, unsigned max, unsigned *out)
{
	uint64_t v;

	if (number(r, key, max, &v) < 0)
		return -1;
	*out = (unsigned)v;
	return 0;
}

static int
truth(struct reader *r, const char *key, bool *out)
{
	const struct json_text_member *m = json_text_find(&r->object, key);

	if (m == NULL)
		return 0;
	if (m->kind != JSON_TEXT_BOOL)
		return wrong(r, "%s is neither true nor false", key);
	*out = m->value.p[0] == 't';
	return 0;
}

static int
read_addr(struct reader *r, struct addr *at)
{
	char words[ADDR_TEXT] = "";
	const char *why;

	if (text(r, "addr", words, sizeof words) < 0)
		return -1;
	if (words[0] == '\0' || addr_parse(at, words, &why) < 0 || addr_is_unix(at) ||
	    addr_port(at) == 0)
		return wrong(r, "addr is no address with a port");
	addr_unmap(at);
	return 0;
}

static int
read_server(struct reader *r, struct store_record *rec)
{
	struct packet_announcement *a = &rec->a;

	if (read_addr(r, &rec->at) < 0 || truth(r, "pooled", &a->keepalive) < 0 ||
	    truth(r, "tls", &a->tls) < 0)
		return -1;
#define READ_NUMBER(name, max, usual)           \
	if (small(r, #name, max, &a->name) < 0) \
		return -1;
	PACKET_ANNOUNCED(READ_NUMBER)
#undef READ_NUMBER
	if (text(r, "job", a->job, sizeof a->job) < 0 || truth(r, "once", &a->once) < 0 ||
	    truth(r, "backup", &a->backup) < 0 ||
	    text(r, "jobkeys", a->jobkeys, sizeof a->jobkeys) < 0)
		return -1;
	if (a->jobkeys[0] != '\0' && !job_keys_is(span_str(a->jobkeys)))
		return wrong(r, "jobkeys are none");
	if (!a->keepalive || a->slots < 2)
		return wrong(r,
			     "it is not a server that proxies share: not pooled, or of one slot");
	return a->lease == 0 ? 0 : wrong(r, "it has a lease");
}

static int
read_all(struct reader *r, struct store_record *rec)
{
	struct packet_announcement *a = &rec->a;

	if (text(r, "gone", rec->gone, sizeof rec->gone) < 0 ||
	    text(r, "id", a->id, sizeof a->id) < 0 ||
	    text(r, "policy", a->policy, sizeof a->policy) < 0 ||
	    text(r, "by", rec->by, sizeof rec->by) < 0 ||
	    text(r, "keyid", a->sign.keyid, sizeof a->sign.keyid) < 0 ||
	    number(r, "epoch", UINT64_MAX, &a->sign.epoch) < 0 ||
	    text(r, "mac", a->sign.mac, sizeof a->sign.mac) < 0)
		return -1;
	if (a->id[0] == '\0' || a->policy[0] == '\0' || rec->by[0] == '\0')
		return wrong(r, "%s is missing",
			     a->id[0] == '\0'	    ? "id"
			     : a->policy[0] == '\0' ? "policy"
						    : "by");
	if (a->sign.mac[0] != '\0' && strlen(a->sign.mac) != PACKET_MAC)
		return wrong(r, "mac is none");
	return rec->gone[0] != '\0' ? 0 : read_server(r, rec);
}

int
store_record_read(struct store_record *rec, struct span all, char why[STORE_RECORD_WHY])
{
	struct reader r = {.why = why};
	uint64_t version;
	size_t at;

	*rec = (struct store_record){.by = ""};
	if (all.n > STORE_RECORD_MAX)
		return wrong(&r, "it is too long, %zu bytes", all.n);
	if (json_text_scan(all, 4, &r.object, &at) != JSON_TEXT_OK)
		return wrong(&r, "it is no JSON object");
	if (number(&r, "v", UINT64_MAX, &version) < 0)
		return -1;
	if (version != STORE_RECORD_VERSION)
		return wrong(&r, "it is of version %" PRIu64 "; version %d is known here", version,
			     STORE_RECORD_VERSION);
	return read_all(&r, rec);
}
