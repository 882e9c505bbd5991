/* inquiry: a question goes to a worker, and its answer to who asked. */
#include "inquiry.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control_fixture.h"
#include "registry_fixture.h"
#include "worker_msg.h"

enum { SERVERS = 4 };

static struct event_base *base;
static struct registry *registry;
static struct inquiry *inquiry;
static struct proxy_conf conf;
static struct explain_question asked;
static int serving;
static struct explain_row row[EXPLAIN_ROWS];

static int
ask(struct span question, void *ctx)
{
	(void)ctx;
	if (serving < 0)
		return -1;
	cr_assert_eq(worker_msg_get_question(question, &asked), 0);
	return 0;
}

static const struct proxy_conf *
conf_in_force(void *ctx)
{
	(void)ctx;
	return &conf;
}

static void
open_inquiry(void)
{
	static char least[] = "leastconn";
	struct inquiry_env env;

	conf.policy.balance = least;
	serving = 0;
	base = event_base_new();
	registry = registry_new(SERVERS, 1);
	join(registry, "a");
	join(registry, "b");
	join(registry, "c");
	env = (struct inquiry_env){
		.base = base, .registry = registry, .conf = conf_in_force, .ask = ask};
	inquiry = inquiry_new(&env);
	cr_assert_not_null(inquiry);
	memset(row, 0, sizeof row);
}

static void
close_inquiry(void)
{
	inquiry_free(inquiry);
	forget_answers();
	registry_free(registry);
	event_base_free(base);
}

TestSuite(inquiry, .init = open_inquiry, .fini = close_inquiry, .timeout = 60);

/* What is wrong, or NULL: then the question stands in asked. */
static const char *
explain(unsigned number, const char *policy, const char *key)
{
	const char *error = NULL;

	inquiry_explain(inquiry, call_as(number, policy, key), policy, key, &error);
	return error;
}

static void
reply(uint64_t token, uint32_t n, bool known, bool last)
{
	const struct explain_answer head = {.token = token, .n = n, .known = known, .last = last};
	struct buf message = BUF_INIT;

	cr_assert_eq(worker_msg_put_answer(&message, &head, row), 0);
	inquiry_answer(inquiry, buf_span(&message));
	buf_release(&message);
}

static struct json_object *
told_of(unsigned number, size_t i)
{
	cr_assert_eq(answer[number].n, 1);
	cr_assert_not_null(answer[number].data, "%s", answer[number].error);
	return json_object_array_get_idx(answer[number].data, i);
}

Test(inquiry, a_worker_is_asked_for_policy_and_key)
{
	cr_assert_null(explain(0, "111", "client 7"));
	cr_assert_eq(asked.kind, WORKER_MSG_EXPLAIN);
	cr_assert_str_eq(asked.policy, "111");
	cr_assert_str_eq(asked.key, "client 7");
	cr_assert_eq(answer[0].n, 0, "it has not answered yet");
	reply(asked.token, 0, true, true);
	cr_assert_eq(json_object_array_length(answer[0].data), 0);
	cr_assert_null(explain(1, "111", NULL));
	cr_assert_str_eq(asked.key, "");
	reply(asked.token, 0, true, true);
}

Test(inquiry, each_server_is_told_of_with_what_speaks_against_it)
{
	cr_assert_null(explain(0, "111", NULL));
	row[0] = (struct explain_row){.server = 2, .chosen = true, .sight.in_flight = 3};
	row[1] = (struct explain_row){.server = 0};
	row[2] = (struct explain_row){
		.server = 1, .sight = {.verdict = UPSTREAM_FULL, .in_flight = 8, .room = 8}};
	reply(asked.token, 3, true, true);
	cr_assert_str_eq(told(told_of(0, 0), "id"), "c");
	cr_assert_str_eq(told(told_of(0, 0), "choice"), "next");
	cr_assert_str_eq(told(told_of(0, 0), "in_flight"), "3");
	cr_assert_null(told(told_of(0, 0), "why_not"));
	cr_assert_str_eq(told(told_of(0, 1), "choice"), "possible");
	cr_assert_str_eq(told(told_of(0, 1), "balance"), "leastconn");
	cr_assert(strstr(told(told_of(0, 1), "why_not"), "less in flight"));
	cr_assert_str_eq(told(told_of(0, 2), "choice"), "no");
	cr_assert_str_eq(told(told_of(0, 2), "why_not"), "full: 8 of 8 in flight from this worker");
}

Test(inquiry, pauses_and_held_connections_are_told_with_their_numbers)
{
	cr_assert_null(explain(0, "111", NULL));
	row[0] = (struct explain_row){.server = 0,
				      .sight = {.verdict = UPSTREAM_PAUSING, .pause = 250}};
	row[1] = (struct explain_row){.server = 1, .sight = {.busy = true, .slots = 1}};
	row[2] = (struct explain_row){.server = 2, .sight.verdict = UPSTREAM_DRAINING};
	reply(asked.token, 3, true, true);
	cr_assert(strstr(told(told_of(0, 0), "why_not"), "250 ms to come"));
	cr_assert_str_eq(told(told_of(0, 1), "why_not"),
			 "busy: the 1 connection that it takes is held");
	cr_assert_str_eq(told(told_of(0, 1), "choice"), "no");
	cr_assert(strstr(told(told_of(0, 2), "why_not"), "draining"));
}

Test(inquiry, an_answer_in_parts_is_told_when_the_last_has_come)
{
	cr_assert_null(explain(0, "111", NULL));
	row[0].server = 0;
	reply(asked.token, 1, true, false);
	cr_assert_eq(answer[0].n, 0);
	row[0].server = 3; /* has left meanwhile, or never was */
	reply(asked.token, 1, true, false);
	row[0].server = 1;
	reply(asked.token, 1, true, true);
	cr_assert_eq(json_object_array_length(answer[0].data), 2);
	cr_assert_str_eq(told(told_of(0, 1), "id"), "b");
	reply(asked.token, 1, true, true); /* once more: nobody waits for it */
	cr_assert_eq(answer[0].n, 1);
}

Test(inquiry, everybody_gets_the_answer_to_his_own_question)
{
	uint64_t first;

	cr_assert_null(explain(0, "111", NULL));
	first = asked.token;
	cr_assert_null(explain(1, "222", NULL));
	cr_assert_neq(asked.token, first);
	reply(first, 1, true, true);
	cr_assert_str_eq(told(told_of(0, 0), "policy"), "111");
	cr_assert_eq(answer[1].n, 0);
	reply(asked.token, 0, false, true);
	cr_assert_str_eq(answer[1].error, "no server ever registered for policy 222");
}

Test(inquiry, what_cannot_be_asked_is_said_at_once)
{
	char longer[PACKET_ID_MAX + 2];

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	cr_assert(strstr(explain(0, longer, NULL), "at most 64 bytes"));
	cr_assert(strstr(explain(0, "111", longer), "at most 64 bytes"));
	serving = -1;
	cr_assert_str_eq(explain(0, "111", NULL), "no worker serves at the moment");
	cr_assert_null(answer[0].waits);
}

Test(inquiry, a_worker_that_is_silent_is_not_waited_for_long)
{
	cr_assert_null(explain(0, "111", NULL));
	cr_assert_eq(event_base_dispatch(base), 1, "until nobody waits");
	cr_assert_str_eq(answer[0].error, "no worker has answered in time");
	reply(asked.token, 0, true, true);
	cr_assert_eq(answer[0].n, 1);
}

Test(inquiry, nonsense_and_answers_to_who_has_gone_are_passed_over)
{
	cr_assert_null(explain(0, "111", NULL));
	caller_leaves(0);
	row[0].server = 1;
	reply(asked.token, 1, true, true);
	cr_assert_eq(answer[0].n, 0);
	cr_assert_null(explain(1, "111", NULL));
	row[0].server = SERVERS;
	reply(asked.token, 1, true, true);
	inquiry_answer(inquiry, span_str("what?"));
	cr_assert_eq(answer[1].n, 0);
	inquiry_free(inquiry);
	inquiry = NULL;
	cr_assert_str_eq(answer[1].error, "the proxy ends");
}
