/* reply_check: what answers a request, and what does not. */
#include "reply_check.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HELLO "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"

static struct request *r;

static void
ask(const char *payload_and_more)
{
	struct buf text = BUF_INIT;
	struct packet p;
	struct packet_fault fault;

	if (r != NULL)
		request_free(r);
	cr_assert_eq(
		buf_printf(&text,
			   "{\"type\":\"0\",\"srcid\":\"7\",\"privPoliId\":\"111\",\"payload\":%s}",
			   payload_and_more),
		0);
	cr_assert_eq(packet_parse(&p, buf_span(&text), &fault), 0);
	r = request_new(NULL, NULL, p.text, packet_scalar(&p, "srcid"));
	cr_assert_not_null(r);
	buf_release(&text);
}

static void
open_request(void)
{
	ask("\"hello\"");
}

static void
close_request(void)
{
	request_free(r);
}

TestSuite(verify, .init = open_request, .fini = close_request);

static const char *job = ""; /* of the server */

static void
expect(const char *reply, enum reply_check_how how, enum reply_check_result result,
       enum failure_cause cause)
{
	struct reply_check check = reply_check_of(how, job);
	enum failure_cause got = FAILURE_CAUSE_COUNT;

	cr_assert_eq(reply_check_reply(r, span_str(reply), NULL, &check, &got), result, "%s: %s",
		     job, reply);
	if (result == REPLY_CHECK_WRONG)
		cr_assert_eq(got, cause, "%s: %s", reply, failure_text(got));
}

/* The payload of a reply, as it stands in JSON, and what more is there. */
static void
expect_payload(const char *payload_and_more, enum reply_check_how how,
	       enum reply_check_result result, enum failure_cause cause)
{
	struct buf text = BUF_INIT;

	cr_assert_eq(buf_printf(&text,
				"{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"7\",\"payload\":%s}",
				payload_and_more),
		     0);
	cr_assert_eq(buf_append(&text, "", 1), 0);
	expect(text.base, how, result, cause);
	buf_release(&text);
}

Test(verify, each_digit_of_the_digest_counts)
{
	char reply[] = "{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"7\",\"payload\":\"" HELLO
		       "\"}";
	char *digest = strstr(reply, HELLO);

	for (size_t i = 0; i < strlen(HELLO); i++)
		for (const char *bad = "/:`gAF\x7f"; *bad != '\0'; bad++) {
			char was = digest[i];

			digest[i] = *bad;
			expect(reply, REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_NO_DIGEST);
			digest[i] = was;
		}
	for (const char *good = "0123456789abcdef"; *good != '\0'; good++) {
		memset(digest, *good, strlen(HELLO));
		expect(reply, REPLY_CHECK_SHAPE, REPLY_CHECK_FINE, 0);
	}
}

#define REPLY(members) "{\"type\":\"2\",\"srcid\":\"1\"," members "}"

Test(verify, the_right_answer_is_fine_in_every_form)
{
	static const char *const right[] = {
		REPLY("\"destid\":\"7\",\"payloadsize\":40,\"payload\":\"" HELLO "\""),
		REPLY("\"destid\":7,\"payloadsize\":\"40\",\"payload\":\"" HELLO "\""),
		REPLY("\"destid\":\"7\",\"payload\":\"" HELLO "\",\"more\":[1]"),
		REPLY("\"destid\":\"7\",\"payload\":\"\\u0061af4c61ddcc5e8a2dabede0f3b482cd9aea9434d\""),
	};

	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		expect(right[i], REPLY_CHECK_SHAPE, REPLY_CHECK_FINE, 0);
		expect(right[i], REPLY_CHECK_DIGEST, REPLY_CHECK_FINE, 0);
	}
}

Test(verify, what_is_wrong_has_its_name)
{
	static const struct {
		const char *reply;
		enum failure_cause cause;
	} wrong[] = {
		{"{}", CAUSE_GARBAGE},
		{"{\"type\":\"2\"", CAUSE_GARBAGE},
		{"{\"type\":\"0\",\"srcid\":\"7\",\"privPoliId\":\"1\",\"payload\":\"x\"}",
		 CAUSE_WRONG_TYPE},
		{REPLY("\"destid\":\"8\",\"payload\":\"" HELLO "\""), CAUSE_WRONG_DESTID},
		{REPLY("\"destid\":\"7\",\"payload\":\"\""), CAUSE_NO_DIGEST},
		{REPLY("\"destid\":\"7\",\"payload\":\"" HELLO "0\""), CAUSE_NO_DIGEST},
		{REPLY("\"destid\":\"7\",\"payload\":\"AAF4c61ddcc5e8a2dabede0f3b482cd9aea9434d\""),
		 CAUSE_NO_DIGEST},
		{REPLY("\"destid\":\"7\",\"payload\":\"gaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\""),
		 CAUSE_NO_DIGEST},
		{REPLY("\"destid\":\"7\",\"payloadsize\":5,\"payload\":\"" HELLO "\""),
		 CAUSE_WRONG_SIZE},
		{REPLY("\"destid\":\"7\",\"payloadsize\":\"x\",\"payload\":\"" HELLO "\""),
		 CAUSE_WRONG_SIZE},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		expect(wrong[i].reply, REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, wrong[i].cause);
}

Test(verify, a_lie_of_the_right_shape_is_found_where_the_digest_is_asked_for)
{
	static const char lie[] = REPLY(
		"\"destid\":\"7\",\"payload\":\"0af4c61ddcc5e8a2dabede0f3b482cd9aea9434d\"");

	expect(lie, REPLY_CHECK_SHAPE, REPLY_CHECK_FINE, 0);
	expect(lie, REPLY_CHECK_DIGEST, REPLY_CHECK_WRONG, CAUSE_WRONG_DIGEST);
}

Test(verify, errors_are_the_requests_own_or_the_servers)
{
	static const struct {
		const char *code;
		enum reply_check_result result;
	} errors[] = {
		{"bad-payload", REPLY_CHECK_REFUSED},	  {"too-large", REPLY_CHECK_REFUSED},
		{"overloaded", REPLY_CHECK_DECLINED},	  {"shutting-down", REPLY_CHECK_DECLINED},
		{"unknown-policy", REPLY_CHECK_DECLINED},
	};
	char text[200];

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		(void)snprintf(text, sizeof text,
			       "{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"7\",\"payloadsize\":0,"
			       "\"payload\":\"\",\"code\":\"%s\",\"message\":\"m\"}",
			       errors[i].code);
		expect(text, REPLY_CHECK_DIGEST, errors[i].result, 0);
	}
	expect("{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"8\",\"payloadsize\":0,\"payload\":\"\","
	       "\"code\":\"overloaded\",\"message\":\"m\"}",
	       REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_WRONG_DESTID);
}

static void
expect_reason(const char *message, const char *wanted)
{
	char text[1024], got[REPLY_CHECK_REASON];

	(void)snprintf(text, sizeof text,
		       "{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"7\",\"payloadsize\":0,"
		       "\"payload\":\"\",\"code\":\"overloaded\"%s}",
		       message);
	cr_expect_str_eq(reply_check_reason(span_str(text), got), wanted, "%s", message);
}

Test(verify, the_words_of_an_error_are_told_where_they_are_plain)
{
	static const char hundred[] = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
				      "ffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj";
	char long_one[200];

	expect_reason(",\"message\":\"the queue is full: 8\"", "the queue is full: 8");
	expect_reason(",\"message\":\"\"", "");
	expect_reason("", "");
	expect_reason(",\"message\":[\"full\"]", "");
	expect_reason(",\"message\":\"a\\nb\"", "");
	expect_reason(",\"message\":\"a \\\"b\\\"\"", "");
	expect_reason(",\"message\":\"caf\xc3\xa9\"", "");
	(void)snprintf(long_one, sizeof long_one, ",\"message\":\"%s\"", hundred);
	expect_reason(long_one, "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
				"ffffffffffgggggggggghhhhhhhhh");
}

static void
expect_retry_after(const char *code, const char *more, unsigned wanted)
{
	char text[1024];

	(void)snprintf(text, sizeof text,
		       "{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"7\",\"payloadsize\":0,"
		       "\"payload\":\"\",\"code\":\"%s\",\"message\":\"m\"%s}",
		       code, more);
	cr_expect_eq(reply_check_retry_after(span_str(text)), wanted, "%s %s", code, more);
}

Test(verify, when_to_come_again_is_read_of_who_is_overloaded)
{
	expect_retry_after("overloaded", ",\"retryafter\":20", 20);
	expect_retry_after("overloaded", ",\"retryafter\":\"20\"", 20);
	expect_retry_after("overloaded", ",\"retryafter\":86400000", REPLY_CHECK_RETRY_MAX);
	expect_retry_after("overloaded", "", 0);
	expect_retry_after("overloaded", ",\"retryafter\":0", 0);
	expect_retry_after("overloaded", ",\"retryafter\":-1", 0);
	expect_retry_after("overloaded", ",\"retryafter\":\"soon\"", 0);
	expect_retry_after("overloaded", ",\"retryafter\":99999999999999999999", 0);
	expect_retry_after("shutting-down", ",\"retryafter\":20", 0);
	expect_retry_after("unknown-policy", ",\"retryafter\":20", 0);
	cr_expect_eq(reply_check_retry_after(span_str("no packet")), 0);
}

#define HELLO_256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define HELLO_512                                                          \
	"9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca7" \
	"2323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043"

Test(verify, a_digest_is_that_of_the_servers_job)
{
	static const struct {
		const char *job, *right, *other;
	} row[] = {{"sha1", HELLO, HELLO_256},
		   {"sha256", HELLO_256, HELLO},
		   {"sha512", HELLO_512, HELLO_256}};
	char text[160];

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		enum failure_cause cause = i == 0 ? CAUSE_NO_DIGEST : CAUSE_WRONG_FORM;

		job = row[i].job;
		(void)snprintf(text, sizeof text, "\"%s\"", row[i].right);
		expect_payload(text, REPLY_CHECK_SHAPE, REPLY_CHECK_FINE, 0);
		expect_payload(text, REPLY_CHECK_DIGEST, REPLY_CHECK_FINE, 0);
		text[1] = text[1] == '0' ? '1' : '0';
		expect_payload(text, REPLY_CHECK_SHAPE, REPLY_CHECK_FINE, 0);
		expect_payload(text, REPLY_CHECK_DIGEST, REPLY_CHECK_WRONG, CAUSE_WRONG_DIGEST);
		text[1] = 'A';
		expect_payload(text, REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, cause);
		(void)snprintf(text, sizeof text, "\"%s\"", row[i].other);
		expect_payload(text, REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, cause);
		expect_payload(text, REPLY_CHECK_DIGEST, REPLY_CHECK_WRONG, cause);
		expect_payload(text, REPLY_CHECK_PACKET, REPLY_CHECK_FINE, 0);
		expect_payload("\"\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, cause);
	}
	job = "sha256";
	expect_payload("\"" HELLO_256 "\",\"payloadsize\":64", REPLY_CHECK_SHAPE, REPLY_CHECK_FINE,
		       0);
	expect_payload("\"" HELLO_256 "\",\"payloadsize\":40", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG,
		       CAUSE_WRONG_SIZE);
	expect_payload("\"\\u0032"
		       "cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"",
		       REPLY_CHECK_DIGEST, REPLY_CHECK_FINE, 0);
}

Test(verify, a_pseudonym_has_its_keys_name)
{
	job = "hmac-sha256";
	expect_payload("\"k1:" HELLO_256 "\"", REPLY_CHECK_DIGEST, REPLY_CHECK_FINE, 0);
	expect_payload("\"" HELLO_256 "\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_WRONG_FORM);
	expect_payload("\":" HELLO_256 "\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG,
		       CAUSE_WRONG_FORM);
	expect_payload("\"k1:" HELLO "\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_WRONG_FORM);
	expect_payload("\"\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_WRONG_FORM);
	expect_payload("\"\"", REPLY_CHECK_PACKET, REPLY_CHECK_FINE, 0);
}

Test(verify, any_text_is_the_reply_of_a_job_that_is_not_built_in)
{
	job = "redact";
	for (int how = REPLY_CHECK_SHAPE; how <= REPLY_CHECK_PACKET; how++) {
		expect_payload("\"\"", how, REPLY_CHECK_FINE, 0);
		expect_payload("\"a \\u00e9\\n\\u0000\",\"payloadsize\":6", how, REPLY_CHECK_FINE,
			       0);
		expect_payload("\"a\",\"payloadsize\":\"2\"", how, REPLY_CHECK_WRONG,
			       CAUSE_WRONG_SIZE);
		expect_payload("\"aGk=\",\"payloadsize\":4,\"encoding\":\"base64\"", how,
			       REPLY_CHECK_FINE, 0);
		expect_payload("5", how, REPLY_CHECK_WRONG, CAUSE_GARBAGE);
		expect_payload("\"\xff\"", how, REPLY_CHECK_WRONG, CAUSE_GARBAGE);
		expect_payload("\"\\ud800\"", how, REPLY_CHECK_WRONG, CAUSE_GARBAGE);
		expect("{\"type\":\"2\",\"srcid\":\"1\",\"destid\":\"8\",\"payload\":\"a\"}", how,
		       REPLY_CHECK_WRONG, CAUSE_WRONG_DESTID);
		expect("{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"7\",\"payloadsize\":0,\"payload\":\"\","
		       "\"code\":\"handler-failed\",\"message\":\"handler: no\"}",
		       how, REPLY_CHECK_REFUSED, 0);
	}
}

/* A server that knows `encoding` hashes the bytes, one that does not the text. */
Test(verify, the_digest_of_base64_is_that_of_its_bytes_or_of_its_text)
{
	job = "sha256";
	ask("\"aGVsbG8=\",\"encoding\":\"base64\"");
	expect_payload("\"" HELLO_256 "\"", REPLY_CHECK_DIGEST, REPLY_CHECK_FINE, 0);
	expect_payload("\"cc0e5e0fc5dbffd8b8e94e0eb1d6ec0aa2aad6d8ce3e3a5f3b8d0a4b6a5ad6c9\"",
		       REPLY_CHECK_DIGEST, REPLY_CHECK_WRONG, CAUSE_WRONG_DIGEST);
	job = "";
	expect_payload("\"" HELLO "\"", REPLY_CHECK_DIGEST, REPLY_CHECK_FINE, 0);
	expect_payload("\"70db2df97b3e88c66c50ef9df98dc51de491cc7d\"", REPLY_CHECK_DIGEST,
		       REPLY_CHECK_FINE, 0);
	ask("\"aGVsbG8=\"");
	expect_payload("\"" HELLO "\"", REPLY_CHECK_DIGEST, REPLY_CHECK_WRONG, CAUSE_WRONG_DIGEST);
	ask("\"aGVsbG8\",\"encoding\":\"base64\"");
	expect_payload("\"" HELLO "\"", REPLY_CHECK_DIGEST, REPLY_CHECK_WRONG, CAUSE_WRONG_DIGEST);
}

/* Nothing was run, and no server is blamed for that. */
Test(verify, who_asks_as_a_probe_does_gets_an_empty_reply)
{
	ask("\"hello\",\"probe\":\"1\"");
	job = "hmac-sha256";
	expect_payload("\"\",\"payloadsize\":0", REPLY_CHECK_SHAPE, REPLY_CHECK_FINE, 0);
	job = "sha256";
	expect_payload("\"\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_WRONG_FORM);
	job = "sha1";
	expect_payload("\"\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_NO_DIGEST);
	ask("\"hello\",\"probe\":\"0\"");
	job = "hmac-sha256";
	expect_payload("\"\"", REPLY_CHECK_SHAPE, REPLY_CHECK_WRONG, CAUSE_WRONG_FORM);
}
