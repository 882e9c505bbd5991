/* json_text.c - see json_text.h.
 *
 * One pass and no recursion.  Each open level is known by the bracket that will close it;
 * the keys of all open objects stand on one stack, from which a closing bracket takes its
 * own. */
#include "json_text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "json_string.h"

enum { END = -1 }; /* of the text, where a byte is asked for */

/* A key of an object that is still open.  The hash is of its characters, decoded. */
struct key {
	struct span text;
	uint32_t hash;
};

/* 64 KiB of which a packet touches little, so it is never cleared. */
struct levels {
	uint16_t first[JSON_TEXT_DEPTH_MAX]; /* level -> its first key */
	struct key key[JSON_TEXT_DEPTH_MAX * JSON_TEXT_MEMBERS];
	char closer[JSON_TEXT_FOLLOWED]; /* level -> the bracket that closes it */
};

struct scan {
	const char *p, *end;
	enum json_text_status status;
	const char *at; /* what decided status */
	unsigned depth, max_depth;
	struct levels *levels;
	size_t keys;			/* on the stack of keys; meaningless after a fault */
	bool tainted;			/* a fault lies in the top-level member being read */
	struct json_text_member member; /* the top-level member being read */
	struct json_text_object *out;
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
		hash = (hash ^ json_string_next(&p, end)) * 16777619;
	return hash;
}

static bool
same_string(struct span a, struct span b)
{
	const char *p = a.p, *q = b.p;

	if (span_eq(a, b))
		return true;
	while (p < a.p + a.n && q < b.p + b.n)
		if (json_string_next(&p, a.p + a.n) != json_string_next(&q, b.p + b.n))
			return false;
	return p == a.p + a.n && q == b.p + b.n;
}

/* ---- judging ---- */

static enum step
broken(struct scan *s, const char *at)
{
	s->status = JSON_TEXT_SYNTAX;
	s->at = at;
	return STEP_BROKEN;
}

/* Notes a fault that leaves the text readable; the first one counts. */
static void
fault(struct scan *s, enum json_text_status status, const char *at)
{
	s->tainted = true;
	if (s->status == JSON_TEXT_OK) {
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
	size_t n = json_string_escape(p, s->end, &c);

	if (n == 0) {
		broken(s, p);
		return NULL;
	}
	if (json_string_is_surrogate(c))
		fault(s, JSON_TEXT_UTF8, p);
	return p + n;
}

/* The characters beyond ASCII at p. */
static const char *
skip_utf8(struct scan *s, const char *p)
{
	while (p < s->end && (unsigned char)*p >= 0x80) {
		size_t n = json_string_utf8(p, s->end);

		if (n == 0)
			fault(s, JSON_TEXT_UTF8, p);
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
		p = json_string_skip_plain(p, s->end);
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

	if (last - first == JSON_TEXT_MEMBERS) {
		fault(s, JSON_TEXT_MEMBER_LIMIT, text.p - 1);
		return;
	}
	for (struct key *k = first; k < last; k++)
		if (k->hash == hash && same_string(k->text, text)) {
			fault(s, JSON_TEXT_DUPLICATE, text.p - 1);
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
	if (s->status == JSON_TEXT_OK)
		enter_key(s, text);
	if (s->depth == 1)
		s->member = (struct json_text_member){.key = text, .key_escaped = escaped};
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
		fault(s, JSON_TEXT_DEPTH, s->p);
	else
		s->levels->first[s->depth] = (uint16_t)s->keys;
	if (s->depth == JSON_TEXT_FOLLOWED)
		return STEP_TOO_DEEP;
	s->levels->closer[s->depth++] = closer;
	s->p++;
	if (next_token(s) == closer)
		return close_bracket(s);
	return closer == '}' ? scan_key(s) : STEP_VALUE;
}

static enum json_text_kind
kind_of(int first_byte)
{
	switch (first_byte) {
	case '"': return JSON_TEXT_STRING;
	case '{': return JSON_TEXT_OBJECT;
	case '[': return JSON_TEXT_ARRAY;
	case 't':
	case 'f': return JSON_TEXT_BOOL;
	case 'n': return JSON_TEXT_NULL;
	default: return JSON_TEXT_NUMBER;
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

/* Lists the member with the value that ends here. */
static void
end_member(struct scan *s)
{
	struct json_text_object *out = s->out;

	if (s->tainted || out->n == JSON_TEXT_MEMBERS)
		return;
	s->member.value.n = (size_t)(s->p - s->member.value.p);
	out->member[out->n++] = s->member;
	out->key_escaped = out->key_escaped || s->member.key_escaped;
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
		fault(s, JSON_TEXT_NOT_OBJECT, s->p);
	while (step == STEP_VALUE || step == STEP_AFTER_VALUE)
		step = step == STEP_VALUE ? scan_value(s) : scan_after_value(s);
	if (step == STEP_DONE && next_token(s) != END)
		(void)broken(s, s->p);
}

enum json_text_status
json_text_scan(struct span text, unsigned max_depth, struct json_text_object *out, size_t *at)
{
	const char *begin = text.n > 0 ? text.p : "";
	struct levels levels;
	struct scan s = {.p = begin,
			 .end = begin + text.n,
			 .at = begin,
			 .max_depth = max_depth,
			 .levels = &levels,
			 .out = out};

	assert(max_depth <= JSON_TEXT_DEPTH_MAX);
	out->n = 0;
	out->key_escaped = false;
	scan_text(&s);
	*at = (size_t)(s.at - begin);
	return s.status;
}

const char *
json_text_describe(enum json_text_status status)
{
	switch (status) {
	case JSON_TEXT_OK: return "fine";
	case JSON_TEXT_SYNTAX: return "not JSON";
	case JSON_TEXT_NOT_OBJECT: return "not an object";
	case JSON_TEXT_UTF8: return "malformed UTF-8 or a lone surrogate";
	case JSON_TEXT_DUPLICATE: return "duplicate key";
	case JSON_TEXT_DEPTH: return "nested too deep";
	case JSON_TEXT_MEMBER_LIMIT: return "too many members in one object";
	}
	abort();
}

/* ---- reading what was judged ---- */

const struct json_text_member *
json_text_find_escaped(const struct json_text_object *o, struct span key)
{
	for (const struct json_text_member *m = o->member; m < o->member + o->n; m++)
		if (m->key_escaped && same_string(m->key, key))
			return m;
	return NULL;
}

int
json_text_decode(struct span inner, struct buf *out)
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
			to = json_string_put(to, json_string_next_escape(&p, end));
	}
	to = mempcpy(to, p, (size_t)(end - p));
	buf_commit(out, (size_t)(to - room));
	return 0;
}
