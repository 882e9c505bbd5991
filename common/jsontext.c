/* jsontext.c - see jsontext.h.
 *
 * One pass and no recursion.  Each open level is known by the bracket that will close it;
 * the keys of all open objects stand on one stack, from which a closing bracket takes its
 * own. */
#include "jsontext.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "jsonchar.h"

enum { END = -1 }; /* of the text, where a byte is asked for */

/* A key of an object that is still open.  The hash is of its characters, decoded. */
struct key {
	struct span text;
	uint32_t hash;
};

/* 64 KiB of which a packet touches little, so it is never cleared. */
struct levels {
	uint16_t first[JSONTEXT_DEPTH_MAX]; /* level -> its first key */
	struct key key[JSONTEXT_DEPTH_MAX * JSONTEXT_MEMBERS];
	char closer[JSONTEXT_FOLLOWED]; /* level -> the bracket that closes it */
};

struct scan {
	const char *p, *end;
	enum jsontext_status status;
	const char *at; /* what decided status */
	unsigned depth, max_depth;
	struct levels *levels;
	size_t keys;		       /* on the stack of keys; meaningless after a fault */
	bool tainted;		       /* a fault lies in the top-level member being read */
	struct jsontext_member member; /* the top-level member being read */
	struct jsontext_object *out;
};

/* What the text must go on with. */
enum step { STEP_VALUE, STEP_AFTER_VALUE, STEP_DONE, STEP_BROKEN, STEP_TOO_DEEP };

/* ---- keys ---- */

/* FNV-1a over characters instead of bytes, so that it does not matter how they are
 * written.  It starts from an address, which nobody knows outside: keys of one hash can't
 * be prepared. */
static uint32_t
hash_of(struct span text, const struct levels *levels)
{
	const char *p = text.p, *end = text.p + text.n;
	uint32_t hash = 2166136261 ^ (uint32_t)((uintptr_t)levels >> 4);

	while (p < end)
		hash = (hash ^ jsonchar_next(&p, end)) * 16777619;
	return hash;
}

static bool
same_string(struct span a, struct span b)
{
	const char *p = a.p, *q = b.p;

	if (span_eq(a, b))
		return true;
	while (p < a.p + a.n && q < b.p + b.n)
		if (jsonchar_next(&p, a.p + a.n) != jsonchar_next(&q, b.p + b.n))
			return false;
	return p == a.p + a.n && q == b.p + b.n;
}

/* ---- judging ---- */

static enum step
broken(struct scan *s, const char *at)
{
	s->status = JSONTEXT_SYNTAX;
	s->at = at;
	return STEP_BROKEN;
}

/* Notes a fault that leaves the text readable; the first one counts. */
static void
fault(struct scan *s, enum jsontext_status status, const char *at)
{
	s->tainted = true;
	if (s->status == JSONTEXT_OK) {
		s->status = status;
		s->at = at;
	}
}

/* The next byte that is not white space, or END. */
static int
next_token(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
	return s->p < s->end ? (unsigned char)*s->p : END;
}

/* Judges the escape at p, a backslash.  Returns its end, or NULL after broken(). */
static const char *
skip_escape(struct scan *s, const char *p)
{
	uint32_t c;
	size_t n = jsonchar_escape(p, s->end, &c);

	if (n == 0) {
		broken(s, p);
		return NULL;
	}
	if (jsonchar_is_surrogate(c))
		fault(s, JSONTEXT_UTF8, p);
	return p + n;
}

/* The characters beyond ASCII at p. */
static const char *
skip_utf8(struct scan *s, const char *p)
{
	while (p < s->end && (unsigned char)*p >= 0x80) {
		size_t n = jsonchar_utf8(p, s->end);

		if (n == 0)
			fault(s, JSONTEXT_UTF8, p);
		p += n > 0 ? n : 1;
	}
	return p;
}

/* From one quote past the other. */
static bool
scan_string(struct scan *s, bool *escaped)
{
	const char *p = s->p + 1;

	for (;;) {
		p = jsonchar_skip_plain(p, s->end);
		if (p == s->end || (unsigned char)*p < 0x20) {
			broken(s, p);
			return false;
		}
		if (*p == '"') {
			s->p = p + 1;
			return true;
		}
		if (*p == '\\') {
			*escaped = true;
			p = skip_escape(s, p);
			if (p == NULL)
				return false;
		} else {
			p = skip_utf8(s, p);
		}
	}
}

/* One digit or more. */
static bool
scan_digits(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	if (s->p == start)
		broken(s, s->p);
	return s->p > start;
}

/* Takes one of the two bytes if it is next. */
static bool
took(struct scan *s, char a, char b)
{
	bool yes = s->p < s->end && (*s->p == a || *s->p == b);

	s->p += yes;
	return yes;
}

static bool
scan_number(struct scan *s)
{
	(void)took(s, '-', '-');
	if (!took(s, '0', '0') && !scan_digits(s))
		return false;
	if (took(s, '.', '.') && !scan_digits(s))
		return false;
	if (took(s, 'e', 'E')) {
		(void)took(s, '+', '-');
		return scan_digits(s);
	}
	return true;
}

static bool
scan_word(struct scan *s, const char *word)
{
	for (; *word != '\0'; word++, s->p++)
		if (s->p == s->end || *s->p != *word) {
			broken(s, s->p);
			return false;
		}
	return true;
}

/* Puts a key on the stack, once it is known that its object may have it. */
static void
enter_key(struct scan *s, struct span text)
{
	struct key *first = s->levels->key + s->levels->first[s->depth - 1];
	struct key *last = s->levels->key + s->keys;
	uint32_t hash = hash_of(text, s->levels);

	if (last - first == JSONTEXT_MEMBERS) {
		fault(s, JSONTEXT_MEMBER_LIMIT, text.p - 1);
		return;
	}
	for (struct key *k = first; k < last; k++)
		if (k->hash == hash && same_string(k->text, text)) {
			fault(s, JSONTEXT_DUPLICATE, text.p - 1);
			return;
		}
	*last = (struct key){text, hash};
	s->keys++;
}

/* A key and its colon. */
static enum step
scan_key(struct scan *s)
{
	const char *start;
	struct span text;
	bool escaped = false;

	if (next_token(s) != '"')
		return broken(s, s->p);
	if (s->depth == 1)
		s->tainted = false;
	start = s->p + 1;
	if (!scan_string(s, &escaped))
		return STEP_BROKEN;
	text = span_of(start, (size_t)(s->p - 1 - start));
	if (s->status == JSONTEXT_OK)
		enter_key(s, text);
	if (s->depth == 1)
		s->member = (struct jsontext_member){.key = text, .key_escaped = escaped};
	if (next_token(s) != ':')
		return broken(s, s->p);
	s->p++;
	return STEP_VALUE;
}

static enum step
close_bracket(struct scan *s)
{
	if (s->depth <= s->max_depth)
		s->keys = s->levels->first[s->depth - 1];
	s->depth--;
	s->p++;
	return STEP_AFTER_VALUE;
}

static enum step
open_bracket(struct scan *s)
{
	char closer = *s->p == '{' ? '}' : ']';

	if (s->depth >= s->max_depth)
		fault(s, JSONTEXT_DEPTH, s->p);
	else
		s->levels->first[s->depth] = (uint16_t)s->keys;
	if (s->depth == JSONTEXT_FOLLOWED)
		return STEP_TOO_DEEP;
	s->levels->closer[s->depth++] = closer;
	s->p++;
	if (next_token(s) == closer)
		return close_bracket(s);
	return closer == '}' ? scan_key(s) : STEP_VALUE;
}

static enum jsontext_kind
kind_of(int first_byte)
{
	switch (first_byte) {
	case '"': return JSONTEXT_STRING;
	case '{': return JSONTEXT_OBJECT;
	case '[': return JSONTEXT_ARRAY;
	case 't':
	case 'f': return JSONTEXT_BOOL;
	case 'n': return JSONTEXT_NULL;
	default: return JSONTEXT_NUMBER;
	}
}

static bool
scan_scalar(struct scan *s, int first_byte, bool *escaped)
{
	switch (first_byte) {
	case '"': return scan_string(s, escaped);
	case 't': return scan_word(s, "true");
	case 'f': return scan_word(s, "false");
	case 'n': return scan_word(s, "null");
	default: return scan_number(s);
	}
}

/* A scalar, or a bracket that opens. */
static enum step
scan_value(struct scan *s)
{
	int c = next_token(s);
	bool escaped = false;

	if (s->depth == 1) {
		s->member.value.p = s->p;
		s->member.kind = kind_of(c);
	}
	if (c == '{' || c == '[')
		return open_bracket(s);
	if (!scan_scalar(s, c, &escaped))
		return STEP_BROKEN;
	if (s->depth == 1)
		s->member.value_escaped = escaped;
	return STEP_AFTER_VALUE;
}

/* Lists the member whose value ends here. */
static void
end_member(struct scan *s)
{
	struct jsontext_object *out = s->out;

	if (s->tainted || out->n == JSONTEXT_MEMBERS)
		return;
	s->member.value.n = (size_t)(s->p - s->member.value.p);
	out->member[out->n++] = s->member;
}

/* A comma or the closing bracket. */
static enum step
scan_after_value(struct scan *s)
{
	int c;

	if (s->depth == 0)
		return STEP_DONE;
	if (s->depth == 1 && s->levels->closer[0] == '}')
		end_member(s);
	c = next_token(s);
	if (c == s->levels->closer[s->depth - 1])
		return close_bracket(s);
	if (c != ',')
		return broken(s, s->p);
	s->p++;
	return s->levels->closer[s->depth - 1] == '}' ? scan_key(s) : STEP_VALUE;
}

static void
scan_text(struct scan *s)
{
	enum step step = STEP_VALUE;
	int c = next_token(s);

	if (c != '{' && c != END)
		fault(s, JSONTEXT_NOT_OBJECT, s->p);
	while (step == STEP_VALUE || step == STEP_AFTER_VALUE)
		step = step == STEP_VALUE ? scan_value(s) : scan_after_value(s);
	if (step == STEP_DONE && next_token(s) != END)
		(void)broken(s, s->p);
}

enum jsontext_status
jsontext_scan(struct span text, unsigned max_depth, struct jsontext_object *out, size_t *at)
{
	const char *begin = text.n > 0 ? text.p : "";
	struct levels levels;
	struct scan s = {.p = begin,
			 .end = begin + text.n,
			 .at = begin,
			 .max_depth = max_depth,
			 .levels = &levels,
			 .out = out};

	assert(max_depth <= JSONTEXT_DEPTH_MAX);
	out->n = 0;
	scan_text(&s);
	*at = (size_t)(s.at - begin);
	return s.status;
}

const char *
jsontext_describe(enum jsontext_status status)
{
	switch (status) {
	case JSONTEXT_OK: return "fine";
	case JSONTEXT_SYNTAX: return "not JSON";
	case JSONTEXT_NOT_OBJECT: return "not an object";
	case JSONTEXT_UTF8: return "malformed UTF-8 or a lone surrogate";
	case JSONTEXT_DUPLICATE: return "duplicate key";
	case JSONTEXT_DEPTH: return "nested too deep";
	case JSONTEXT_MEMBER_LIMIT: return "too many members in one object";
	}
	abort();
}

/* ---- reading what was judged ---- */

const struct jsontext_member *
jsontext_find_escaped(const struct jsontext_object *o, struct span key)
{
	for (const struct jsontext_member *m = o->member; m < o->member + o->n; m++)
		if (m->key_escaped && same_string(m->key, key))
			return m;
	return NULL;
}

int
jsontext_decode(struct span inner, struct buf *out)
{
	const char *p = inner.p, *end, *backslash;
	char *room, *to;

	if (inner.n == 0)
		return 0;
	end = p + inner.n;
	room = to = buf_reserve(out, inner.n);
	if (room == NULL)
		return -1;
	while ((backslash = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		to = mempcpy(to, p, (size_t)(backslash - p));
		p = backslash;
		while (p < end && *p == '\\')
			to = jsonchar_put(to, jsonchar_next_escape(&p, end));
	}
	to = mempcpy(to, p, (size_t)(end - p));
	buf_commit(out, (size_t)(to - room));
	return 0;
}

/* ---- writing ---- */

enum { QUOTED_MAX = 6 }; /* bytes of one character, at most: \u001f */

/* Takes the character at *p, which is not plain, and writes it escaped; returns the
 * bytes. */
static size_t
quote_char(const char **p, const char *end, char written[QUOTED_MAX])
{
	static const char hex[] = "0123456789abcdef";
	static const char meaning[] = "\b\f\n\r\t\"\\", name[] = "bfnrt\"\\";
	const char *start = (*p)++, *found;
	unsigned char c = (unsigned char)*start;
	size_t n;

	if (c >= 0x80) {
		n = jsonchar_utf8(start, end);
		if (n == 0)
			return (size_t)(jsonchar_put(written, JSONCHAR_REPLACEMENT) - written);
		memcpy(written, start, n);
		*p = start + n;
		return n;
	}
	found = memchr(meaning, c, sizeof meaning - 1);
	if (found != NULL) {
		written[0] = '\\';
		written[1] = name[found - meaning];
		return 2;
	}
	memcpy(written, "\\u00", 4);
	written[4] = hex[c >> 4];
	written[5] = hex[c & 15];
	return QUOTED_MAX;
}

/* Writes s as the inside of a JSON string; only counts if to is NULL. */
static size_t
quote_into(char *to, struct span s)
{
	const char *p = s.p, *end = s.p + s.n;
	char written[QUOTED_MAX];
	size_t total = 0;

	while (p < end) {
		const char *from = p;
		size_t n;

		p = jsonchar_skip_plain(p, end);
		n = (size_t)(p - from);
		if (n == 0) {
			n = quote_char(&p, end, written);
			from = written;
		}
		if (to != NULL)
			memcpy(to + total, from, n);
		total += n;
	}
	return total;
}

int
jsontext_quote(struct buf *out, struct span s)
{
	bool plain = s.n == 0 || jsonchar_skip_plain(s.p, s.p + s.n) == s.p + s.n;
	size_t n = plain ? s.n : quote_into(NULL, s);
	char *room = buf_reserve(out, n + 2);

	if (room == NULL)
		return -1;
	room[0] = '"';
	if (!plain)
		(void)quote_into(room + 1, s);
	else if (n > 0)
		memcpy(room + 1, s.p, n);
	room[n + 1] = '"';
	buf_commit(out, n + 2);
	return 0;
}
