/* json_fast: random and damaged packets, against json_text, which judges everything.  GLANCE_ROUNDS
 * in the environment asks for more of them. */
#include "json_fast.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

enum { DEPTH = 16, ROUNDS = 300000, SEED = 20261125 };

static struct json_text_object fast, slow;
static uint64_t state = SEED;

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
	static const char *const pieces[] = {
		"a",	"111",	   "PP_1",    "sixteen bytes .", "\\n",		 "\\\"",
		"\\\\", "\\u00e9", "\\u0000", "\xc3\xa9",	 "\xe2\x82\xac", "\xf0\x9d\x84\x9e",
		"{}",	",:"};

	put(b, "\"");
	for (size_t n = below(6); n > 0; n--)
		put(b, ANY(pieces));
	for (size_t n = below(8) == 0 ? below(200) : 0; n > 0; n--)
		put(b, "x");
	put(b, "\"");
}

static void
random_packet(struct buf *b)
{
	static const char *const keys[] = {"type",	 "srcid",  "privPoliId", "payloadsize",
					   "payload",	 "destid", "id",	 "privPolyId",
					   "listenport", "x",	   "\xc3\xa9",	 "\\u0061"};
	static const char *const spaces[] = {"", "", "", "", " ", "\n\t "};
	static const char *const scalars[] = {"0",    "-1",   "2105", "1.5",	  "1e5",
					      "true", "null", "[1]",  "{\"a\":1}"};
	size_t n = below(7);

	put(b, ANY(spaces));
	put(b, "{");
	for (size_t i = 0; i < n; i++) {
		put(b, i > 0 ? "," : "");
		put(b, ANY(spaces));
		cr_assert_eq(buf_printf(b, "\"%s\"%s:%s", ANY(keys), ANY(spaces), ANY(spaces)), 0);
		if (below(4) > 0)
			random_string(b);
		else
			put(b, ANY(scalars));
		put(b, ANY(spaces));
	}
	put(b, "}");
	put(b, ANY(spaces));
}

static void
mutate(struct buf *b)
{
	static const char tokens[] = "\"\\{}[],:0-.e'u \n\x01\x7f\x80\xc0\xed\xf5\xff";
	size_t len = buf_len(b), where = below(len);

	switch (below(3)) {
	case 0: b->base[where] = (char)below(256); break;
	case 1: b->base[where] = tokens[below(sizeof tokens)]; break;
	default: memmove(b->base + where, b->base + where + 1, len - where - 1); b->tail -= len > 1;
	}
}

static void
same_members(struct span text)
{
	cr_assert_eq(fast.n, slow.n, "%.*s", SPAN_ARG(text));
	for (size_t i = 0; i < slow.n; i++) {
		const struct json_text_member *f = &fast.member[i], *s = &slow.member[i];

		cr_assert(f->key.p == s->key.p && f->key.n == s->key.n &&
				  f->value.p == s->value.p && f->value.n == s->value.n &&
				  f->kind == s->kind && f->key_escaped == s->key_escaped &&
				  f->value_escaped == s->value_escaped,
			  "member %zu of %.*s", i, SPAN_ARG(text));
	}
}

/* Both read a copy that ends where memory does.  True if glance() took it. */
static bool
compare(struct span text)
{
	char *exact = malloc(text.n);
	size_t at;
	bool taken;

	cr_assert_not_null(exact);
	memcpy(exact, text.p, text.n);
	taken = glance(span_of(exact, text.n), &fast);
	if (taken) {
		cr_assert_eq(json_text_scan(span_of(exact, text.n), DEPTH, &slow, &at),
			     JSON_TEXT_OK, "taken in spite of byte %zu: %.*s", at, SPAN_ARG(text));
		same_members(span_of(exact, text.n));
	}
	free(exact);
	return taken;
}

Test(glance, what_it_takes_its_twin_takes_with_the_same_members)
{
	const char *more = getenv("GLANCE_ROUNDS");
	long rounds = more != NULL ? atol(more) : ROUNDS, taken = 0, mutated = 0;
	struct buf b = BUF_INIT;

	for (long round = 0; round < rounds; round++) {
		size_t mutations = below(3);

		buf_clear(&b);
		random_packet(&b);
		for (size_t i = 0; i < mutations; i++)
			mutate(&b);
		if (compare(buf_span(&b))) {
			taken++;
			mutated += mutations > 0;
		}
	}
	cr_expect_gt(taken, rounds / 10);
	cr_expect_gt(mutated, rounds / 50);
	buf_release(&b);
}

Test(glance, the_usual_packets_are_taken)
{
	static const char *const usual[] = {
		"{\"type\":\"0\",\"srcid\":\"1\",\"privPoliId\":\"111\",\"payload\":\"hello\"}",
		"{\"type\": 0, \"srcid\": 1, \"privPoliId\": 111, \"payloadsize\": 5, \"payload\": \"hello\"}",
		"{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"1\",\"payloadsize\":40,\"payload\":\"\\n\xc3\xa9\"}",
	};

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		cr_expect(compare(span_str(usual[i])), "%s", usual[i]);
}

Test(glance, what_is_unusual_is_left_to_the_twin)
{
	static const char *const unusual[] = {
		"{}",
		"",
		" ",
		"[]",
		"{\"a\":1,}",
		"{\"a\":[]}",
		"{\"a\":01}",
		"{\"a\":1.0}",
		"{\"a\":true}",
		"{\"\\u0061\":1}",
		"{\"a\":1,\"a\":1}",
		"{\"a\":-}",
		"{\"a\":\"",
		"{\"a\":1}x",
		"{\"a\"}",
		"{\"a\":\"\\ud800\"}",
		"{",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\xff\"}",
		"{\"a\":1",
		"{,}",
	};

	for (size_t i = 0; i < sizeof unusual / sizeof *unusual; i++)
		cr_expect(!glance(span_str(unusual[i]), &fast), "%s", unusual[i]);
}

Test(glance, as_many_members_as_there_is_room_for)
{
	struct buf b = BUF_INIT;

	put(&b, "{\"k0\":0");
	for (int i = 1; i < JSON_FAST_MEMBERS; i++)
		cr_assert_eq(buf_printf(&b, ",\"k%d\":%d", i, i), 0);
	put(&b, "}");
	cr_expect(compare(buf_span(&b)));
	b.tail--;
	put(&b, ",\"more\":1}");
	cr_expect(!compare(buf_span(&b)));
	buf_release(&b);
}
