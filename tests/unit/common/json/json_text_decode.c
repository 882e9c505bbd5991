/* json_text_decode: members are found and decoded, and strings quoted. */
#include "json_text_fixture.h"

/* ---- members ---- */

Test(json_text_decode, members_come_in_order_with_their_spans_and_kinds)
{
	static const struct {
		const char *key, *value;
		enum json_text_kind kind;
		bool key_escaped, value_escaped;
	} want[] = {
		{"s", "\"x y\"", JSON_TEXT_STRING, false, false},
		{"e", "\"\\n\"", JSON_TEXT_STRING, false, true},
		{"n", "-1.5e3", JSON_TEXT_NUMBER, false, false},
		{"t", "true", JSON_TEXT_BOOL, false, false},
		{"f", "false", JSON_TEXT_BOOL, false, false},
		{"z", "null", JSON_TEXT_NULL, false, false},
		{"o", "{ \"a\" : \"\\n\" }", JSON_TEXT_OBJECT, false, false},
		{"k\\u0061", "[ 1, \"\\n\" ]", JSON_TEXT_ARRAY, true, false},
		{"", "{}", JSON_TEXT_OBJECT, false, false},
	};

	cr_assert_eq(scan(" { \"s\" : \"x y\" , \"e\":\"\\n\",\"n\": -1.5e3 ,\"t\":true,"
			  "\"f\":false,\"z\":null , \"o\" : { \"a\" : \"\\n\" } ,"
			  "\"k\\u0061\":[ 1, \"\\n\" ] ,\"\":{} } "),
		     JSON_TEXT_OK);
	cr_assert_eq(object.n, sizeof want / sizeof want[0]);
	for (size_t i = 0; i < object.n; i++) {
		const struct json_text_member *m = &object.member[i];

		cr_expect(span_eq_str(m->key, want[i].key), "key %zu", i);
		cr_expect(span_eq_str(m->value, want[i].value), "value %zu", i);
		cr_expect_eq(m->kind, want[i].kind, "kind %zu", i);
		cr_expect_eq(m->key_escaped, want[i].key_escaped, "key_escaped %zu", i);
		cr_expect_eq(m->value_escaped, want[i].value_escaped, "value_escaped %zu", i);
	}
}

Test(json_text_decode, a_member_is_found_by_its_decoded_key)
{
	cr_assert_eq(scan("{\"\\u0061b\":1,\"type\\u0000\":2,\"\\u00e9\":3,\"\":4,\"abc\":5}"),
		     JSON_TEXT_OK);
	cr_expect(span_eq_str(find("ab")->value, "1"));
	cr_expect(span_eq_str(find("\xc3\xa9")->value, "3"));
	cr_expect(span_eq_str(find("")->value, "4"));
	cr_expect(span_eq_str(find("abc")->value, "5"));
	cr_expect_null(json_text_find(&object, "type"));
	cr_expect_null(json_text_find(&object, "a"));
	cr_expect_null(json_text_find(&object, "abcd"));
}

Test(json_text_decode, inner_takes_the_quotes_off_a_string_only)
{
	cr_assert_eq(scan("{\"s\":\"\\n\",\"e\":\"\",\"n\":12,\"a\":[\"x\"],\"b\":true}"),
		     JSON_TEXT_OK);
	cr_expect(span_eq_str(json_text_inner(find("s")), "\\n"));
	cr_expect_eq(json_text_inner(find("e")).n, 0);
	cr_expect(span_eq_str(json_text_inner(find("n")), "12"));
	cr_expect(span_eq_str(json_text_inner(find("a")), "[\"x\"]"));
	cr_expect(span_eq_str(json_text_inner(find("b")), "true"));
}

Test(json_text_decode, every_status_has_words_of_its_own)
{
	for (int a = JSON_TEXT_OK; a <= JSON_TEXT_MEMBER_LIMIT; a++)
		for (int b = JSON_TEXT_OK; b < a; b++)
			cr_expect_str_neq(json_text_describe((enum json_text_status)a),
					  json_text_describe((enum json_text_status)b));
	cr_expect_str_eq(json_text_describe(JSON_TEXT_DUPLICATE), "duplicate key");
}

/* ---- decoding and quoting ---- */

Test(json_text_decode, decodes_every_escape)
{
	static const struct {
		const char *inner, *bytes;
		size_t n;
	} rows[] = {
		{"", "", 0},
		{"abc", "abc", 3},
		{"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8},
		{"\\u0000", "\0", 1},
		{"a\\u0000b", "a\0b", 3},
		{"\\u007f\\u0080", "\x7f\xc2\x80", 3},
		{"\\u00e9", "\xc3\xa9", 2},
		{"\\u07ff\\u0800", "\xdf\xbf\xe0\xa0\x80", 5},
		{"\\uD7FF\\ue000\\uffff", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 9},
		{"\\ud800\\udc00", "\xf0\x90\x80\x80", 4},
		{"\\ud834\\udd1e!", "\xf0\x9d\x84\x9e!", 5},
		{"\\uDBFF\\uDFFF", "\xf4\x8f\xbf\xbf", 4},
		{"\xc3\xa9\\n\xe2\x82\xac", "\xc3\xa9\n\xe2\x82\xac", 6},
		{"\\\\u0041", "\\u0041", 6},
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_clear(&b);
		cr_assert_eq(json_text_decode(exactly(rows[i].inner, strlen(rows[i].inner)), &b),
			     0);
		cr_expect(holds(&b, rows[i].bytes, rows[i].n), "%s", rows[i].inner);
	}
	buf_release(&b);
}

Test(json_text_decode, decoding_appends)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(buf_append_str(&b, "x"), 0);
	cr_assert_eq(json_text_decode(span_str("\\u0041"), &b), 0);
	cr_assert_eq(json_text_decode(span_of(NULL, 0), &b), 0);
	cr_expect(holds(&b, "xA", 2));
	buf_release(&b);
}

Test(json_text_decode, decoding_what_was_never_judged_stays_within_its_bounds)
{
	static const char *const inner[] = {"\\",      "\\u",	      "\\u12",	   "\\x",
					    "\\ud800", "\\udc00",     "\\ud800\\", "\\\\\\",
					    "\\\x80",  "\\ud800\\u12"};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
		size_t n = strlen(inner[i]);

		buf_clear(&b);
		cr_assert_eq(json_text_decode(exactly(inner[i], n), &b), 0);
		cr_expect_leq(buf_len(&b), n, "%s", inner[i]);
	}
	buf_release(&b);
}

Test(json_text_decode, a_lone_surrogate_is_decoded_as_the_replacement_character)
{
	struct buf b = BUF_INIT;

	cr_assert_eq(json_text_decode(span_str("a\\ud800b\\udc00"), &b), 0);
	cr_expect(holds(&b,
			"a\xef\xbf\xbd"
			"b\xef\xbf\xbd",
			8));
	buf_release(&b);
}

Test(json_text_decode, quotes_what_has_to_be_quoted_and_nothing_else)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} rows[] = {
		{NULL, 0, "\"\""},
		{"abc /'<>&", 9, "\"abc /'<>&\""},
		{"\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
		{"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\""},
		{"long enough\nto be read in words", 31, "\"long enough\\nto be read in words\""},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e", 9,
		 "\"\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e\""},
		{"a\xff"
		 "b\xc3",
		 4,
		 "\"a\xef\xbf\xbd"
		 "b\xef\xbf\xbd\""},
		{"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xe2\x82\"", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\""},
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span bytes = span_of(NULL, 0);

		if (rows[i].n > 0)
			bytes = exactly(rows[i].bytes, rows[i].n);
		buf_clear(&b);
		cr_assert_eq(json_text_quote(&b, bytes), 0);
		cr_expect(holds(&b, rows[i].text, strlen(rows[i].text)), "row %zu: %.*s", i,
			  SPAN_ARG(buf_span(&b)));
	}
	buf_release(&b);
}

static size_t
utf8(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* All of Unicode, raw and as an escape, through scan, decode and quote. */
Test(json_text_decode, every_character_survives_both_ways)
{
	struct buf text = BUF_INIT, decoded = BUF_INIT, quoted = BUF_INIT;

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char raw[4];
		size_t n = utf8(c, raw);

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		buf_clear(&text);
		buf_clear(&decoded);
		cr_assert_eq(buf_append_str(&text, "{\"a\":"), 0);
		cr_assert_eq(json_text_quote(&text, span_of(raw, n)), 0);
		if (c < 0x10000)
			cr_assert_eq(buf_printf(&text, ",\"b\":\"\\u%04X\"}", c), 0);
		else
			cr_assert_eq(buf_printf(&text, ",\"b\":\"\\u%04x\\u%04x\"}",
						0xd800 + ((c - 0x10000) >> 10),
						0xdc00 + ((c - 0x10000) & 0x3ff)),
				     0);
		cr_assert_eq(json_text_scan(buf_span(&text), DEPTH, &object, &at), JSON_TEXT_OK,
			     "U+%04X", c);
		cr_assert_eq(json_text_decode(json_text_inner(find("a")), &decoded), 0);
		cr_assert(holds(&decoded, raw, n), "U+%04X raw", c);
		buf_clear(&decoded);
		cr_assert_eq(json_text_decode(json_text_inner(find("b")), &decoded), 0);
		cr_assert(holds(&decoded, raw, n), "U+%04X escaped", c);
	}
	buf_release(&text);
	buf_release(&decoded);
	buf_release(&quoted);
}

Test(json_text_decode, a_string_may_end_anywhere_in_a_word)
{
	static const char special[] = {'"', '\\', '\x1f', '\x80', '\xff', '\n'};
	char text[64];

	for (size_t i = 0; i < sizeof special; i++)
		for (size_t before = 0; before < 40; before++) {
			size_t want = special[i] == '"' || special[i] == '\\' ? 0 : 6 + before;

			memcpy(text, "{\"a\":\"", 6);
			memset(text + 6, i & 1 ? '!' : '~', before);
			text[6 + before] = special[i];
			strcpy(text + 7 + before, special[i] == '"'    ? "}"
						  : special[i] == '\\' ? "n\"}"
								       : "\"}");
			cr_expect_eq(scan(text) == JSON_TEXT_OK, want == 0, "%zu after %zu", i,
				     before);
			cr_expect_eq(at, want, "%zu after %zu: %zu", i, before, at);
		}
}

/* ---- failures and cost ---- */

/* A buffer that cannot grow: its content is said to be more than an address space holds.  What
 * follows the content is real: room bytes at memory. */
static struct buf
nearly_full(char *memory, size_t room)
{
	const size_t content = (size_t)1 << 46;

	return (struct buf){.base = (char *)((uintptr_t)memory - content),
			    .tail = content,
			    .cap = content + room};
}

Test(json_text_decode, without_memory_nothing_is_appended)
{
	char memory[3];
	struct buf b = nearly_full(memory, sizeof memory);
	size_t before = buf_len(&b);

	errno = 0;
	cr_expect_eq(json_text_quote(&b, span_str("\n")), -1);
	cr_expect_eq(errno, ENOMEM);
	cr_expect_eq(buf_len(&b), before);
	errno = 0;
	cr_expect_eq(json_text_decode(span_str("\\n\\n"), &b), -1);
	cr_expect_eq(errno, ENOMEM);
	cr_expect_eq(buf_len(&b), before);
	cr_expect_eq(json_text_quote(&b, span_str("x")), 0);
	cr_expect_eq(memcmp(memory, "\"x\"", 3), 0);
}
