/* json_fast.c - see json_fast.h. */
#include "json_fast.h"

#include <stdint.h>

#include "json_simd.h"
#include "json_string.h"

enum { SIGHT = 64 }; /* bytes */

/* NULL stands for "not for me" wherever a place in the text is returned. */

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' &&
	       (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

/* What interrupts the plain run at p, a backslash or a byte beyond ASCII: its end. */
static const char *
skip_other(const char *p, const char *end, bool *escaped)
{
	uint32_t c;
	size_t n;

	if (*p == '\\') {
		*escaped = true;
		n = json_string_escape(p, end, &c);
		return n == 0 || json_string_is_surrogate(c) ? NULL : p + n;
	}
	if ((unsigned char)*p < 0x80)
		return NULL;
	n = json_string_utf8(p, end);
	return n == 0 ? NULL : p + n;
}

/* Where the bytes stand that are not plain, 64 at a time: so that the next one is found without
 * looking at the text again. */
struct json_fast_scan {
	const char *end;
	const char *from; /* of the 64 bytes looked at */
	uint64_t odd;
};

/* To the 64 bytes that p is in, or to the last 64. */
static inline void
look_at(struct json_fast_scan *s, const char *p)
{
	s->from = s->end - p >= SIGHT ? p : s->end - SIGHT;
	s->odd = json_simd_odd_64(s->from);
}

/* The first at p or after it that is not plain, or the end; there are at least SIGHT bytes. */
static inline const char *
next_odd(struct json_fast_scan *s, const char *p)
{
	uint64_t odd;

	while (p < s->end) {
		if (p - s->from >= SIGHT)
			look_at(s, p);
		odd = s->odd >> (p - s->from);
		if (odd != 0)
			return p + __builtin_ctzll(odd);
		p = s->from + SIGHT;
	}
	return s->end;
}

/* From behind one quote to the other. */
static inline const char *
skip_string(struct json_fast_scan *s, const char *p, bool *escaped)
{
	for (;;) {
		p = s->from != NULL ? next_odd(s, p) : json_simd_skip_plain(p, s->end);
		if (p == s->end)
			return NULL;
		if (*p == '"')
			return p;
		p = skip_other(p, s->end, escaped);
		if (p == NULL)
			return NULL;
	}
}

/* An integer; what follows it must show that it is no more than that. */
static const char *
skip_integer(const char *p, const char *end)
{
	const char *first;

	p += p < end && *p == '-';
	first = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == first || p == end || (*first == '0' && p > first + 1))
		return NULL;
	return *p == '.' || *p == 'e' || *p == 'E' ? NULL : p;
}

/* A key with its quotes and the colon. */
static const char *
take_key(struct json_fast_scan *s, const char *p, struct json_text_member *m)
{
	const char *end = s->end, *quote;
	bool escaped = false;

	if (p == end || *p != '"')
		return NULL;
	quote = skip_string(s, p + 1, &escaped);
	if (quote == NULL || escaped)
		return NULL;
	m->key = span_of(p + 1, (size_t)(quote - p - 1));
	m->key_escaped = false;
	p = skip_space(quote + 1, end);
	return p == end || *p != ':' ? NULL : skip_space(p + 1, end);
}

static const char *
take_value(struct json_fast_scan *s, const char *p, struct json_text_member *m)
{
	const char *start = p, *end = s->end;

	m->value_escaped = false;
	if (p < end && *p == '"') {
		m->kind = JSON_TEXT_STRING;
		p = skip_string(s, p + 1, &m->value_escaped);
		p = p == NULL ? NULL : p + 1;
	} else {
		m->kind = JSON_TEXT_NUMBER;
		p = skip_integer(p, end);
	}
	if (p == NULL)
		return NULL;
	m->value = span_of(start, (size_t)(p - start));
	return skip_space(p, end);
}

static bool
is_new(const struct json_text_object *o, struct span key)
{
	for (size_t i = 0; i < o->n; i++)
		if (span_eq(o->member[i].key, key))
			return false;
	return true;
}

/* One member; what follows it is at the place returned. */
static const char *
take_member(struct json_fast_scan *s, const char *p, struct json_text_object *out)
{
	struct json_text_member *m = &out->member[out->n];

	p = take_key(s, p, m);
	if (p == NULL || !is_new(out, m->key))
		return NULL;
	out->n++;
	return take_value(s, p, m);
}

size_t
json_fast_first(struct span text, struct json_text_object *out)
{
	const char *p = text.p, *end = text.p + text.n;
	struct json_fast_scan s = {.end = end};

	out->n = 0;
	out->key_escaped = false;
	if (text.n >= SIGHT)
		look_at(&s, p);
	if (p == end || *p != '{')
		return 0;
	do {
		if (out->n == JSON_FAST_MEMBERS)
			return 0;
		p = take_member(&s, skip_space(p + 1, end), out);
		if (p == NULL || p == end)
			return 0;
	} while (*p == ',');
	return *p == '}' ? (size_t)(p + 1 - text.p) : 0;
}

bool
glance(struct span text, struct json_text_object *out)
{
	const char *end = text.p + text.n, *p = skip_space(text.p, end);
	size_t n = json_fast_first(span_of(p, (size_t)(end - p)), out);

	return n > 0 && skip_space(p + n, end) == end;
}
