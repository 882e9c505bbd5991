/* json_text: random and damaged objects, against another reader of JSON. */
#include "json_text.h"

#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>

enum { DEPTH = 16 };

static struct json_text_object object;
static size_t at;

enum { ROUNDS = 200000, SEED = 20240607 };

static uint64_t state;

/* xorshift64*, below n. */
static size_t
below(size_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (size_t)((state * UINT64_C(2685821657736338717)) >> 33) % n;
}

#define ANY(table) (table)[below(sizeof(table) / sizeof(table)[0])]

static void
put(struct buf *b, const char *s)
{
	cr_assert_eq(buf_append_str(b, s), 0);
}

static void
random_string(struct buf *b)
{
	static const char *const pieces[] = {"a",
					     "0",
					     "payload",
					     "PP_1",
					     " ",
					     "'",
					     "/",
					     "a longer run of text",
					     "\\n",
					     "\\\"",
					     "\\\\",
					     "\\/",
					     "\\u0000",
					     "\\u00e9",
					     "\\uFFFF",
					     "\\ud834\\udd1e",
					     "\xc3\xa9",
					     "\xe2\x82\xac",
					     "\xf0\x9d\x84\x9e",
					     "\x7f"};

	for (size_t n = below(4); n > 0; n--)
		put(b, ANY(pieces));
}

static void random_value(struct buf *, int depth);

static void
random_object(struct buf *b, int depth)
{
	static const char *const keys[] = {"type",    "srcid", "privPoliId", "payload",
					   "\\u0061", "",      "\xc3\xa9"};
	static const char *const spaces[] = {"", "", "", " ", "\n", "\t \r"};
	size_t n = below(6);

	put(b, "{");
	for (size_t i = 0; i < n; i++) {
		put(b, ANY(spaces));
		put(b, i > 0 ? ",\"" : "\"");
		put(b, ANY(keys));
		cr_assert_eq(buf_printf(b, "%zu\"", i), 0);
		put(b, ANY(spaces));
		put(b, ":");
		put(b, ANY(spaces));
		random_value(b, depth + 1);
		put(b, ANY(spaces));
	}
	put(b, "}");
}

static void
random_array(struct buf *b, int depth)
{
	put(b, "[");
	for (size_t n = below(4), i = 0; i < n; i++) {
		if (i > 0)
			put(b, ",");
		random_value(b, depth + 1);
	}
	put(b, "]");
}

static void
random_value(struct buf *b, int depth)
{
	static const char *const scalars[] = {"0",
					      "-0",
					      "1",
					      "-1",
					      "2105",
					      "1.5",
					      "-0.25e-3",
					      "1E+2",
					      "123456789012345678901",
					      "9223372036854775807",
					      "1e5",
					      "true",
					      "false",
					      "null"};

	switch (below(depth < 6 ? 8 : 6)) {
	case 0:
	case 1: put(b, ANY(scalars)); break;
	case 6: random_object(b, depth); break;
	case 7: random_array(b, depth); break;
	default:
		put(b, "\"");
		random_string(b);
		put(b, "\"");
	}
}

static void
insert(struct buf *b, size_t where, const char *s)
{
	size_t n = strlen(s), len = buf_len(b);

	cr_assert_not_null(buf_reserve(b, n));
	memmove(b->base + where + n, b->base + where, len - where);
	memcpy(b->base + where, s, n);
	buf_commit(b, n);
}

static void
mutate(struct buf *b)
{
	static const char *const tokens[] = {"\"",
					     "\\",
					     "{",
					     "}",
					     "[",
					     "]",
					     ",",
					     ":",
					     "'",
					     "0",
					     "-",
					     ".",
					     "e",
					     "1.",
					     "-01",
					     "NaN",
					     "\\u",
					     "\x01",
					     "\n",
					     "/",
					     "#",
					     "nul",
					     "\"\"",
					     "\\u0000",
					     "+",
					     " ",
					     "\x80",
					     "\xc0\x80",
					     "\\ud800",
					     "\\udc00",
					     "\xed\xa0\x80",
					     "\"a\":1,"};
	size_t len = buf_len(b), where = below(len);

	switch (below(4)) {
	case 0: b->base[where] = (char)below(256); break;
	case 1:
		memmove(b->base + where, b->base + where + 1, len - where - 1);
		if (len > 1)
			b->tail--;
		break;
	default: insert(b, where, ANY(tokens));
	}
}

static json_object *
reference(struct span text)
{
	struct json_tokener *t = json_tokener_new_ex(64);
	json_object *o;

	cr_assert_not_null(t);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text.p, (int)text.n);
	if (json_tokener_get_error(t) != json_tokener_success) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return o;
}

/* json-c 0.16 takes an escaped U+1D800 to U+1DFFF, and what lies a multiple of 64 Ki
 * above, for a surrogate. */
static bool
json_c_misreads(struct span s)
{
	for (size_t i = 0; i + 4 <= s.n; i++) {
		const unsigned char *u = (const unsigned char *)s.p + i;

		if (u[0] >= 0xf0 && (u[1] & 0x0f) == 0x0d && (u[2] & 0xe0) == 0xa0)
			return true;
	}
	return false;
}

/* The member's raw text means what json-c found at its key. */
static bool
same_value(const struct json_text_member *m, json_object *theirs, struct buf *scratch)
{
	json_object *array;
	bool same;

	buf_clear(scratch);
	if (m->kind == JSON_TEXT_STRING) {
		cr_assert_eq(json_text_decode(json_text_inner(m), scratch), 0);
		return json_c_misreads(buf_span(scratch)) ||
		       span_eq(buf_span(scratch),
			       span_of(json_object_get_string(theirs),
				       (size_t)json_object_get_string_len(theirs)));
	}
	put(scratch, "[");
	cr_assert_eq(buf_append_span(scratch, m->value), 0);
	put(scratch, "]");
	array = reference(buf_span(scratch));
	same = array != NULL && json_object_array_length(array) == 1 &&
	       json_object_equal(json_object_array_get_idx(array, 0), theirs);
	json_object_put(array);
	return same;
}

/* json-c cuts keys at a NUL: those can't be looked up there. */
static bool
same_object(json_object *theirs, struct buf *key, struct buf *scratch)
{
	for (const struct json_text_member *m = object.member; m < object.member + object.n; m++) {
		json_object *value;

		buf_clear(key);
		cr_assert_eq(json_text_decode(m->key, key), 0);
		if (memchr(key->base, '\0', buf_len(key)) != NULL || json_c_misreads(buf_span(key)))
			continue;
		cr_assert_eq(buf_append(key, "", 1), 0);
		if (!json_object_object_get_ex(theirs, key->base, &value) ||
		    !same_value(m, value, scratch))
			return false;
	}
	return true;
}

Test(jsontext_random, whatever_is_accepted_json_c_accepts_and_reads_alike)
{
	struct buf b = BUF_INIT, key = BUF_INIT, scratch = BUF_INIT;
	int accepted = 0, mutated = 0;

	state = SEED;
	cr_assert_not_null(buf_reserve(&key, 1));
	for (int round = 0; round < ROUNDS; round++) {
		size_t mutations = below(4);
		json_object *theirs;
		char *exact;

		buf_clear(&b);
		random_object(&b, 1);
		for (size_t i = 0; i < mutations; i++)
			mutate(&b);
		exact = malloc(buf_len(&b));
		cr_assert_not_null(exact);
		memcpy(exact, b.base, buf_len(&b));
		if (json_text_scan(span_of(exact, buf_len(&b)), DEPTH, &object, &at) !=
		    JSON_TEXT_OK) {
			cr_assert_gt(mutations, 0, "seed %d round %d: %.*s", SEED, round,
				     SPAN_ARG(buf_span(&b)));
			free(exact);
			continue;
		}
		accepted++;
		mutated += mutations > 0;
		theirs = reference(span_of(exact, buf_len(&b)));
		cr_assert_not_null(theirs, "seed %d round %d: %.*s", SEED, round,
				   SPAN_ARG(buf_span(&b)));
		cr_assert(same_object(theirs, &key, &scratch), "seed %d round %d: %.*s", SEED,
			  round, SPAN_ARG(buf_span(&b)));
		json_object_put(theirs);
		free(exact);
	}
	cr_expect_gt(accepted, ROUNDS / 4);
	cr_expect_gt(mutated, ROUNDS / 20);
	buf_release(&b);
	buf_release(&key);
	buf_release(&scratch);
}
