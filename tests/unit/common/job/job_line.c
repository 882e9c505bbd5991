/* job_line: what a worker writes to a job process, what it makes of the answers. */
#include "job_line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- to the process ---- */

static void
check_line(const struct job_line *l, const char *wanted)
{
	struct buf b = BUF_INIT;
	char head[JOB_LINE_HEAD];

	cr_assert_eq(buf_append(&b, head, job_line_head(head, 17)), 0);
	cr_assert_eq(job_line_rest(&b, l), 0);
	cr_assert(span_eq_str(buf_span(&b), wanted), "%.*s", SPAN_ARG(buf_span(&b)));
	buf_release(&b);
}

Test(job_line, a_job_is_one_line_with_its_payload_as_it_stood)
{
	struct job_line l = {.policy = span_str("\"111\""),
			     .srcid = span_str("\"a\\/b\""),
			     .payload = span_str("x\\n\\u00e9\\\"\xc3\xa9"),
			     .timeout = 5000};

	check_line(&l, "{\"job\":17,\"policy\":\"111\",\"srcid\":\"a\\/b\",\"timeout\":5000,"
		       "\"payload\":\"x\\n\\u00e9\\\"\xc3\xa9\"}\n");
	l = (struct job_line){.policy = span_str("\"\""), .srcid = span_str("\"\"")};
	check_line(&l, "{\"job\":17,\"policy\":\"\",\"srcid\":\"\",\"timeout\":0,"
		       "\"payload\":\"\"}\n");
}

Test(job_line, numbers_become_strings_and_bytes_say_so)
{
	const struct job_line l = {.policy = span_str("111"),
				   .srcid = span_str("-7"),
				   .payload = span_str("YWJj"),
				   .base64 = true,
				   .timeout = UINT64_MAX};

	check_line(&l, "{\"job\":17,\"policy\":\"111\",\"srcid\":\"-7\","
		       "\"timeout\":18446744073709551615,\"encoding\":\"base64\","
		       "\"payload\":\"YWJj\"}\n");
}

Test(job_line, a_key_is_named_where_there_is_one)
{
	const struct job_line l = {.policy = span_str("111"),
				   .srcid = span_str("\"1\""),
				   .payload = span_str("abc"),
				   .key = span_str("\"k\\u0031\""),
				   .timeout = 1};

	check_line(&l, "{\"job\":17,\"policy\":\"111\",\"srcid\":\"1\",\"timeout\":1,"
		       "\"key\":\"k\\u0031\",\"payload\":\"abc\"}\n");
}

Test(job_line, every_number_has_room_in_a_head)
{
	static const uint64_t numbers[] = {0, 9, 10, JOB_LINE_NUMBER_MAX, UINT64_MAX};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		char head[JOB_LINE_HEAD], wanted[64];
		int n = snprintf(wanted, sizeof wanted, "{\"job\":%ju", (uintmax_t)numbers[i]);

		cr_assert(n > 0 && n <= JOB_LINE_HEAD);
		cr_assert_eq(job_line_head(head, numbers[i]), (size_t)n);
		cr_assert_arr_eq(head, wanted, (size_t)n);
	}
}

/* ---- from the process ---- */

static struct job_answer answer;

/* In memory of exactly its size, so that a checker sees every step beyond it. */
static const char *
read_line(const char *text)
{
	static char *copy;
	size_t n = strlen(text);

	free(copy);
	copy = malloc(n > 0 ? n : 1);
	cr_assert_not_null(copy);
	memcpy(copy, text, n);
	return job_line_read(span_of(copy, n), &answer);
}

static void
check_fine(const char *text, uint64_t number, enum job_answer_kind kind, const char *wanted)
{
	const char *why = read_line(text);

	cr_assert_null(why, "%s: %s", text, why);
	cr_assert_eq(answer.number, number, "%s", text);
	cr_assert_eq(answer.kind, kind, "%s", text);
	cr_assert(span_eq_str(answer.text, wanted), "%s: %.*s", text, SPAN_ARG(answer.text));
}

Test(job_line, an_answer_is_a_payload_an_error_or_busy)
{
	check_fine("{\"job\":17,\"payload\":\"abc\"}", 17, JOB_ANSWER_PAYLOAD, "abc");
	cr_assert(!answer.escaped && !answer.base64 && !answer.repeatable);
	check_fine("{\"job\":17,\"payload\":\"\\u00e9\"}", 17, JOB_ANSWER_PAYLOAD, "\\u00e9");
	cr_assert(answer.escaped);
	check_fine("{\"job\":17,\"error\":\"no such card\"}", 17, JOB_ANSWER_ERROR, "no such card");
	check_fine("{\"job\":17,\"busy\":200}", 17, JOB_ANSWER_BUSY, "");
	cr_assert_eq(answer.busy, 200);
	check_fine("{\"payload\":\"YQ==\",\"encoding\":\"base64\",\"job\":1}", 1,
		   JOB_ANSWER_PAYLOAD, "YQ==");
	cr_assert(answer.base64);
}

Test(job_line, the_order_of_keys_white_space_and_unknown_keys_are_free)
{
	check_fine(" { \"payload\" : \"\" , \"job\" : 3 } \r", 3, JOB_ANSWER_PAYLOAD, "");
	check_fine("{\"job\":3,\"took\":0.25,\"of\":{\"a\":[null]},\"error\":\"\"}", 3,
		   JOB_ANSWER_ERROR, "");
	check_fine("{\"\\u006aob\":3,\"payload\":\"x\"}", 3, JOB_ANSWER_PAYLOAD, "x");
}

Test(job_line, a_number_may_come_as_a_string)
{
	check_fine("{\"job\":\"17\",\"payload\":\"\"}", 17, JOB_ANSWER_PAYLOAD, "");
	check_fine("{\"job\":17,\"busy\":\"5\"}", 17, JOB_ANSWER_BUSY, "");
	cr_assert_eq(answer.busy, 5);
}

Test(job_line, any_answer_of_job_0_will_do)
{
	check_fine("{\"job\":0}", 0, JOB_ANSWER_NOTHING, "");
	check_fine("{\"job\":0,\"payload\":\"\",\"repeatable\":true}", 0, JOB_ANSWER_PAYLOAD, "");
	cr_assert(answer.repeatable);
	check_fine("{\"job\":0,\"repeatable\":false}", 0, JOB_ANSWER_NOTHING, "");
	cr_assert_not(answer.repeatable);
	check_fine("{\"job\":0,\"error\":\"no database\"}", 0, JOB_ANSWER_ERROR, "no database");
}

Test(job_line, every_bound_is_a_number_still)
{
	check_fine("{\"job\":9007199254740991,\"payload\":\"\"}", JOB_LINE_NUMBER_MAX,
		   JOB_ANSWER_PAYLOAD, "");
	check_fine("{\"job\":1,\"busy\":0}", 1, JOB_ANSWER_BUSY, "");
	cr_assert_eq(answer.busy, 0);
	check_fine("{\"job\":1,\"busy\":3600000}", 1, JOB_ANSWER_BUSY, "");
	cr_assert_eq(answer.busy, JOB_LINE_BUSY_MAX);
}

Test(job_line, what_is_no_answer_is_refused_in_words)
{
	static const char *const bad[][2] = {
		{"", "an empty line"},
		{"garbage", "not JSON"},
		{"{\"job\":1,\"payload\":\"abc", "not JSON"},
		{"{\"job\":1,\"payload\":\"a\"}{}", "not JSON"},
		{"[1]", "not an object"},
		{"17", "not an object"},
		{"{\"job\":1,\"payload\":\"\xff\"}", "malformed UTF-8"},
		{"{\"job\":1,\"payload\":\"\\ud800\"}", "lone surrogate"},
		{"{\"job\":1,\"payload\":\"a\tb\"}", "not JSON"},
		{"{\"job\":1,\"job\":2,\"payload\":\"\"}", "duplicate key"},
		{"{\"payload\":\"\"}", "no job number"},
		{"{}", "no job number"},
		{"{\"job\":null,\"payload\":\"\"}", "job is no number"},
		{"{\"job\":\"\",\"payload\":\"\"}", "job is no number"},
		{"{\"job\":-1,\"payload\":\"\"}", "job is no number"},
		{"{\"job\":1.0,\"payload\":\"\"}", "job is no number"},
		{"{\"job\":1e2,\"payload\":\"\"}", "job is no number"},
		{"{\"job\":\"1 \",\"payload\":\"\"}", "job is no number"},
		{"{\"job\":9007199254740992,\"payload\":\"\"}", "job is no number"},
		{"{\"job\":99999999999999999999,\"payload\":\"\"}", "job is no number"},
		{"{\"job\":1}", "none of payload, error and busy"},
		{"{\"job\":1,\"payload\":\"\",\"error\":\"\"}", "more than one"},
		{"{\"job\":1,\"error\":\"\",\"busy\":1}", "more than one"},
		{"{\"job\":1,\"payload\":7}", "payload is no string"},
		{"{\"job\":1,\"payload\":null}", "payload is no string"},
		{"{\"job\":1,\"error\":{}}", "error is no string"},
		{"{\"job\":1,\"busy\":3600001}", "busy is no number"},
		{"{\"job\":1,\"busy\":true}", "busy is no number"},
		{"{\"job\":1,\"busy\":0.5}", "busy is no number"},
		{"{\"job\":1,\"payload\":\"\",\"encoding\":\"hex\"}", "encoding is not base64"},
		{"{\"job\":1,\"payload\":\"\",\"encoding\":64}", "encoding is not base64"},
		{"{\"job\":0,\"repeatable\":1}", "repeatable is neither"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *why = read_line(bad[i][0]);

		cr_assert_not_null(why, "%s", bad[i][0]);
		cr_assert_not_null(strstr(why, bad[i][1]), "%s: %s", bad[i][0], why);
	}
}

Test(job_line, a_bad_answer_is_known_by_its_number_where_it_has_one)
{
	static const struct {
		const char *text;
		uint64_t number;
	} bad[] = {{"{\"job\":17,\"payload\":\"\xff\"}", 17},
		   {"{\"job\":17,\"payload\":\"\\udfff\"}", 17},
		   {"{\"payload\":\"\xff\",\"job\":17}", 17},
		   {"{\"job\":17,\"payload\":null}", 17},
		   {"{\"job\":17,\"payload\":\"\",\"error\":\"\"}", 17},
		   {"{\"job\":17}", 17},
		   {"{\"job\":-17,\"payload\":\"\"}", JOB_LINE_NO_NUMBER},
		   {"{\"job\":\"\xff\",\"payload\":\"\"}", JOB_LINE_NO_NUMBER},
		   {"{\"payload\":\"\"}", JOB_LINE_NO_NUMBER},
		   {"{\"job\":17,\"payload\":\"\"", JOB_LINE_NO_NUMBER},
		   {"17", JOB_LINE_NO_NUMBER},
		   {"", JOB_LINE_NO_NUMBER}};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_assert_not_null(read_line(bad[i].text), "%s", bad[i].text);
		cr_assert_eq(answer.number, bad[i].number, "%s: %ju", bad[i].text,
			     (uintmax_t)answer.number);
	}
}
