/* glance.c - see glance.h. */
#include "glance.h"

#include <stdint.h>

#include "bytes.h"
#include "jsonchar.h"

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
		n = jsonchar_escape(p, end, &c);
		return n == 0 || jsonchar_is_surrogate(c) ? NULL : p + n;
	}
	if ((unsigned char)*p < 0x80)
		return NULL;
	n = jsonchar_utf8(p, end);
	return n == 0 ? NULL : p + n;
}

static const char *
skip_any_string(const char *p, const char *end, bool *escaped)
{
	for (;;) {
		p = bytes_skip_plain(p, end);
		if (p == end)
			return NULL;
		if (*p == '"')
			return p;
		p = skip_other(p, end, escaped);
		if (p == NULL)
			return NULL;
	}
}

/* From behind one quote to the other. */
static inline const char *
skip_string(const char *p, const char *end, bool *escaped)
{
	if (end - p >= BYTES_BLOCK) {
		p += bytes_plain_run(p);
		if (p < end && *p == '"')
			return p;
	}
	return skip_any_string(p, end, escaped);
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
take_key(const char *p, const char *end, struct jsontext_member *m)
{
	bool escaped = false;
	const char *quote;

	if (p == end || *p != '"')
		return NULL;
	quote = skip_string(p + 1, end, &escaped);
	if (quote == NULL || escaped)
		return NULL;
	m->key = span_of(p + 1, (size_t)(quote - p - 1));
	m->key_escaped = false;
	p = skip_space(quote + 1, end);
	return p == end || *p != ':' ? NULL : skip_space(p + 1, end);
}

static const char *
take_value(const char *p, const char *end, struct jsontext_member *m)
{
	const char *start = p;

	m->value_escaped = false;
	if (p < end && *p == '"') {
		m->kind = JSONTEXT_STRING;
		p = skip_string(p + 1, end, &m->value_escaped);
		p = p == NULL ? NULL : p + 1;
	} else {
		m->kind = JSONTEXT_NUMBER;
		p = skip_integer(p, end);
	}
	if (p == NULL)
		return NULL;
	m->value = span_of(start, (size_t)(p - start));
	return skip_space(p, end);
}

static bool
is_new(const struct jsontext_object *o, struct span key)
{
	for (size_t i = 0; i < o->n; i++)
		if (span_eq(o->member[i].key, key))
			return false;
	return true;
}

/* One member; what follows it is at the place returned. */
static const char *
take_member(const char *p, const char *end, struct jsontext_object *out)
{
	struct jsontext_member *m = &out->member[out->n];

	p = take_key(p, end, m);
	if (p == NULL || !is_new(out, m->key))
		return NULL;
	out->n++;
	return take_value(p, end, m);
}

size_t
glance_first(struct span text, struct jsontext_object *out)
{
	const char *p = text.p, *end = text.p + text.n;

	out->n = 0;
	if (p == end || *p != '{')
		return 0;
	do {
		if (out->n == GLANCE_MEMBERS)
			return 0;
		p = take_member(skip_space(p + 1, end), end, out);
		if (p == NULL || p == end)
			return 0;
	} while (*p == ',');
	return *p == '}' ? (size_t)(p + 1 - text.p) : 0;
}

bool
glance(struct span text, struct jsontext_object *out)
{
	const char *end = text.p + text.n, *p = skip_space(text.p, end);
	size_t n = glance_first(span_of(p, (size_t)(end - p)), out);

	return n > 0 && skip_space(p + n, end) == end;
}
