/* jsontext.h - JSON as text: judge it, find members, decode and write strings.
 *
 * Strict RFC 8259: no comment, no single quotes, no NaN, no control character inside a
 * string, no leading zero; on top of it well-formed UTF-8 (RFC 3629), no lone surrogate,
 * no duplicate key in any object, and a bound on depth.  Works on bytes in memory and
 * allocates nothing but what is appended to a buf. */
#ifndef POLICYPOOL_JSONTEXT_H
#define POLICYPOOL_JSONTEXT_H

#include "attr.h"
#include "buf.h"
#include "span.h"

enum {
	JSONTEXT_MEMBERS = 64,	  /* of one object, on whatever level, at most */
	JSONTEXT_DEPTH_MAX = 32,  /* max_depth, at most */
	JSONTEXT_FOLLOWED = 16384 /* levels on which the brackets are still matched */
};

enum jsontext_kind {
	JSONTEXT_STRING,
	JSONTEXT_NUMBER,
	JSONTEXT_BOOL,
	JSONTEXT_NULL,
	JSONTEXT_OBJECT,
	JSONTEXT_ARRAY
};

/* One "key": value.  The spans borrow from the scanned text. */
struct jsontext_member {
	struct span key;   /* raw, without its quotes */
	struct span value; /* raw; a string keeps its quotes */
	enum jsontext_kind kind;
	bool key_escaped;   /* key has a backslash: compare it decoded */
	bool value_escaped; /* a string value has a backslash */
};

struct jsontext_object {
	size_t n;
	struct jsontext_member member[JSONTEXT_MEMBERS];
};

enum jsontext_status {
	JSONTEXT_OK,
	JSONTEXT_SYNTAX,      /* not JSON */
	JSONTEXT_NOT_OBJECT,  /* JSON, but no object */
	JSONTEXT_UTF8,	      /* malformed UTF-8 or a lone surrogate inside a string */
	JSONTEXT_DUPLICATE,   /* a key stands twice in one object */
	JSONTEXT_DEPTH,	      /* nested deeper than max_depth; the root is depth 1 */
	JSONTEXT_MEMBER_LIMIT /* more members in an object than JSONTEXT_MEMBERS */
};

/* Judges text, which holds exactly one value with white space around it at most.  On OK
 * *out lists the object's members in their order; otherwise *at is the offset of the byte
 * that decided it, and *out lists those members that are whole and without a fault of
 * their own (of a key that stands twice, the first).
 *
 * When several faults are present the first in the text is reported, except that SYNTAX,
 * which says that the end of the object can't be trusted, wins over all others.  Only
 * brackets more than JSONTEXT_FOLLOWED deep end the judging there and then: DEPTH,
 * whatever follows.
 *
 * Takes time in proportion to the text, whoever wrote it. */
MUST_CHECK enum jsontext_status jsontext_scan(struct span text, unsigned max_depth,
					      struct jsontext_object *out, size_t *at);

/* What went wrong, in a few words: "not JSON", "duplicate key", ... */
const char *jsontext_describe(enum jsontext_status);

/* The same among the members whose key has an escape. */
const struct jsontext_member *jsontext_find_escaped(const struct jsontext_object *,
						    struct span key);

/* The member called key (compared decoded), or NULL.  key has no backslash.  Inline, for where key
 * is a literal its length is known. */
static inline const struct jsontext_member *
jsontext_find_span(const struct jsontext_object *o, struct span key)
{
	for (const struct jsontext_member *m = o->member; m < o->member + o->n; m++)
		if (span_eq(m->key, key))
			return m;
	return jsontext_find_escaped(o, key);
}

static inline const struct jsontext_member *
jsontext_find(const struct jsontext_object *o, const char *key)
{
	return jsontext_find_span(o, span_str(key));
}

/* A string's content without its quotes, still escaped; any other kind's text as it
 * stands. */
static inline struct span
jsontext_inner(const struct jsontext_member *m)
{
	return m->kind == JSONTEXT_STRING ? span_of(m->value.p + 1, m->value.n - 2) : m->value;
}

/* Appends the UTF-8 bytes that the escaped content of a (judged) string stands for, never
 * more than inner has; \u0000 is one NUL byte.  0, or -1 with ENOMEM, out as it was. */
MUST_CHECK int jsontext_decode(struct span inner, struct buf *out);

/* Appends s as a JSON string with its quotes.  Control characters, quotes and backslashes
 * are escaped; each byte that is not UTF-8 becomes U+FFFD, so that the result is JSON
 * whatever s holds.  0, or -1 with ENOMEM and out as it was. */
MUST_CHECK int jsontext_quote(struct buf *out, struct span s);

#endif
