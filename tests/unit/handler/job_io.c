/* job_io: jobs are read, answers written. */
#include "job_io.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#define TEXT(s) span_of(s, sizeof(s) - 1)

static struct job_io io = {.max_reply = 1000};
static struct job_request job;
static const char *why;

static int
take(const char *line)
{
	return job_io_read(&io, span_str(line), &job, &why);
}

#define IS(span, text) cr_assert(span_eq(span, TEXT(text)), "%.*s", SPAN_ARG(span))

static const char *
written(uint64_t number, enum job_outcome outcome, const struct job_reply *a)
{
	static char text[4096];
	struct span line;

	cr_assert_eq(job_io_write(&io, number, outcome, a, &line), 0);
	cr_assert_lt(line.n, sizeof text);
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	return text;
}

#define WRITES(line, number, outcome, ...) \
	cr_assert_str_eq(written(number, outcome, &(struct job_reply){__VA_ARGS__}), line)

Test(job_io, a_job_is_read_with_what_it_has)
{
	cr_assert_eq(take("{\"job\":17,\"policy\":\"111\",\"srcid\":\"a\\\"b\",\"timeout\":5000,"
			  "\"payload\":\"caf\\u00e9 \\ud83d\\ude00\\u0000\\n\"}"),
		     0);
	cr_assert_eq(job.number, 17);
	cr_assert_eq(job.timeout, 5000);
	IS(job.policy, "111");
	IS(job.client, "a\"b");
	IS(job.key, "");
	IS(job.payload, "caf\xc3\xa9 \xf0\x9f\x98\x80\0\n");
	cr_assert_not(job.binary);
}

Test(job_io, base64_is_decoded)
{
	cr_assert_eq(take("{\"payload\":\"/wAK\",\"encoding\":\"base64\",\"job\":1}"), 0);
	IS(job.payload, "\xff\0\n");
	cr_assert(job.binary);
	cr_assert_eq(take("{\"payload\":\"/wA\",\"encoding\":\"base64\",\"job\":1}"), -1);
	cr_assert_str_eq(why, "a payload that is no base64");
	cr_assert_eq(take("{\"payload\":\"/wAK\",\"encoding\":\"hex\",\"job\":1}"), -1);
	cr_assert_str_eq(why, "an encoding other than base64");
}

Test(job_io, keys_may_be_any_and_in_any_order)
{
	cr_assert_eq(
		take(" { \"key\":\"2025\",\"new\":[1,true], \"payload\" : \"x\" ,\"job\":0 } "), 0);
	IS(job.key, "2025");
	IS(job.payload, "x");
	cr_assert_eq(job.number, 0);
}

Test(job_io, what_is_no_job_is_said)
{
	cr_assert_eq(take("job 1"), -1);
	cr_assert_str_eq(why, "no JSON object");
	cr_assert_eq(take("{\"payload\":\"x\"}"), -1);
	cr_assert_str_eq(why, "no number of a job");
	cr_assert_eq(take("{\"job\":-1}"), -1);
	cr_assert_eq(take("{\"job\":1.5}"), -1);
	cr_assert_eq(take("{\"job\":18446744073709551616}"), -1);
	cr_assert_eq(take("{\"job\":18446744073709551615}"), 0);
	cr_assert_eq(job.number, UINT64_MAX);
}

Test(job_io, answers_are_lines)
{
	WRITES("{\"job\":17,\"payload\":\"caf\xc3\xa9 \\\"x\\\"\\n\\u0000\"}\n", 17, JOB_DONE,
	       .payload = TEXT("caf\xc3\xa9 \"x\"\n\0"));
	WRITES("{\"job\":17,\"payload\":\"\"}\n", 17, JOB_DONE, .binary = false);
	WRITES("{\"job\":1,\"payload\":\"/wAK\",\"encoding\":\"base64\"}\n", 1, JOB_DONE,
	       .payload = TEXT("\xff\0\n"), .binary = true);
	WRITES("{\"job\":0,\"payload\":\"\",\"repeatable\":true}\n", 0, JOB_DONE,
	       .repeatable = true);
	WRITES("{\"job\":2,\"busy\":200}\n", 2, JOB_BUSY, .retry = 200);
	WRITES("{\"job\":3,\"error\":\"no \\\"x\\\"\"}\n", 3, JOB_REFUSED, .why = "no \"x\"");
}

Test(job_io, a_reply_that_is_no_utf8_is_an_error)
{
	WRITES("{\"job\":1,\"error\":\"its reply is no UTF-8\"}\n", 1, JOB_DONE,
	       .payload = TEXT("caf\xe9"));
	WRITES("{\"job\":1,\"error\":\"its reply is no UTF-8\"}\n", 1, JOB_DONE,
	       .payload = TEXT("\xed\xa0\x80")); /* a lone surrogate */
	WRITES("{\"job\":1,\"error\":\"caf\xef\xbf\xbd\"}\n", 1, JOB_REFUSED, .why = "caf\xe9");
}

Test(job_io, a_reply_is_counted_as_it_is_written)
{
	static char text[1001];

	memset(text, 'a', sizeof text);
	cr_assert_null(
		strstr(written(1, JOB_DONE, &(struct job_reply){.payload = span_of(text, 1000)}),
		       "error"));
	WRITES("{\"job\":1,\"error\":\"its reply has 1001 bytes, handler_max_reply is 1000\"}\n", 1,
	       JOB_DONE, .payload = span_of(text, 1001));
	text[0] = '\n';
	WRITES("{\"job\":1,\"error\":\"its reply has 1001 bytes once escaped, handler_max_reply is "
	       "1000\"}\n",
	       1, JOB_DONE, .payload = span_of(text, 1000));
	cr_assert_null(
		strstr(written(1, JOB_DONE,
			       &(struct job_reply){.payload = span_of(text, 750), .binary = true}),
		       "error"));
	WRITES("{\"job\":1,\"error\":\"its reply has 751 bytes, handler_max_reply is 1000\"}\n", 1,
	       JOB_DONE, .payload = span_of(text, 751), .binary = true);
}
