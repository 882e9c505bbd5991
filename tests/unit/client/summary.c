/* summary: what is told at the end of a load, as text and JSON. */
#include "summary.h"

#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdlib.h>

static const struct reply correct = {.verdict = REPLY_CORRECT, .server = {"100", 3}};
static const struct reply wrong = {
	.verdict = REPLY_WRONG, .server = {"300", 3}, .mismatch = REPLY_WRONG_HASH};
static const struct reply refused = {
	.verdict = REPLY_REFUSED, .code = "no-server", .detail = "nobody"};
static const struct reply full = {
	.verdict = REPLY_REFUSED, .code = "overloaded", .detail = "full\x1b[1m"};
static const struct reply late = {
	.verdict = REPLY_REFUSED, .code = "overloaded", .detail = "too late"};

static void
setup(struct summary *s)
{
	summary_init(s);
	summary_sent(s, 10);
	for (unsigned us = 10; us <= 14; us++)
		summary_answer(s, &correct, us);
	summary_answer(s, &wrong, 5);
	summary_answer(s, &refused, 1);
	summary_answer(s, &refused, 1);
	summary_failed(s, 2, "Connection reset by peer");
	s->elapsed_us = 2000000;
}

static char *
printed(const struct summary *s, bool json)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	cr_assert_not_null(out);
	if (json)
		cr_assert_eq(summary_print_json(s, out), 0);
	else
		summary_print(s, out);
	cr_assert_eq(fclose(out), 0);
	return text;
}

static struct json_object *
at(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	cr_assert(json_object_object_get_ex(o, key, &value), "no %s", key);
	return value;
}

static void
expect(struct json_object *o, const char *key, int64_t n)
{
	cr_assert_eq(json_object_get_int64(at(o, key)), n, "%s", key);
}

Test(summary, of_nothing_is_zeros)
{
	struct summary s;
	char *text;

	summary_init(&s);
	cr_assert_eq(summary_rate(&s), 0);
	cr_assert(summary_all_correct(&s, 0));
	text = printed(&s, false);
	cr_assert_str_eq(text, "sent      0\ncorrect   0\nwrong     0\nrefused   0\nfailed    0\n"
			       "elapsed   0.000 s\nrate      0 requests/s\n");
	free(text);
	summary_free(&s);
}

Test(summary, adds_up)
{
	struct summary s;

	setup(&s);
	cr_assert_eq(s.correct, 5);
	cr_assert_eq(s.wrong, 1);
	cr_assert_eq(s.refused, 2);
	cr_assert_eq(s.failed, 2);
	cr_assert_eq(s.sent, s.correct + s.wrong + s.refused + s.failed);
	cr_assert_eq(counts_sum(&s.refusals), s.refused);
	cr_assert_eq(counts_sum(&s.failures), s.failed);
	cr_assert_eq(counts_sum(&s.mismatches), s.wrong);
	cr_assert_eq(counts_sum(&s.servers), s.correct + s.wrong);
	cr_assert_eq(summary_rate(&s), 4);
	summary_free(&s);
}

Test(summary, latency_is_that_of_replies_and_not_of_refusals)
{
	struct summary s;

	setup(&s);
	cr_assert_eq(s.latency.count, 6);
	cr_assert_eq(s.min_us, 5);
	cr_assert_eq(s.latency.max, 14);
	summary_free(&s);
}

Test(summary, a_broken_answer_counts_as_failed)
{
	static const struct reply broken = {.verdict = REPLY_BROKEN, .detail = "not JSON"};
	struct summary s;

	summary_init(&s);
	summary_sent(&s, 1);
	summary_answer(&s, &broken, 3);
	cr_assert_eq(s.failed, 1);
	cr_assert_str_eq(s.failures.entry[0].text, "not JSON");
	cr_assert_eq(s.latency.count, 0);
	summary_free(&s);
}

Test(summary, all_are_correct_only_if_nothing_else_happened)
{
	struct summary s;

	summary_init(&s);
	summary_sent(&s, 2);
	summary_answer(&s, &correct, 1);
	cr_assert_not(summary_all_correct(&s, 2));
	summary_answer(&s, &correct, 1);
	cr_assert(summary_all_correct(&s, 2));
	cr_assert_not(summary_all_correct(&s, 3));
	summary_stray(&s);
	cr_assert_not(summary_all_correct(&s, 2));
	summary_free(&s);
}

Test(summary, tells_people_everything)
{
	struct summary s;
	char *text;

	setup(&s);
	summary_stray(&s);
	text = printed(&s, false);
	cr_assert_str_eq(text, "sent      10\n"
			       "correct   5\n"
			       "wrong     1  (wrong hash 1)\n"
			       "refused   2  (no-server 2)\n"
			       "          no-server: nobody\n"
			       "failed    2  (Connection reset by peer 2)\n"
			       "stray     1\n"
			       "elapsed   2.000 s\n"
			       "rate      4 requests/s\n"
			       "latency   min 0.005  p50 0.011  p90 0.014  p99 0.014  p99.9 0.014"
			       "  max 0.014 ms\n"
			       "servers   100 5, 300 1\n");
	free(text);
	summary_free(&s);
}

Test(summary, an_error_is_told_with_its_first_message)
{
	struct summary s;
	struct json_object *o;
	char *text;

	setup(&s);
	summary_answer(&s, &full, 1);
	summary_answer(&s, &late, 1);
	summary_answer(&s, &refused, 1);
	text = printed(&s, false);
	cr_assert_not_null(strstr(text, "refused   5  (no-server 3, overloaded 2)\n"
					"          no-server: nobody\n"
					"          overloaded: full\\u001b[1m\n"
					"failed "),
			   "%s", text);
	free(text);
	text = printed(&s, true);
	o = json_tokener_parse(text);
	cr_assert_str_eq(json_object_get_string(at(at(o, "error_messages"), "overloaded")),
			 "full\x1b[1m");
	cr_assert_eq(json_object_put(o), 1);
	free(text);
	summary_free(&s);
}

Test(summary, lists_a_few_and_sums_the_others)
{
	static const char ids[] = "abcdefghij";
	struct summary s;
	char *text;

	summary_init(&s);
	for (size_t i = 0; i < sizeof ids - 1; i++) {
		struct reply r = {.verdict = REPLY_CORRECT, .server = {ids + i, 1}};

		summary_answer(&s, &r, 1);
	}
	text = printed(&s, false);
	cr_assert_not_null(
		strstr(text, "servers   a 1, b 1, c 1, d 1, e 1, f 1, g 1, h 1, others 2\n"));
	free(text);
	summary_free(&s);
}

Test(summary, tells_programs_everything)
{
	struct summary s;
	struct json_object *o;
	char *text;

	setup(&s);
	text = printed(&s, true);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "one line");
	o = json_tokener_parse(text);
	cr_assert_not_null(o);
	expect(o, "sent", 10);
	expect(o, "correct", 5);
	expect(o, "wrong", 1);
	expect(o, "refused", 2);
	expect(o, "failed", 2);
	expect(o, "stray", 0);
	expect(o, "servers_other", 0);
	cr_assert_eq(json_object_get_double(at(o, "elapsed_s")), 2.0);
	cr_assert_eq(json_object_get_double(at(o, "rate")), 4.0);
	expect(at(o, "latency_us"), "min", 5);
	expect(at(o, "latency_us"), "p50", 11);
	expect(at(o, "latency_us"), "p90", 14);
	expect(at(o, "latency_us"), "p99", 14);
	expect(at(o, "latency_us"), "p99.9", 14);
	expect(at(o, "latency_us"), "max", 14);
	expect(at(o, "servers"), "100", 5);
	expect(at(o, "servers"), "300", 1);
	expect(at(o, "errors"), "no-server", 2);
	expect(at(o, "failures"), "Connection reset by peer", 2);
	expect(at(o, "mismatches"), REPLY_WRONG_HASH, 1);
	cr_assert_eq(json_object_put(o), 1);
	free(text);
	summary_free(&s);
}
