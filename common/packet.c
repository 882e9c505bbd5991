/* packet.c - see packet.h; packets are written in packet_write.c. */
#include "packet.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "glance.h"

static int refuse(struct packet_fault *, enum packet_code, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int
refuse(struct packet_fault *fault, enum packet_code code, const char *fmt, ...)
{
	va_list ap;

	fault->code = code;
	fault->lost = false;
	va_start(ap, fmt);
	(void)vsnprintf(fault->why, sizeof fault->why, fmt, ap);
	va_end(ap);
	return -1;
}

const char *
packet_code_text(enum packet_code code)
{
#define PACKET_TEXT(name, text) text,
	static const char *const texts[] = {PACKET_CODES(PACKET_TEXT)};
#undef PACKET_TEXT

	assert(code < PACKET_CODE_COUNT);
	return texts[code];
}

/* ---- values ---- */

/* As much of a value as a sentence has room for, cut between two characters. */
static struct span
excerpt(struct span s)
{
	size_t n = s.n;

	if (n <= PACKET_ID_MAX)
		return s;
	for (n = PACKET_ID_MAX; n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80;)
		n--;
	return span_of(s.p, n);
}

static bool
is_scalar(const struct jsontext_member *m)
{
	return m->kind == JSONTEXT_STRING || m->kind == JSONTEXT_NUMBER;
}

/* A control character: ASCII's, of which JSON lets DEL through, or one of U+0080 to
 * U+009F. */
static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == 0x7f || (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0))
			return true;
	}
	return false;
}

static bool
is_id(const struct jsontext_member *m)
{
	struct span text = jsontext_inner(m);

	return is_scalar(m) && text.n > 0 && text.n <= PACKET_ID_MAX && !m->value_escaped &&
	       !has_control(text);
}

/* Decimal digits with a minus in front at most. */
static bool
read_integer(struct span s, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int64_t value = 0;

	if (s.n == negative)
		return false;
	for (size_t i = negative; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, negative ? -digit : digit, &value))
			return false;
	}
	*out = value;
	return true;
}

/* ---- reading ---- */

struct span
packet_raw(const struct packet *p, const char *key)
{
	const struct jsontext_member *m = jsontext_find(&p->object, key);

	return m != NULL ? m->value : span_of(NULL, 0);
}

struct span
packet_sender(const struct packet *p)
{
	bool announcement = p->type == PACKET_REGISTER || p->type == PACKET_DEREGISTER;
	const struct jsontext_member *m = jsontext_find(&p->object, announcement ? "id" : "srcid");

	return m != NULL && is_id(m) ? m->value : span_str("\"\"");
}

int
packet_number(const struct packet *p, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const struct jsontext_member *m = jsontext_find(&p->object, key);
	int64_t value;

	if (m == NULL)
		return 0;
	if (!is_scalar(m) || !read_integer(jsontext_inner(m), &value) || value < min || value > max)
		return -1;
	*out = value;
	return 1;
}

int
packet_payload(const struct packet *p, struct buf *scratch, struct span *out)
{
	const struct jsontext_member *m = jsontext_find(&p->object, "payload");

	*out = span_of(NULL, 0);
	if (m == NULL || m->kind != JSONTEXT_STRING)
		return 0;
	*out = jsontext_inner(m);
	if (!m->value_escaped)
		return 0;
	buf_clear(scratch);
	if (jsontext_decode(*out, scratch) < 0)
		return -1;
	*out = buf_span(scratch);
	return 0;
}

int
packet_check_size(const struct packet *p, struct span payload, struct packet_fault *fault)
{
	const struct jsontext_member *m = jsontext_find(&p->object, "payloadsize");
	int64_t size;
	struct span shown;

	if (m == NULL)
		return 0;
	if (packet_number(p, "payloadsize", 0, INT64_MAX, &size) > 0 && (uint64_t)size == payload.n)
		return 0;
	shown = excerpt(m->value);
	return refuse(fault, PACKET_BAD_MESSAGE, "payloadsize is %.*s: the payload has %zu bytes",
		      SPAN_ARG(shown), payload.n);
}

/* ---- judging ---- */

typedef int judge(const struct jsontext_member *, const char *key, struct packet_fault *);

static int
judge_scalar(const struct jsontext_member *m, const char *key, struct packet_fault *fault)
{
	if (m == NULL)
		return refuse(fault, PACKET_BAD_MESSAGE, "%s is missing", key);
	if (!is_scalar(m))
		return refuse(fault, PACKET_BAD_MESSAGE, "%s must be a string or a number", key);
	return 0;
}

static int
judge_id(const struct jsontext_member *m, const char *key, struct packet_fault *fault)
{
	if (judge_scalar(m, key, fault) < 0)
		return -1;
	if (is_id(m))
		return 0;
	if (jsontext_inner(m).n == 0)
		return refuse(fault, PACKET_BAD_MESSAGE, "%s is empty", key);
	if (jsontext_inner(m).n > PACKET_ID_MAX)
		return refuse(fault, PACKET_BAD_MESSAGE, "%s is %zu bytes long: it may have %d",
			      key, jsontext_inner(m).n, PACKET_ID_MAX);
	return refuse(fault, PACKET_BAD_MESSAGE, "%s has an escape or a control character", key);
}

static int
judge_string(const struct jsontext_member *m, const char *key, struct packet_fault *fault)
{
	if (m == NULL)
		return refuse(fault, PACKET_BAD_MESSAGE, "%s is missing", key);
	if (m->kind != JSONTEXT_STRING)
		return refuse(fault, PACKET_BAD_MESSAGE, "%s must be a string", key);
	return 0;
}

static int
judge_payload(const struct jsontext_member *m, const char *key, struct packet_fault *fault)
{
	if (m != NULL && m->kind != JSONTEXT_STRING)
		return refuse(fault, PACKET_BAD_PAYLOAD, "%s must be a string", key);
	return judge_string(m, key, fault);
}

static int
refuse_number(const struct jsontext_member *m, const char *key, int64_t min, int64_t max,
	      struct packet_fault *fault)
{
	struct span shown = excerpt(jsontext_inner(m));

	if (m->kind == JSONTEXT_OBJECT || m->kind == JSONTEXT_ARRAY)
		shown = span_str("no scalar");
	return refuse(fault, PACKET_BAD_MESSAGE, "%s is %.*s: it must be %lld to %lld", key,
		      SPAN_ARG(shown), (long long)min, (long long)max);
}

static int
judge_port(const struct jsontext_member *m, const char *key, struct packet_fault *fault)
{
	int64_t port;

	if (m == NULL)
		return refuse(fault, PACKET_BAD_MESSAGE, "%s is missing", key);
	if (is_scalar(m) && read_integer(jsontext_inner(m), &port) && port >= 1 &&
	    port <= UINT16_MAX)
		return 0;
	return refuse_number(m, key, 1, UINT16_MAX, fault);
}

/* What each type must have.  A destid is empty in an error that answers something
 * unreadable. */
static const struct {
	enum packet_type type;
	const char *key;
	size_t n; /* bytes of key */
	judge *judge;
} needed[] = {
#define NEEDED(type, key, judge)                  \
	{                                         \
		type, key, sizeof(key) - 1, judge \
	}
	NEEDED(PACKET_REQUEST, "srcid", judge_id),
	NEEDED(PACKET_REQUEST, "privPoliId", judge_id),
	NEEDED(PACKET_REQUEST, "payload", judge_payload),
	NEEDED(PACKET_REGISTER, "id", judge_id),
	NEEDED(PACKET_REGISTER, "privPolyId", judge_id),
	NEEDED(PACKET_REGISTER, "listenport", judge_port),
	NEEDED(PACKET_REPLY, "srcid", judge_id),
	NEEDED(PACKET_REPLY, "destid", judge_id),
	NEEDED(PACKET_REPLY, "payload", judge_payload),
	NEEDED(PACKET_ERROR, "destid", judge_scalar),
	NEEDED(PACKET_ERROR, "code", judge_string),
	NEEDED(PACKET_DEREGISTER, "id", judge_id),
	NEEDED(PACKET_DEREGISTER, "privPolyId", judge_id),
#undef NEEDED
};

static int
judge_members(const struct packet *p, struct packet_fault *fault)
{
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		struct span key = span_of(needed[i].key, needed[i].n);

		if ((int)needed[i].type == p->type &&
		    needed[i].judge(jsontext_find_span(&p->object, key), key.p, fault) < 0)
			return -1;
	}
	return 0;
}

static void
read_type(struct packet *p)
{
	const struct jsontext_member *m = jsontext_find(&p->object, "type");
	struct span text = m != NULL && is_scalar(m) ? jsontext_inner(m) : span_of(NULL, 0);

	p->type_number = m != NULL && m->kind == JSONTEXT_NUMBER;
	p->type = -1;
	if (text.n == 1 && text.p[0] >= '0' && text.p[0] <= '0' + PACKET_DEREGISTER)
		p->type = text.p[0] - '0';
}

static int
judge_type(const struct packet *p, struct packet_fault *fault)
{
	struct span shown;

	if (p->type >= 0)
		return 0;
	if (judge_scalar(jsontext_find(&p->object, "type"), "type", fault) < 0)
		return -1;
	shown = excerpt(packet_raw(p, "type"));
	return refuse(fault, PACKET_BAD_MESSAGE, "type is %.*s: it must be 0 to %d",
		      SPAN_ARG(shown), PACKET_DEREGISTER);
}

static int
refuse_text(enum jsontext_status status, size_t at, struct packet_fault *fault)
{
	enum packet_code code = status == JSONTEXT_UTF8 ? PACKET_BAD_PAYLOAD : PACKET_BAD_JSON;

	(void)refuse(fault, code, "%s at byte %zu", jsontext_describe(status), at);
	fault->lost = status == JSONTEXT_SYNTAX;
	return -1;
}

static int
judge_packet(const struct packet *p, struct packet_fault *fault)
{
	return judge_type(p, fault) < 0 ? -1 : judge_members(p, fault);
}

int
packet_parse(struct packet *p, struct span text, struct packet_fault *fault)
{
	enum jsontext_status status = JSONTEXT_OK;
	size_t at = 0;

	p->text = text;
	if (!glance(text, &p->object))
		status = jsontext_scan(text, PACKET_DEPTH, &p->object, &at);
	read_type(p);
	return status != JSONTEXT_OK ? refuse_text(status, at, fault) : judge_packet(p, fault);
}

int
packet_judge(struct packet *p, struct span text, const struct jsontext_object *members,
	     struct packet_fault *fault)
{
	if (members == NULL)
		return packet_parse(p, text, fault);
	p->text = text;
	p->object.n = members->n;
	memcpy(p->object.member, members->member, members->n * sizeof members->member[0]);
	read_type(p);
	return judge_packet(p, fault);
}

/* ---- announcements ---- */

static void
copy_id(char to[PACKET_ID_MAX + 1], struct span id)
{
	assert(id.n <= PACKET_ID_MAX);
	memcpy(to, id.p, id.n);
	to[id.n] = '\0';
}

/* A number that may be absent: 0 then. */
static int
read_number(const struct packet *p, const char *key, unsigned max, unsigned *out,
	    struct packet_fault *fault)
{
	int64_t value = 0;

	if (packet_number(p, key, 1, max, &value) < 0)
		return refuse_number(jsontext_find(&p->object, key), key, 1, max, fault);
	*out = (unsigned)value;
	return 0;
}

/* 1, 0, true or false; absent is false. */
static int
read_flag(const struct packet *p, const char *key, bool *out, struct packet_fault *fault)
{
	const struct jsontext_member *m = jsontext_find(&p->object, key);
	struct span text = m != NULL ? jsontext_inner(m) : span_str("0");

	*out = span_eq_str(text, "1") || span_eq_str(text, "true");
	if (*out || span_eq_str(text, "0") || span_eq_str(text, "false"))
		return 0;
	return refuse_number(m, key, 0, 1, fault);
}

/* What occurs in a name, in an IPv4 or an IPv6 address with its zone. */
static bool
is_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = (char)(c | 0x20);

		if ((lower < 'a' || lower > 'z') && (c < '0' || c > '9') &&
		    (c == '\0' || strchr(".-_:%", c) == NULL))
			return false;
	}
	return true;
}

static int
read_host(const struct packet *p, struct packet_announcement *a, struct packet_fault *fault)
{
	const struct jsontext_member *m = jsontext_find(&p->object, "host");
	struct span host, shown;

	if (m == NULL)
		return 0;
	if (judge_string(m, "host", fault) < 0)
		return -1;
	host = jsontext_inner(m);
	if (host.n < sizeof a->host && is_host(host)) {
		memcpy(a->host, host.p, host.n);
		a->host[host.n] = '\0';
		return 0;
	}
	shown = excerpt(host);
	return refuse(fault, PACKET_BAD_MESSAGE,
		      "host is %.*s: it must be an address or a name of at most %zu bytes",
		      SPAN_ARG(shown), sizeof a->host - 1);
}

/* Lower-case hex digits, so many or none. */
static bool
copy_hex(const struct packet *p, const char *key, char *to, size_t n)
{
	struct span s = packet_scalar(p, key);

	to[0] = '\0';
	if (s.n == 0)
		return packet_raw(p, key).n == 0;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	if (s.n != n)
		return false;
	memcpy(to, s.p, n);
	to[n] = '\0';
	return true;
}

static int
read_hex(const struct packet *p, const char *key, char *to, size_t n, struct packet_fault *fault)
{
	if (copy_hex(p, key, to, n))
		return 0;
	return refuse(fault, PACKET_BAD_MESSAGE, "%s must be %zu lower-case hex digits", key, n);
}

static int
read_signing(const struct packet *p, struct packet_signing *s, struct packet_fault *fault)
{
	const struct jsontext_member *keyid = jsontext_find(&p->object, "keyid"), *epoch;
	int64_t value = 0;

	if (keyid == NULL)
		return 0;
	if (judge_id(keyid, "keyid", fault) < 0)
		return -1;
	copy_id(s->keyid, jsontext_inner(keyid));
	epoch = jsontext_find(&p->object, "epoch");
	if (packet_number(p, "epoch", 1, INT64_MAX, &value) < 0)
		return refuse_number(epoch, "epoch", 1, INT64_MAX, fault);
	s->epoch = (uint64_t)value;
	if (read_hex(p, "salt", s->salt, PACKET_NONCE, fault) < 0)
		return -1;
	return read_hex(p, "mac", s->mac, PACKET_MAC, fault);
}

void
packet_acknowledged(const struct packet *p, struct span *verb, struct packet_proof *proof)
{
	*verb = packet_scalar(p, "verb");
	(void)copy_hex(p, "nonce", proof->nonce, PACKET_NONCE);
	(void)copy_hex(p, "mac", proof->mac, PACKET_MAC);
}

int
packet_announced(const struct packet *p, struct packet_announcement *a, struct packet_fault *fault)
{
	unsigned port;

	assert(p->type == PACKET_REGISTER || p->type == PACKET_DEREGISTER);
	*a = (struct packet_announcement){.port = 0};
	copy_id(a->id, packet_scalar(p, "id"));
	copy_id(a->policy, packet_scalar(p, "privPolyId"));
	if (read_number(p, "listenport", UINT16_MAX, &port, fault) < 0 ||
	    read_host(p, a, fault) < 0 || read_flag(p, "ack", &a->ack, fault) < 0 ||
	    read_flag(p, "keepalive", &a->keepalive, fault) < 0 ||
	    read_flag(p, "tls", &a->tls, fault) < 0)
		return -1;
	a->port = (uint16_t)port;
#define READ_NUMBER(name, max)                               \
	if (read_number(p, #name, max, &a->name, fault) < 0) \
		return -1;
	PACKET_ANNOUNCED(READ_NUMBER)
#undef READ_NUMBER
	return read_signing(p, &a->sign, fault);
}
