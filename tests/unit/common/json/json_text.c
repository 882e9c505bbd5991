/* json_text: what is JSON and what is not, where its first fault stands, and that judging takes
 * no longer for anything. */
#include "json_text_fixture.h"

/* ---- judging ---- */

Test(json_text, accepts_what_rfc_8259_allows)
{
	static const char *const texts[] = {
		"{}",
		" \t\r\n{ \t\r\n} \t\r\n",
		"{\"\":0}",
		"{\"a\":0,\"b\":-0,\"c\":-1,\"d\":10,\"e\":1234567890123456789012345678901234567890}",
		"{\"a\":0.0,\"b\":-0.10,\"c\":1e1,\"d\":1E+01,\"e\":1.5e-300,\"f\":0e0,\"g\":1e999}",
		"{\"a\":true,\"b\":false,\"c\":null}",
		"{ \"a\" : [ ] , \"b\" : [ 1 , \"2\" , [ 3 ] , { \"c\" : { } } ] }",
		"{\"a\":\"\",\"b\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\\uabCD\"}",
		"{\"a\":\"\x7f \x20!#[]~\"}",
		"{\"a\":\"'//*{}[],:\"}",
		"{\"a\":\"\\ud834\\udd1e\",\"b\":\"\\uDBFF\\uDFFF\\uD800\\uDC00\"}",
		"{\"a\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"}",
		"{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xe2\x80\xa8\"}",
		"{\"\xc3\xa9\":1,\"\\u00e8\":2}",
		"{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}",
		"{\"a\":1,\"A\":2,\"a \":3,\"a\\u0000\":4,\"\\u0000\":5,\"aa\":6}",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		cr_expect_eq(scan(texts[i]), JSON_TEXT_OK, "%s: at %zu", texts[i], at);
}

/* Each text with the byte that decides. */
static const struct {
	const char *text;
	size_t at;
} not_json[] = {
	{"", 0},
	{" \n", 2},
	{"{", 1},
	{"}", 0},
	{"]", 0},
	{"{]", 1},
	{"{\"a\":[}", 6},
	{"{\"a\":[1}", 7},
	{"{\"a\":{]}", 6},
	{"{\"a\":{\"b\":1]}", 11},
	{"{}}", 2},
	{"{}{}", 2},
	{"{},", 2},
	{"{} x", 3},
	{"\xef\xbb\xbf{}", 0},
	{"{,}", 1},
	{"{\"a\"}", 4},
	{"{\"a\":}", 5},
	{"{\"a\" 1}", 5},
	{"{\"a\":1,}", 7},
	{"{\"a\":1,,\"b\":2}", 7},
	{"{\"a\":1 \"b\":2}", 7},
	{"{\"a\"::1}", 5},
	{"{\"a\":1", 6},
	{"{\"a\":\"b", 7},
	{"{\"a\":\"b\\", 7},
	{"{\"a\":\"b\\\"}", 10},
	{"{\"a\":[1,]}", 8},
	{"{\"a\":[,1]}", 6},
	{"{\"a\":[1 2]}", 8},
	{"{a:1}", 1},
	{"{1:1}", 1},
	{"{null:1}", 1},
	{"{'a':1}", 1},
	{"{\"a\":'b'}", 5},
	{"{\"a\":b}", 5},
	{"{\"a\":/**/1}", 5},
	{"{\"a\":1//\n}", 6},
	{"{\"a\":1\f}", 6},
	{"{\"a\":1\v}", 6},
	{"{\"a\":\xc2\xa0"
	 "1}",
	 5},
	{"{\"a\":NaN}", 5},
	{"{\"a\":nan}", 6},
	{"{\"a\":Infinity}", 5},
	{"{\"a\":-Infinity}", 6},
	{"{\"a\":True}", 5},
	{"{\"a\":TRUE}", 5},
	{"{\"a\":tru}", 8},
	{"{\"a\":truth}", 8},
	{"{\"a\":nul", 8},
	{"{\"a\":nulll}", 9},
	{"{\"a\":falsee}", 10},
	{"{\"a\":+1}", 5},
	{"{\"a\":-}", 6},
	{"{\"a\":--1}", 6},
	{"{\"a\":- 1}", 6},
	{"{\"a\":01}", 6},
	{"{\"a\":-01}", 7},
	{"{\"a\":00}", 6},
	{"{\"a\":.5}", 5},
	{"{\"a\":1.}", 7},
	{"{\"a\":1.e1}", 7},
	{"{\"a\":1e}", 7},
	{"{\"a\":1e+}", 8},
	{"{\"a\":1e1.5}", 8},
	{"{\"a\":1ee1}", 7},
	{"{\"a\":0x10}", 6},
	{"{\"a\":1_000}", 6},
	{"{\"a\":1", 6},
	{"{\"a\":\"\n\"}", 6},
	{"{\"a\":\"\t\"}", 6},
	{"{\"a\":\"12345678\x1f\"}", 14},
	{"{\"a\n\":1}", 3},
	{"{\"a\":\"\\x41\"}", 6},
	{"{\"a\":\"\\'\"}", 6},
	{"{\"a\":\"\\N\"}", 6},
	{"{\"a\":\"\\U0041\"}", 6},
	{"{\"a\":\"\\u\"}", 6},
	{"{\"a\":\"\\u004\"}", 6},
	{"{\"a\":\"\\u00g0\"}", 6},
	{"{\"a\":\"\\u+041\"}", 6},
	{"{\"a\":\"\\u00", 6},
	{"{\"a\":\"\\ud834\\u00\"}", 12},
	{"{\"a\":\"\\\n\"}", 6},
	{"\"", 1},
	{"-", 1},
	{"[", 1},
	{"[1", 2},
	{"nul", 3},
	{"{\"a\":\x80}", 5},
};

Test(json_text, refuses_what_rfc_8259_does_not_allow)
{
	for (size_t i = 0; i < sizeof not_json / sizeof not_json[0]; i++) {
		const char *text = not_json[i].text;

		cr_expect_eq(scan(text), JSON_TEXT_SYNTAX, "row %zu: %s", i, text);
		cr_expect_eq(at, not_json[i].at, "row %zu: %s: at %zu, not %zu", i, text, at,
			     not_json[i].at);
	}
}

Test(json_text, a_nul_byte_is_no_white_space_and_no_end)
{
	cr_expect_eq(json_text_scan(exactly("{}\0", 3), DEPTH, &object, &at), JSON_TEXT_SYNTAX);
	cr_expect_eq(at, 2);
	cr_expect_eq(json_text_scan(exactly("{\"a\":\"\0\"}", 9), DEPTH, &object, &at),
		     JSON_TEXT_SYNTAX);
	cr_expect_eq(at, 6);
	cr_expect_eq(json_text_scan(exactly("{\"a\":\"\\\0\"}", 10), DEPTH, &object, &at),
		     JSON_TEXT_SYNTAX);
	cr_expect_eq(at, 6);
}

Test(json_text, an_empty_span_without_memory_is_not_json)
{
	cr_expect_eq(json_text_scan(span_of(NULL, 0), DEPTH, &object, &at), JSON_TEXT_SYNTAX);
	cr_expect_eq(at, 0);
	cr_expect_eq(object.n, 0);
}

Test(json_text, every_beginning_of_a_packet_is_not_json)
{
	const char
		*text = "{\"type\":\"0\",\"n\":-1.5e+3,\"a\":[true,{\"b\":null}],\"payload\":\"x\\"
			"u00e9\\ud834\\udd1e\xc3\xa9\\n\"}";

	for (size_t n = 0; n < strlen(text); n++)
		cr_expect_eq(json_text_scan(exactly(text, n), DEPTH, &object, &at),
			     JSON_TEXT_SYNTAX, "%zu bytes", n);
	cr_expect_eq(scan(text), JSON_TEXT_OK);
}

Test(json_text, json_that_is_no_object_is_told_apart)
{
	static const char *const texts[] = {
		"[]",	      " [1,{\"a\":1,\"a\":2}]", "1", "-1.5e3", "\"a\"", "true", "null",
		"\"\\ud800\""};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_expect_eq(scan(texts[i]), JSON_TEXT_NOT_OBJECT, "%s", texts[i]);
		cr_expect_eq(at, texts[i][0] == ' ' ? 1 : 0);
		cr_expect_eq(object.n, 0);
	}
}

Test(json_text, malformed_utf8_is_found_where_it_stands)
{
	static const char *const inside[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc3",
		"\xc3(",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xe2\x82",
		"\xe2\x28\xa1",
		"\xe2\x82\x28",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80",
		"\xf0\x90\x28\x80",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xfe",
		"\xff",
		"\\ud800",
		"\\udbff",
		"\\udc00",
		"\\udfff",
		"\\ud800\\u0041",
		"\\ud800\\ud800",
		"\\ud800 \\udc00",
		"\\udc00\\ud800",
		"\\ud800\\n",
	};
	char text[64];

	for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
		(void)snprintf(text, sizeof text, "{\"a\":\"%s\"}", inside[i]);
		cr_expect_eq(scan(text), JSON_TEXT_UTF8, "value %zu", i);
		cr_expect_eq(at, 6, "value %zu: at %zu", i, at);
		(void)snprintf(text, sizeof text, "{\"b\":[{\"%s\":1}]}", inside[i]);
		cr_expect_eq(scan(text), JSON_TEXT_UTF8, "key %zu", i);
		cr_expect_eq(at, 8, "key %zu: at %zu", i, at);
	}
}

Test(json_text, a_malformed_character_does_not_swallow_the_quote_behind_it)
{
	cr_expect_eq(scan("{\"a\":\"\xe2\",\"b\":1}"), JSON_TEXT_UTF8);
	cr_expect_eq(object.n, 1);
	cr_expect(span_eq_str(object.member[0].key, "b"));
}

Test(json_text, a_key_that_stands_twice_is_found_however_it_is_written)
{
	static const struct {
		const char *text;
		size_t at;
	} rows[] = {
		{"{\"a\":1,\"a\":1}", 7},
		{"{\"\":1,\"\":1}", 6},
		{"{\"a\":1,\"b\":2,\"c\":3,\"b\":2}", 19},
		{"{\"a\":1,\"\\u0061\":1}", 7},
		{"{\"\\u0061\":1,\"a\":1}", 12},
		{"{\"\\u00e9\":1,\"\xc3\xa9\":1}", 12},
		{"{\"\xf0\x9d\x84\x9e\":1,\"\\uD834\\udd1E\":1}", 10},
		{"{\"\\/\":1,\"/\":1}", 8},
		{"{\"\\n\":1,\"\\u000A\":1}", 8},
		{"{\"a\\u0000b\":1,\"a\\u0000b\":1}", 14},
		{"{\"x\":{\"a\":1,\"a\":1}}", 12},
		{"{\"x\":[[{\"a\":1},{\"b\":{},\"b\":1}]]}", 23},
		{"{\"a\":{\"b\":{\"a\":1}},\"b\":1,\"a\":1}", 25},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_expect_eq(scan(rows[i].text), JSON_TEXT_DUPLICATE, "%s", rows[i].text);
		cr_expect_eq(at, rows[i].at, "%s: at %zu", rows[i].text, at);
	}
}

/* {"x":[[...]]} with that many levels in all, the object included. */
static void
nest(struct buf *b, size_t levels, const char *inside)
{
	cr_assert_eq(buf_append_str(b, "{\"x\":"), 0);
	for (size_t i = 1; i < levels; i++)
		cr_assert_eq(buf_append_str(b, "["), 0);
	cr_assert_eq(buf_append_str(b, inside), 0);
	for (size_t i = 1; i < levels; i++)
		cr_assert_eq(buf_append_str(b, "]"), 0);
	cr_assert_eq(buf_append_str(b, "}"), 0);
}

static enum json_text_status
scan_nested(size_t levels, unsigned max_depth, const char *inside)
{
	struct buf b = BUF_INIT;
	enum json_text_status status;

	nest(&b, levels, inside);
	status = json_text_scan(exactly(b.base, b.tail), max_depth, &object, &at);
	buf_release(&b);
	return status;
}

Test(json_text, max_depth_is_the_deepest_that_is_allowed)
{
	for (unsigned max = 1; max <= JSON_TEXT_DEPTH_MAX; max++) {
		cr_expect_eq(scan_nested(max, max, "1"), JSON_TEXT_OK);
		cr_expect_eq(scan_nested(max + 1, max, "1"), JSON_TEXT_DEPTH);
		cr_expect_eq(at, 5 + max - 1);
	}
	cr_expect_eq(json_text_scan(span_str("{}"), 0, &object, &at), JSON_TEXT_DEPTH);
}

Test(json_text, below_max_depth_syntax_is_still_judged)
{
	cr_expect_eq(scan_nested(10000, DEPTH, "1"), JSON_TEXT_DEPTH);
	cr_expect_eq(at, 5 + DEPTH - 1);
	cr_expect_eq(scan_nested(10000, DEPTH, "01"), JSON_TEXT_SYNTAX);
	cr_expect_eq(at, 5 + 9999 + 1);
	cr_expect_eq(scan_nested(10000, DEPTH, "}"), JSON_TEXT_SYNTAX);
	cr_expect_eq(at, 5 + 9999);
	cr_expect_eq(scan_nested(10000, DEPTH, "{\"a\":1,\"a\":2}"), JSON_TEXT_DEPTH);
}

Test(json_text, brackets_are_matched_to_a_bound_and_no_further)
{
	cr_expect_eq(scan_nested(JSON_TEXT_FOLLOWED, DEPTH, "01"), JSON_TEXT_SYNTAX);
	cr_expect_eq(scan_nested(JSON_TEXT_FOLLOWED, DEPTH, "[01]"), JSON_TEXT_DEPTH);
	cr_expect_eq(at, 5 + DEPTH - 1);
	cr_expect_eq(scan_nested(1 << 20, DEPTH, "1"), JSON_TEXT_DEPTH);
}

/* An object with that many members "0", "1", ... */
static void
many(struct buf *b, size_t members)
{
	for (size_t i = 0; i < members; i++)
		cr_assert_eq(buf_printf(b, "%s\"%zu\":%zu", i > 0 ? "," : "{", i, i), 0);
	cr_assert_eq(buf_append_str(b, "}"), 0);
}

Test(json_text, an_object_has_as_many_members_as_the_limit_says)
{
	struct buf b = BUF_INIT;

	many(&b, JSON_TEXT_MEMBERS);
	cr_expect_eq(json_text_scan(buf_span(&b), DEPTH, &object, &at), JSON_TEXT_OK);
	cr_expect_eq(object.n, JSON_TEXT_MEMBERS);
	cr_expect(span_eq_str(find("63")->value, "63"));
	buf_clear(&b);
	many(&b, JSON_TEXT_MEMBERS + 2);
	cr_expect_eq(json_text_scan(buf_span(&b), DEPTH, &object, &at), JSON_TEXT_MEMBER_LIMIT);
	cr_expect_eq(buf_span(&b).p[at + 1], '6');
	cr_expect_eq(buf_span(&b).p[at + 2], '4');
	cr_expect_eq(object.n, JSON_TEXT_MEMBERS);
	buf_release(&b);
}

Test(json_text, the_limit_holds_for_inner_objects_and_each_counts_alone)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "{\"a\":["), 0);
	for (int i = 0; i < 100; i++) {
		many(&b, JSON_TEXT_MEMBERS);
		cr_assert_eq(buf_append_str(&b, ","), 0);
	}
	cr_assert_eq(buf_append_str(&b, "1],\"b\":"), 0);
	many(&b, JSON_TEXT_MEMBERS);
	cr_assert_eq(buf_append_str(&b, "}"), 0);
	cr_expect_eq(json_text_scan(buf_span(&b), DEPTH, &object, &at), JSON_TEXT_OK);
	buf_clear(&b);
	cr_assert_eq(buf_append_str(&b, "{\"a\":"), 0);
	many(&b, JSON_TEXT_MEMBERS + 1);
	cr_assert_eq(buf_append_str(&b, "}"), 0);
	cr_expect_eq(json_text_scan(buf_span(&b), DEPTH, &object, &at), JSON_TEXT_MEMBER_LIMIT);
	buf_release(&b);
}

Test(json_text, full_objects_fit_on_every_level)
{
	struct buf b = BUF_INIT;

	for (int level = 1; level <= JSON_TEXT_DEPTH_MAX; level++) {
		many(&b, JSON_TEXT_MEMBERS);
		b.tail -= 3; /* the last member is the next level */
		cr_assert_eq(buf_append_str(&b, level < JSON_TEXT_DEPTH_MAX ? "" : "1"), 0);
	}
	for (int level = 1; level <= JSON_TEXT_DEPTH_MAX; level++)
		cr_assert_eq(buf_append_str(&b, "}"), 0);
	cr_expect_eq(json_text_scan(buf_span(&b), JSON_TEXT_DEPTH_MAX, &object, &at), JSON_TEXT_OK,
		     "at %zu", at);
	buf_release(&b);
}

Test(json_text, the_first_fault_counts_but_syntax_wins)
{
	cr_expect_eq(scan("{\"a\":\"\xff\",\"a\":1}"), JSON_TEXT_UTF8);
	cr_expect_eq(scan("{\"a\":1,\"a\":\"\xff\"}"), JSON_TEXT_DUPLICATE);
	cr_expect_eq(scan("{\"a\":1,\"a\":1,\"b\":\"\xff\"}"), JSON_TEXT_DUPLICATE);
	cr_expect_eq(scan("[\"\xff\"]"), JSON_TEXT_NOT_OBJECT);
	cr_expect_eq(scan("{\"a\":\"\xff\",\"a\":1"), JSON_TEXT_SYNTAX);
	cr_expect_eq(scan("{\"a\":1,\"a\":1} x"), JSON_TEXT_SYNTAX);
	cr_expect_eq(scan("[1,]"), JSON_TEXT_SYNTAX);
}

Test(json_text, members_without_a_fault_are_listed_all_the_same)
{
	cr_expect_eq(
		scan("{\"a\":1,\"b\":\"\xff\",\"a\":2,\"\xff\":3,\"c\":[\"\\ud800\"],\"d\":4}"),
		JSON_TEXT_UTF8);
	cr_expect_eq(object.n, 3);
	cr_expect(span_eq_str(find("a")->value, "1"));
	cr_expect(span_eq_str(find("d")->value, "4"));
	cr_expect_eq(scan("{\"a\":1,\"a\":2,\"b\":3}"), JSON_TEXT_DUPLICATE);
	cr_expect_eq(object.n, 2);
	cr_expect(span_eq_str(find("a")->value, "1"));
	cr_expect_eq(scan_nested(20, DEPTH, "1"), JSON_TEXT_DEPTH);
	cr_expect_eq(object.n, 0);
	cr_expect_eq(scan("{\"a\":1,\"b\":2,\"c\":x}"), JSON_TEXT_SYNTAX);
	cr_expect_eq(object.n, 2);
}

/* ---- failures and cost ---- */

/* A megabyte of what begins, repeats and ends so. */
static void
megabyte(struct buf *b, const char *begin, const char *again, const char *end)
{
	buf_clear(b);
	cr_assert_eq(buf_append_str(b, begin), 0);
	while (buf_len(b) < 1 << 20)
		cr_assert_eq(buf_append_str(b, again), 0);
	cr_assert_eq(buf_append_str(b, end), 0);
}

static void
expect_quick(struct buf *b, enum json_text_status want, const char *what)
{
	clock_t start = clock();

	cr_expect_eq(json_text_scan(buf_span(b), DEPTH, &object, &at), want, "%s", what);
	cr_expect_lt((double)(clock() - start) / CLOCKS_PER_SEC, 1.0, "%s", what);
}

Test(json_text, a_megabyte_of_anything_is_judged_quickly)
{
	struct buf b = BUF_INIT, full = BUF_INIT;

	megabyte(&b, "{\"a\":\"", "0123456789abcdef", "\"}");
	expect_quick(&b, JSON_TEXT_OK, "a long string");
	megabyte(&b, "{\"a\":\"", "\\u00e9", "\"}");
	expect_quick(&b, JSON_TEXT_OK, "escapes");
	megabyte(&b, "{\"a\":[", "[],", "[]]}");
	expect_quick(&b, JSON_TEXT_OK, "arrays");
	many(&full, JSON_TEXT_MEMBERS);
	cr_assert_eq(buf_append(&full, ",", 2), 0);
	megabyte(&b, "{\"a\":[", full.base, "1]}");
	expect_quick(&b, JSON_TEXT_OK, "full objects");
	megabyte(&b, "{\"a\":[", "{\"", "");
	expect_quick(&b, JSON_TEXT_SYNTAX, "half keys");
	megabyte(&b, "{\"a\":", "[", "");
	expect_quick(&b, JSON_TEXT_DEPTH, "opening brackets");
	megabyte(&b, "{", "\"\\u0061\":1,", "\"b\":1}");
	expect_quick(&b, JSON_TEXT_DUPLICATE, "one key");
	buf_clear(&b);
	many(&b, 100000);
	expect_quick(&b, JSON_TEXT_MEMBER_LIMIT, "many keys");
	buf_release(&b);
	buf_release(&full);
}
