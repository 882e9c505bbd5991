/* reply: what a client makes of what it receives. */
#include "reply.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DIGEST "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
#define OTHER  "bbf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"

static struct reply
judged_by(const struct expect *e, struct span digest, const char *text)
{
	struct reply r;

	memset(&r, 'x', sizeof r);
	cr_assert_eq(reply_parse(&r, span_str(text), "7", e, digest), r.verdict);
	return r;
}

static struct reply
judged(const char *text)
{
	const struct expect sha1 = expect_of("sha1");

	return judged_by(&sha1, span_str(DIGEST), text);
}

static void
expect_wrong(const char *text, const char *mismatch, const char *detail)
{
	struct reply r = judged(text);

	cr_assert_eq(r.verdict, REPLY_WRONG, "%s: %s", text, r.detail);
	cr_assert_str_eq(r.mismatch, mismatch);
	cr_assert_str_eq(r.detail, detail);
}

Test(reply, is_correct_when_it_is_ours_and_has_the_digest)
{
	struct reply r = judged("{\"type\":\"2\",\"srcid\":\"100\",\"destid\":\"7\","
				"\"payloadsize\":40,\"payload\":\"" DIGEST "\"}");

	cr_assert_eq(r.verdict, REPLY_CORRECT);
	cr_assert_null(r.mismatch);
	cr_assert(span_eq_str(r.server, "100"));
	cr_assert_str_eq(r.payload, DIGEST);
	cr_assert_str_eq(r.detail, "");
	cr_assert_str_eq(r.code, "");
}

Test(reply, ids_may_be_numbers_or_strings)
{
	struct reply r = judged("{\"type\":2,\"srcid\":100,\"destid\":7,\"payload\":\"" DIGEST
				"\"}");

	cr_assert_eq(r.verdict, REPLY_CORRECT);
	cr_assert(span_eq_str(r.server, "100"));
}

Test(reply, the_payload_is_compared_decoded)
{
	struct reply r = judged("{\"type\":2,\"srcid\":1,\"destid\":7,\"payload\":"
				"\"\\u0061af4c61ddcc5e8a2dabede0f3b482cd9aea9434d\"}");

	cr_assert_eq(r.verdict, REPLY_CORRECT);
}

Test(reply, with_another_digest_is_wrong)
{
	expect_wrong("{\"type\":2,\"srcid\":100,\"destid\":7,\"payload\":\"" OTHER "\"}",
		     REPLY_WRONG_HASH, "got " OTHER ", expected " DIGEST);
	expect_wrong("{\"type\":2,\"srcid\":100,\"destid\":7,\"payload\":\"\"}", REPLY_WRONG_HASH,
		     "got , expected " DIGEST);
}

Test(reply, a_digest_in_capitals_or_with_more_behind_it_is_wrong)
{
	expect_wrong("{\"type\":2,\"srcid\":1,\"destid\":7,\"payload\":"
		     "\"AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D\"}",
		     REPLY_WRONG_HASH,
		     "got AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D, expected " DIGEST);
	cr_assert_eq(
		judged("{\"type\":2,\"srcid\":1,\"destid\":7,\"payload\":\"" DIGEST "0\"}").verdict,
		REPLY_WRONG);
}

Test(reply, for_somebody_else_is_wrong_even_with_the_digest)
{
	expect_wrong("{\"type\":2,\"srcid\":100,\"destid\":77,\"payload\":\"" DIGEST "\"}",
		     REPLY_FOREIGN, "destid is 77, expected 7");
}

Test(reply, of_another_type_is_wrong)
{
	struct reply r;

	expect_wrong("{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":\"\"}",
		     REPLY_NOT_A_REPLY, "a packet of type 0");
	expect_wrong("{\"type\":9}", REPLY_NOT_A_REPLY, "type is 9: it must be 0 to 5");
	r = judged("{\"type\":2,\"srcid\":1,\"destid\":7}");
	cr_assert_eq(r.verdict, REPLY_WRONG);
	cr_assert_str_eq(r.mismatch, REPLY_NOT_A_REPLY);
	cr_assert_eq(r.server.n, 0);
}

Test(reply, of_type_3_is_a_refusal_whoever_it_is_for)
{
	struct reply r = judged(
		"{\"type\":\"3\",\"srcid\":\"proxy\",\"destid\":\"\",\"payloadsize\":0,"
		"\"payload\":\"\",\"code\":\"no-server\","
		"\"message\":\"nobody for \\\"PP_1\\\"\"}");

	cr_assert_eq(r.verdict, REPLY_REFUSED);
	cr_assert_str_eq(r.code, "no-server");
	cr_assert_str_eq(r.detail, "nobody for \"PP_1\"");
	cr_assert_eq(r.server.n, 0);
	cr_assert_null(r.mismatch);
}

Test(reply, a_refusal_needs_no_message)
{
	struct reply r = judged("{\"type\":3,\"srcid\":1,\"destid\":7,\"code\":\"timeout\"}");

	cr_assert_eq(r.verdict, REPLY_REFUSED);
	cr_assert_str_eq(r.code, "timeout");
	cr_assert_str_eq(r.detail, "");
}

Test(reply, that_is_not_json_breaks_the_stream)
{
	struct reply r = judged("{\"type\":2,]}");

	cr_assert_eq(r.verdict, REPLY_BROKEN);
	cr_assert_neq(r.detail[0], '\0');
}

Test(reply, texts_of_the_peer_cannot_drive_a_terminal)
{
	struct reply r = judged("{\"type\":3,\"destid\":7,\"code\":\"\\u001b[2J\","
				"\"message\":\"a\\nb\\u009bc\\u007f\"}");

	cr_assert_str_eq(r.code, "?[2J");
	cr_assert_str_eq(r.detail, "a?b?c?");
}

Test(reply, texts_of_the_peer_are_cut)
{
	char text[1200] = "{\"type\":3,\"destid\":7,\"code\":\"";
	size_t n = strlen(text);
	struct reply r;

	memset(text + n, 'c', 1000);
	memcpy(text + n + 1000, "\"}", 3);
	r = judged(text);
	cr_assert_eq(r.verdict, REPLY_REFUSED);
	cr_assert_eq(strlen(r.code), REPLY_TEXT - 1);
}

Test(reply, a_printable_text_keeps_whole_characters)
{
	char out[5];

	cr_assert_str_eq(reply_printable(out, sizeof out, span_str("abcd")), "abcd");
	cr_assert_str_eq(reply_printable(out, sizeof out, span_str("abcde")), "abcd");
	cr_assert_str_eq(reply_printable(out, sizeof out, span_str("ab\xc3\xa9")), "ab\xc3\xa9");
	cr_assert_str_eq(reply_printable(out, sizeof out, span_str("abc\xc3\xa9")), "abc");
	cr_assert_str_eq(reply_printable(out, sizeof out, span_str("ab\xe2\x82\xac")), "ab");
	cr_assert_str_eq(reply_printable(out, 1, span_str("abc")), "");
	cr_assert_str_eq(reply_printable(out, sizeof out, span_of(NULL, 0)), "");
}

Test(reply, a_printable_text_survives_what_is_no_utf8)
{
	char out[4];

	cr_assert_str_eq(reply_printable(out, sizeof out, span_str("\x80\x80\x80\x80\x80\x80")),
			 "");
	cr_assert_str_eq(reply_printable(out, sizeof out, span_str("\xc2")), "\xc2");
}

/* What of a reply with that payload, and further keys behind it, is said of an expectation. */
static struct reply
payload_by(const struct expect *e, struct span digest, const char *payload, const char *more)
{
	char text[2000];

	(void)snprintf(text, sizeof text,
		       "{\"type\":2,\"srcid\":100,\"destid\":7,\"payload\":\"%s\"%s}", payload,
		       more);
	return judged_by(e, digest, text);
}

Test(reply, any_digest_can_be_expected)
{
	char hex[DIGEST_HEX_MAX + 1], detail[REPLY_TEXT];

	for (unsigned i = 0; job_at(i) != NULL && job_is_digest(job_at(i)); i++) {
		struct expect e = expect_of(job_at(i)->name);
		struct span digest = job_digest(e.job, span_str("hello"), hex);
		struct reply r;

		cr_assert_eq(expect_digits(&e), digest.n);
		cr_assert_eq(payload_by(&e, digest, hex, "").verdict, REPLY_CORRECT);
		r = payload_by(&e, digest, OTHER, "");
		cr_assert_eq(r.verdict, REPLY_WRONG);
		cr_assert_str_eq(r.mismatch, REPLY_WRONG_HASH);
		(void)snprintf(detail, sizeof detail, "got %s, expected %s", OTHER, hex);
		cr_assert_str_eq(r.detail, detail);
	}
}

Test(reply, of_a_pseudonym_the_form_is_expected)
{
	struct expect e = expect_of("hmac-sha256");
	struct reply r = payload_by(&e, span_of(NULL, 0), OTHER, "");

	cr_assert_eq(payload_by(&e, span_of(NULL, 0),
				"k1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434daaf4c61ddcc5e8a2dabede"
				"0f",
				"")
			     .verdict,
		     REPLY_CORRECT);
	cr_assert_eq(r.verdict, REPLY_WRONG);
	cr_assert_str_eq(r.mismatch, REPLY_UNEXPECTED);
	cr_assert_str_eq(r.detail, "got " OTHER ", expected a name, a colon and 64 digits");
}

Test(reply, nothing_is_expected_of_a_payload_but_of_the_reply)
{
	struct expect e = expect_of("none");

	cr_assert_eq(payload_by(&e, span_of(NULL, 0), "whatever", "").verdict, REPLY_CORRECT);
	cr_assert_eq(judged_by(&e, span_of(NULL, 0),
			       "{\"type\":2,\"srcid\":1,\"destid\":8,"
			       "\"payload\":\"\"}")
			     .verdict,
		     REPLY_WRONG);
	cr_assert_eq(
		judged_by(&e, span_of(NULL, 0), "{\"type\":3,\"destid\":7,\"code\":\"timeout\"}")
			.verdict,
		REPLY_REFUSED);
}

Test(reply, a_text_is_expected_with_or_without_its_last_newline)
{
	struct expect e = expect_of("cmd:echo hello");

	cr_assert_eq(expect_load(&e, span_of(NULL, 0), 100, stderr), 0);
	cr_assert_eq(payload_by(&e, span_of(NULL, 0), "hello", "").verdict, REPLY_CORRECT);
	cr_assert_eq(payload_by(&e, span_of(NULL, 0), "hello\\n", "").verdict, REPLY_CORRECT);
	cr_assert_eq(payload_by(&e, span_of(NULL, 0), "hello\\n\\n", "").verdict, REPLY_WRONG);
	cr_assert_eq(payload_by(&e, span_of(NULL, 0), "hell", "").verdict, REPLY_WRONG);
	cr_assert_str_eq(payload_by(&e, span_of(NULL, 0), "", "").mismatch, REPLY_UNEXPECTED);
	expect_free(&e);
}

Test(reply, a_command_gets_the_payload_and_may_fail)
{
	struct expect e = expect_of("cmd:tr a-z A-Z"), failing = expect_of("cmd:exit 3"),
		      endless = expect_of("cmd:yes");
	FILE *null = fopen("/dev/null", "w");

	cr_assert_eq(expect_load(&e, span_str("hello"), 100, stderr), 0);
	cr_assert_eq(payload_by(&e, span_of(NULL, 0), "HELLO", "").verdict, REPLY_CORRECT);
	cr_assert_eq(expect_load(&failing, span_str("hello"), 100, null), -1);
	cr_assert_eq(expect_load(&endless, span_str("hello"), 100, null), -1);
	expect_free(&e);
	expect_free(&failing);
	expect_free(&endless);
	cr_assert_eq(fclose(null), 0);
}

Test(reply, what_base64_stands_for_is_judged_and_told)
{
	struct expect none = expect_of("none"), sha1 = expect_of("sha1");
	const char *more = ",\"encoding\":\"base64\"";
	struct reply r = payload_by(&none, span_of(NULL, 0), "aGVsbG8=", more);

	cr_assert_eq(r.verdict, REPLY_CORRECT);
	cr_assert_str_eq(r.payload, "hello");
	r = payload_by(&sha1, span_str("hello"), "aGVsbG8=", more);
	cr_assert_eq(r.verdict, REPLY_CORRECT);
	r = payload_by(&none, span_of(NULL, 0), "AP/+", more);
	cr_assert_str_eq(r.payload, "AP/+", "bytes that are no text are told as they came");
	r = payload_by(&none, span_of(NULL, 0), "a b=", more);
	cr_assert_eq(r.verdict, REPLY_WRONG);
	cr_assert_str_eq(r.detail, "the payload is no base64: a b=");
}

Test(reply, an_expectation_is_one_of_a_few_words)
{
	static const char *const fine[] = {"sha1", "sha3-512", "hmac-sha256",
					   "none", "file:x",   "cmd:x y"};
	static const char *const not_fine[] = {
		"", "SHA1", "md5", "file:", "cmd:", "file", "redact"};

	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		cr_assert_null(expect_judge(fine[i]), "%s", fine[i]);
	for (size_t i = 0; i < sizeof not_fine / sizeof *not_fine; i++)
		cr_assert_not_null(expect_judge(not_fine[i]), "%s", not_fine[i]);
}
