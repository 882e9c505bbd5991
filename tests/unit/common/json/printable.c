/* printable: what a terminal would obey or not show is escaped, all else is as it was. */
#include "printable.h"

#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static void
shows(const char *text, const char *wanted)
{
	char out[64];

	cr_expect_str_eq(printable(text, out, sizeof out), wanted);
}

Test(printable, what_can_be_seen_stays_as_it_is)
{
	shows("", "");
	shows("PP_1 \\ \"x\"", "PP_1 \\ \"x\"");
	shows("h\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80", "h\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80");
}

Test(printable, what_a_terminal_obeys_or_hides_is_escaped)
{
	shows("a\033[2Jb", "a\\u001b[2Jb");
	shows("a\nb\tc\rd", "a\\nb\\tc\\rd");
	shows("\x7f", "\\u007f");
	shows("\xc2\x9b"
	      "31m",
	      "\\u009b31m"); /* CSI in one character */
	shows("a\xe2\x80\xae"
	      "b",
	      "a\\u202eb"); /* right-to-left override */
	shows("a\xe2\x81\xa6"
	      "b",
	      "a\\u2066b"); /* isolate */
	shows("1\xe2\x80\x8b"
	      "00",
	      "1\\u200b00"); /* no width */
	shows("\xef\xbb\xbf"
	      "100",
	      "\\ufeff100");			  /* byte order mark */
	shows("\xf3\xa0\x81\x81", "\\U000e0041"); /* tag */
	shows("a\xff\xc3", "a\\xff\\xc3");
}

Test(printable, it_is_cut_between_characters)
{
	char out[8];

	cr_expect_str_eq(printable("abcdef\xc3\xa9", out, sizeof out), "abcdef");
	cr_expect_str_eq(printable("abcd\033", out, sizeof out), "abcd");
	cr_expect_str_eq(printable("abcdefg", out, sizeof out), "abcdefg");
}

Test(printable, a_document_means_what_it_did)
{
	static const char text[] = "{\n\t\"id\": \"a\xe2\x80\xae"
				   "b\xf3\xa0\x81\x81\\n\"\n}";
	char *shown = printable_json(text);
	struct json_object *before = json_tokener_parse(text), *after;

	cr_assert_not_null(shown);
	cr_expect_str_eq(shown, "{\n\t\"id\": \"a\\u202eb\\udb40\\udc41\\n\"\n}");
	after = json_tokener_parse(shown);
	cr_expect(json_object_equal(before, after));
	(void)json_object_put(before);
	(void)json_object_put(after);
	free(shown);
	shown = printable_json("\"a\xe2\x80\x8d\""); /* its last byte would be a return */
	cr_expect_str_eq(shown, "\"a\\u200d\"");
	free(shown);
	shown = printable_json("\"\xff\"");
	cr_expect_str_eq(shown, "\"\\ufffd\"");
	free(shown);
}
