/* verify: what answers a request, and what does not. */
#include "verify.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HELLO "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"

static struct request *r;

static void
open_request(void)
{
	static const char text[] = "{\"type\":\"0\",\"srcid\":\"7\",\"privPoliId\":\"111\","
				   "\"payload\":\"hello\"}";
	struct packet p;
	struct packet_fault fault;

	cr_assert_eq(packet_parse(&p, span_str(text), &fault), 0);
	r = request_new(NULL, NULL, p.text, packet_scalar(&p, "srcid"));
	cr_assert_not_null(r);
}

static void
close_request(void)
{
	request_free(r);
}

TestSuite(verify, .init = open_request, .fini = close_request);

static void
expect(const char *reply, enum verify_how how, enum verify_result result, enum incident_cause cause)
{
	enum incident_cause got = INCIDENT_CAUSE_COUNT;

	cr_assert_eq(verify_reply(r, span_str(reply), NULL, how, &got), result, "%s", reply);
	if (result == VERIFY_WRONG)
		cr_assert_eq(got, cause, "%s: %s", reply, incident_text(got));
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
			expect(reply, VERIFY_SHAPE, VERIFY_WRONG, CAUSE_NO_DIGEST);
			digest[i] = was;
		}
	for (const char *good = "0123456789abcdef"; *good != '\0'; good++) {
		memset(digest, *good, strlen(HELLO));
		expect(reply, VERIFY_SHAPE, VERIFY_FINE, 0);
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
		expect(right[i], VERIFY_SHAPE, VERIFY_FINE, 0);
		expect(right[i], VERIFY_DIGEST, VERIFY_FINE, 0);
	}
}

Test(verify, what_is_wrong_has_its_name)
{
	static const struct {
		const char *reply;
		enum incident_cause cause;
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
		expect(wrong[i].reply, VERIFY_SHAPE, VERIFY_WRONG, wrong[i].cause);
}

Test(verify, a_lie_of_the_right_shape_is_found_where_the_digest_is_asked_for)
{
	static const char lie[] = REPLY(
		"\"destid\":\"7\",\"payload\":\"0af4c61ddcc5e8a2dabede0f3b482cd9aea9434d\"");

	expect(lie, VERIFY_SHAPE, VERIFY_FINE, 0);
	expect(lie, VERIFY_DIGEST, VERIFY_WRONG, CAUSE_WRONG_DIGEST);
}

Test(verify, errors_are_the_requests_own_or_the_servers)
{
	static const struct {
		const char *code;
		enum verify_result result;
	} errors[] = {
		{"bad-payload", VERIFY_REFUSED},     {"too-large", VERIFY_REFUSED},
		{"overloaded", VERIFY_DECLINED},     {"shutting-down", VERIFY_DECLINED},
		{"unknown-policy", VERIFY_DECLINED},
	};
	char text[200];

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		(void)snprintf(text, sizeof text,
			       "{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"7\",\"payloadsize\":0,"
			       "\"payload\":\"\",\"code\":\"%s\",\"message\":\"m\"}",
			       errors[i].code);
		expect(text, VERIFY_DIGEST, errors[i].result, 0);
	}
	expect("{\"type\":\"3\",\"srcid\":\"1\",\"destid\":\"8\",\"payloadsize\":0,\"payload\":\"\","
	       "\"code\":\"overloaded\",\"message\":\"m\"}",
	       VERIFY_SHAPE, VERIFY_WRONG, CAUSE_WRONG_DESTID);
}
