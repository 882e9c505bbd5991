/* packet_read.c - the values of a packet: ids, integers, payloads; see packet.h and
 * packet_internal.h.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_string.h"
#include "packet_internal.h"

int
packet_refuse(struct packet_fault *fault, enum packet_code code, const char *fmt, ...)
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

/* As much of a value as a sentence has room for, cut between two characters. */
struct span
packet_excerpt(struct span s)
{
	size_t n = s.n;

	if (n <= PACKET_ID_MAX)
		return s;
	for (n = PACKET_ID_MAX; n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80;)
		n--;
	return span_of(s.p, n);
}

/* A control character: ASCII's, of which JSON lets DEL through and escapes bring others, or one of
 * U+0080 to U+009F. */
static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0))
			return true;
	}
	return false;
}

size_t
packet_decode(struct span inner, char *out, size_t size)
{
	const char *p = inner.p, *end = inner.p + inner.n;
	char character[4];
	size_t n = 0;

	while (p < end) {
		uint32_t c = json_string_next(&p, end);
		size_t bytes;

		if (c < 0x80) {
			character[0] = (char)c;
			bytes = 1;
		} else {
			bytes = (size_t)(json_string_put(character, c) - character);
		}
		if (n + bytes <= size)
			memcpy(out + n, character, bytes);
		n += bytes;
	}
	return n;
}

/* An integer as every peer gives it back: 1e2, -0 or 1.0 become another text in most languages. */
static bool
is_plain_integer(struct span s)
{
	size_t sign = s.n > 0 && s.p[0] == '-';

	if (s.n == sign || (s.p[sign] == '0' && s.n > 1))
		return false;
	for (size_t i = sign; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

enum packet_id_fault
packet_read_id(const struct json_text_member *m, char space[PACKET_ID_MAX], struct span *text)
{
	*text = json_text_inner(m);
	if (!packet_is_scalar(m))
		return PACKET_ID_NO_SCALAR;
	if (m->value_escaped)
		*text = span_of(space, packet_decode(*text, space, PACKET_ID_MAX));
	if (text->n == 0)
		return PACKET_ID_EMPTY;
	if (text->n > PACKET_ID_MAX)
		return PACKET_ID_LONG;
	if (has_control(*text))
		return PACKET_ID_CONTROL;
	return m->kind == JSON_TEXT_NUMBER && !is_plain_integer(*text) ? PACKET_ID_NO_INTEGER
								       : PACKET_ID_FINE;
}

static bool
is_id(const struct json_text_member *m)
{
	char space[PACKET_ID_MAX];
	struct span text;

	return packet_read_id(m, space, &text) == PACKET_ID_FINE;
}

/* Decimal digits with a minus in front at most. */
bool
packet_read_integer(struct span s, int64_t *out)
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

struct span
packet_raw(const struct packet *p, const char *key)
{
	const struct json_text_member *m = json_text_find(&p->object, key);

	return m != NULL ? m->value : span_of(NULL, 0);
}

struct span
packet_sender(const struct packet *p)
{
	bool announcement = p->type == PACKET_REGISTER || p->type == PACKET_DEREGISTER;
	const struct json_text_member *m = json_text_find(&p->object,
							  announcement ? "id" : "srcid");

	return m != NULL && is_id(m) ? m->value : span_str("\"\"");
}

bool
packet_answers(const struct packet *reply, struct span srcid)
{
	char wanted[PACKET_ID_MAX], got[PACKET_ID_MAX];
	struct span destid = packet_scalar(reply, "destid");
	size_t n;

	if (span_eq(destid, srcid))
		return true;
	if ((srcid.n == 0 || memchr(srcid.p, '\\', srcid.n) == NULL) &&
	    (destid.n == 0 || memchr(destid.p, '\\', destid.n) == NULL))
		return false;
	n = packet_decode(srcid, wanted, sizeof wanted);
	return n <= sizeof wanted && packet_decode(destid, got, sizeof got) == n &&
	       memcmp(wanted, got, n) == 0;
}

int
packet_number(const struct packet *p, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const struct json_text_member *m = json_text_find(&p->object, key);
	int64_t value;

	if (m == NULL)
		return 0;
	if (!packet_is_scalar(m) || !packet_read_integer(json_text_inner(m), &value) ||
	    value < min || value > max)
		return -1;
	*out = value;
	return 1;
}

int
packet_payload(const struct packet *p, struct buf *scratch, struct span *out)
{
	const struct json_text_member *m = json_text_find(&p->object, "payload");

	*out = span_of(NULL, 0);
	if (m == NULL || m->kind != JSON_TEXT_STRING)
		return 0;
	*out = json_text_inner(m);
	if (!m->value_escaped)
		return 0;
	buf_clear(scratch);
	if (json_text_decode(*out, scratch) < 0)
		return -1;
	*out = buf_span(scratch);
	return 0;
}

int
packet_check_size(const struct packet *p, struct span payload, struct packet_fault *fault)
{
	const struct json_text_member *m = json_text_find(&p->object, "payloadsize");
	int64_t size;
	struct span shown;

	if (m == NULL)
		return 0;
	if (packet_number(p, "payloadsize", 0, INT64_MAX, &size) > 0 && (uint64_t)size == payload.n)
		return 0;
	shown = packet_excerpt(m->value);
	return packet_refuse(fault, PACKET_BAD_MESSAGE,
			     "payloadsize is %.*s: the payload has %zu bytes", SPAN_ARG(shown),
			     payload.n);
}
