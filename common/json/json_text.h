/* json_text.h - JSON as text: check it strictly, find members, decode and write strings.
 *
 * Strict RFC 8259: no comment, no single quotes, no NaN, no control character inside a
 * string, no leading zero; on top of it well-formed UTF-8 (RFC 3629), no lone surrogate,
 * no duplicate key in any object, and a bound on depth.  Works on bytes in memory and
 * allocates nothing but what is appended to a buf. */
#ifndef POLICYPOOL_JSON_TEXT_H
#define POLICYPOOL_JSON_TEXT_H

#include "buf.h"
#include "compiler.h"
#include "span.h"

enum {
	JSON_TEXT_MEMBERS = 64,	   /* of one object, on whatever level, at most */
	JSON_TEXT_DEPTH_MAX = 32,  /* max_depth, at most */
	JSON_TEXT_FOLLOWED = 16384 /* levels on which the brackets are still matched */
};

enum json_text_kind {
	JSON_TEXT_STRING,
	JSON_TEXT_NUMBER,
	JSON_TEXT_BOOL,
	JSON_TEXT_NULL,
	JSON_TEXT_OBJECT,
	JSON_TEXT_ARRAY
};

/* One "key": value.  The spans borrow from the scanned text. */
struct json_text_member {
	struct span key;   /* raw, without its quotes */
	struct span value; /* raw; a string keeps its quotes */
	enum json_text_kind kind;
	bool key_escaped;   /* key has a backslash: compare it decoded */
	bool value_escaped; /* a string value has a backslash */
};

struct json_text_object {
	size_t n;
	bool key_escaped; /* one of its keys is */
	struct json_text_member member[JSON_TEXT_MEMBERS];
};

enum json_text_status {
	JSON_TEXT_OK,
	JSON_TEXT_SYNTAX,      /* not JSON */
	JSON_TEXT_NOT_OBJECT,  /* JSON, but no object */
	JSON_TEXT_UTF8,	       /* malformed UTF-8 or a lone surrogate inside a string */
	JSON_TEXT_DUPLICATE,   /* a key stands twice in one object */
	JSON_TEXT_DEPTH,       /* nested deeper than max_depth; the root is depth 1 */
	JSON_TEXT_MEMBER_LIMIT /* more members in an object than JSON_TEXT_MEMBERS */
};

/* Judges text, which holds exactly one value with white space around it at most.  On OK
 * *out lists the object's members in their order; otherwise *at is the offset of the byte
 * that decided it, and *out lists those members that are whole and without a fault of
 * their own (of a key that stands twice, the first).
 *
 * When several faults are present the first in the text is reported, except that SYNTAX,
 * which says that the end of the object can't be trusted, wins over all others.  Only
 * brackets more than JSON_TEXT_FOLLOWED deep end the judging there and then: DEPTH,
 * whatever follows.
 *
 * Takes time in proportion to the text, also for a hostile one. */
MUST_CHECK enum json_text_status json_text_scan(struct span text, unsigned max_depth,
						struct json_text_object *out, size_t *at);

/* What went wrong, in a few words: "not JSON", "duplicate key", ... */
const char *json_text_describe(enum json_text_status);

/* The same among the members with an escape in their key. */
const struct json_text_member *json_text_find_escaped(const struct json_text_object *,
						      struct span key);

/* The member called key (compared decoded), or NULL.  key has no backslash.  Inline, for where key
 * is a literal its length is known. */
static inline const struct json_text_member *
json_text_find_span(const struct json_text_object *o, struct span key)
{
	for (const struct json_text_member *m = o->member; m < o->member + o->n; m++)
		if (span_eq(m->key, key))
			return m;
	return o->key_escaped ? json_text_find_escaped(o, key) : NULL;
}

static inline const struct json_text_member *
json_text_find(const struct json_text_object *o, const char *key)
{
	return json_text_find_span(o, span_str(key));
}

/* A string's content without its quotes, still escaped; any other kind's text as it
 * stands. */
static inline struct span
json_text_inner(const struct json_text_member *m)
{
	return m->kind == JSON_TEXT_STRING ? span_of(m->value.p + 1, m->value.n - 2) : m->value;
}

/* Appends the UTF-8 bytes that the escaped content of a (judged) string stands for, never
 * more than inner has; \u0000 is one NUL byte.  0, or -1 with ENOMEM, out as it was. */
MUST_CHECK int json_text_decode(struct span inner, struct buf *out);

/* Appends s as a JSON string with its quotes.  Control characters, quotes and backslashes
 * are escaped; each byte that is not UTF-8 becomes U+FFFD, so that the result is JSON
 * whatever s holds.  0, or -1 with ENOMEM and out as it was. */
MUST_CHECK int json_text_quote(struct buf *out, struct span s);

#endif
