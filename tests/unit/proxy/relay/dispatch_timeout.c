/* dispatch_timeout: requests that have waited too long, or whose whole time is over. */
#include "dispatch_fixture.h"
#include "policy_fixture.h"

TestSuite(relay_clock, .init = open_relay, .fini = close_relay);

/* ---- the clock ---- */

Test(relay_clock, it_runs_while_anything_is_pending)
{
	cr_assert_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	ask(1, "222");
	tick();
	tick();
	cr_assert(servers.ticked == 2 && servers.ticked_at == clock_ms());
	reply(FOUR);
	assert_idle();
	ask(2, "222");
	tick();
}

Test(relay_clock, each_turn_looks_for_room)
{
	all_are(UPSTREAM_PAUSING);
	ask(1, "111");
	tick();
	assert_waits(1);
	all_are(UPSTREAM_USABLE);
	tick();
	cr_assert_eq(server_of(1), ONE);
}

/* ---- queue_timeout ---- */

/* Waits for longer than queue_timeout, and not answered before. */
static void
wait_in_vain(unsigned id)
{
	pass(QUEUE_TIMEOUT);
	tick();
	assert_waits(id);
	pass(1);
	tick();
	assert_idle();
}

Test(relay_clock, a_request_that_waits_too_long_for_busy_servers_is_refused)
{
	all_are(UPSTREAM_FULL);
	ask(1, "111");
	wait_in_vain(1);
	assert_refused(1, PACKET_OVERLOADED,
		       "every server of policy 111 is busy; queue_timeout is 1000ms");
	cr_assert_not_null(strstr(answer[1].text, "\"retryafter\":1000"), "%s", answer[1].text);
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_queue]), 1);
	cr_assert_eq(counter_get(&queue_counts()->expired), 1);
	cr_assert_eq(counter_get(&queue_counts()->queued), 0);
}

Test(relay_clock, it_is_told_that_all_servers_have_left)
{
	cr_assert(registry_leave(registry, "four", "222"));
	ask(1, "222");
	wait_in_vain(1);
	assert_refused(1, PACKET_NO_SERVER, "no server of policy 222 is registered");
	cr_assert_null(strstr(answer[1].text, "retryafter"));
}

Test(relay_clock, it_is_told_that_all_servers_are_draining)
{
	cr_assert(registry_set_admin(registry, FOUR, REGISTRY_DRAINING, 1));
	servers.server[FOUR].verdict = UPSTREAM_DRAINING;
	ask(1, "222");
	wait_in_vain(1);
	assert_refused(1, PACKET_NO_SERVER, "every server of policy 222 is draining or disabled");
}

Test(relay_clock, it_is_told_why_the_last_server_did_not_take_it)
{
	servers.server[FOUR].refuses = true;
	servers.server[FOUR].why = "no route to host";
	ask(1, "222");
	wait_in_vain(1);
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server four: no route to host");
}

Test(relay_clock, no_server_is_blamed_when_the_proxy_itself_cannot_connect)
{
	servers.server[FOUR].refuses = true;
	servers.server[FOUR].why = servers.short_of = "too many open files";
	ask(1, "222");
	wait_in_vain(1);
	assert_refused(1, PACKET_OVERLOADED,
		       "this proxy worker cannot connect to servers: too many open files");
	cr_assert_not_null(strstr(answer[1].text, "\"retryafter\""), "%s", answer[1].text);
}

Test(relay_clock, an_overdue_request_is_answered_before_servers_are_looked_for)
{
	servers.server[FOUR].room = 0;
	ask(1, "222");
	pass(QUEUE_TIMEOUT);
	ask(2, "222");
	pass(1);
	servers.server[FOUR].room = 8;
	tick();
	assert_refused(1, PACKET_OVERLOADED, "queue_timeout");
	cr_assert_str_eq(forwarded, "2 four, ");
}

Test(relay_clock, a_request_with_a_server_does_not_wait_for_one)
{
	ask(1, "222");
	pass(10 * QUEUE_TIMEOUT);
	tick();
	cr_assert_eq(server_of(1), FOUR);
	reply(FOUR);
	assert_replied(1, "four");
}

/* ---- how quickly the queue is served ---- */

Test(relay_clock, the_pace_of_a_queue_says_when_to_try_again)
{
	conf.queue_length = 10;
	servers.server[FOUR].room = 1;
	for (unsigned id = 1; id <= 9; id++)
		ask(id, "222");
	for (unsigned i = 0; i < 4; i++) {
		pass(100);
		reply(FOUR); /* one of those who wait is sent each time */
		tick();
	}
	for (unsigned id = 11; id <= 16; id++)
		ask(id, "222"); /* 10 wait now */
	cr_assert_eq(dispatch_pending(relay), 11);
	ask(17, "222");
	assert_refused(17, PACKET_OVERLOADED, "queue_length");
	cr_assert_not_null(strstr(answer[17].text, "\"retryafter\":1000"), "%s", answer[17].text);
	for (unsigned i = 0; i < 4; i++)
		leave(16 - i);
	conf.queue_length = 6;
	ask(18, "222");
	cr_assert_not_null(strstr(answer[18].text, "\"retryafter\":600"), "%s", answer[18].text);
}

/* ---- waiting for a further try ---- */

Test(relay_clock, a_further_try_that_no_other_server_takes_in_time_has_failed)
{
	ask(1, "111");
	all_are(UPSTREAM_FULL);
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	pass(QUEUE_TIMEOUT);
	tick();
	assert_parked(1);
	pass(1);
	tick();
	assert_refused(1, PACKET_UPSTREAM_FAILED,
		       "server one failed, and no other took it in time");
	cr_assert_eq(counter_get(&counts()->parked), 0);
	cr_assert_eq(counter_get(&counts()->retrying), 0);
	assert_idle();
}

Test(relay_clock, a_further_try_beyond_the_budget_is_told_so)
{
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_PAUSING;
	for (unsigned id = 1; id <= 4; id++)
		ask(id, "111");
	servers.server[TWO].verdict = UPSTREAM_USABLE;
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	room(ONE);
	cr_assert_eq(servers.server[TWO].n, 3);
	pass(QUEUE_TIMEOUT + 1);
	tick();
	assert_refused(4, PACKET_UPSTREAM_FAILED, "the retry budget is spent on other requests");
	cr_assert_eq(dispatch_pending(relay), 3);
}

/* ---- what differs by policy ---- */

/* A relay has its settings from its beginning. */
static void
begin_anew(void)
{
	dispatch_free(relay);
	relay = dispatch_new(&env, &ops, &client);
	cr_assert_not_null(relay);
}

Test(relay_clock, a_policy_has_its_own_queue_timeout)
{
	char text[64];

	add_section(&conf, "222")->queue_timeout = QUEUE_TIMEOUT / 2;
	begin_anew();
	all_are(UPSTREAM_FULL);
	servers.server[FOUR].verdict = UPSTREAM_FULL;
	ask(1, "111");
	ask(2, "222");
	pass(QUEUE_TIMEOUT / 2 + 1);
	tick();
	(void)snprintf(text, sizeof text, "queue_timeout is %ums", QUEUE_TIMEOUT / 2);
	assert_refused(2, PACKET_OVERLOADED, text);
	assert_waits(1);
	pass(QUEUE_TIMEOUT / 2);
	tick();
	(void)snprintf(text, sizeof text, "queue_timeout is %ums", QUEUE_TIMEOUT);
	assert_refused(1, PACKET_OVERLOADED, text);
	assert_idle();
}

Test(relay_clock, a_further_try_waits_for_the_queue_timeout_of_its_policy)
{
	add_section(&conf, "111")->queue_timeout = QUEUE_TIMEOUT / 2;
	begin_anew();
	ask(1, "111");
	all_are(UPSTREAM_FULL);
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	assert_parked(1);
	pass(QUEUE_TIMEOUT / 2);
	tick();
	assert_parked(1);
	pass(1);
	tick();
	assert_refused(1, PACKET_UPSTREAM_FAILED, "no other took it in time");
	assert_idle();
}

Test(relay_clock, a_policy_has_its_own_request_timeout)
{
	conf.policy.request_timeout = 300;
	add_section(&conf, "111")->request_timeout = 100;
	add_section(&conf, "222")->request_timeout = 0;
	begin_anew();
	ask(1, "111");
	ask(2, "222");
	pass(101);
	tick();
	assert_refused(1, PACKET_TIMEOUT, "a server has it; request_timeout is 100ms");
	pass(10000);
	tick();
	reply(FOUR);
	assert_replied(2, "four");
	reply(ONE);
	assert_idle();
}

/* ---- request_timeout ---- */

enum { WHOLE = 300 };

static void
limit_whole_time(void)
{
	conf.policy.request_timeout = WHOLE;
	begin_anew();
}

/* The whole time goes by, and is over. */
static void
outlast(unsigned id)
{
	pass(WHOLE);
	tick();
	cr_assert_not_null(alive[id], "%s", answer[id].text);
	pass(1);
	tick();
}

Test(relay_clock, a_waiting_request_is_answered_when_its_whole_time_is_over)
{
	limit_whole_time();
	all_are(UPSTREAM_FULL);
	ask(1, "111");
	outlast(1);
	assert_refused(1, PACKET_TIMEOUT, "it was waiting for a server; request_timeout is 300ms");
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_request]), 1);
	cr_assert_eq(counter_get(&queue_counts()->queued), 0);
	assert_idle();
}

Test(relay_clock, a_request_that_waits_for_a_further_try_has_its_whole_time_too)
{
	limit_whole_time();
	ask(1, "111");
	pass(WHOLE / 2);
	all_are(UPSTREAM_FULL);
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	assert_parked(1);
	pass(WHOLE / 2 + 1);
	tick();
	assert_refused(1, PACKET_TIMEOUT, "it was waiting for a server");
	cr_assert_eq(counter_get(&counts()->parked), 0);
	assert_idle();
}

Test(relay_clock, what_a_server_still_has_is_answered_once_and_its_reply_is_nobodys)
{
	limit_whole_time();
	ask(1, "222");
	ask(2, "222");
	pass(WHOLE / 2);
	ask(3, "222");
	pass(WHOLE / 2 + 1);
	tick();
	assert_refused(1, PACKET_TIMEOUT, "a server has it; request_timeout is 300ms");
	assert_refused(2, PACKET_TIMEOUT, "a server has it");
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_request]), 2);
	cr_assert_eq(dispatch_in_flight(relay), 3, "the server's replies keep their places");
	reply(FOUR);
	reply(FOUR);
	reply(FOUR);
	assert_replied(3, "four");
	assert_idle();
}

Test(relay_clock, what_was_answered_so_is_not_tried_again)
{
	limit_whole_time();
	ask(1, "111");
	outlast(1);
	assert_refused(1, PACKET_TIMEOUT, "a server has it");
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	cr_assert_eq(retried(ONE), 0);
	assert_idle();
}

Test(relay_clock, one_that_left_or_was_answered_has_no_time_any_more)
{
	limit_whole_time();
	ask(1, "222");
	ask(2, "222");
	leave(1);
	reply(FOUR);
	reply(FOUR);
	ask(3, "222");
	pass(WHOLE);
	tick();
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_request]), 0);
	reply(FOUR);
	assert_replied(3, "four");
}

Test(relay_clock, an_answer_that_waits_for_its_turn_is_the_only_one)
{
	struct request *first, *second;

	limit_whole_time();
	answers_wait = true;
	ask(1, "222");
	ask(2, "222");
	first = alive[1];
	second = alive[2];
	reply(FOUR);
	conf.policy.retries = 0;
	lose(FOUR, UPSTREAM_BROKEN, "connection reset");
	pass(WHOLE + 1);
	tick();
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_request]), 0);
	assert_replied(1, "four");
	assert_refused(2, PACKET_UPSTREAM_FAILED, "server four: connection reset");
	dispatch_forget(relay, first);
	dispatch_forget(relay, second);
	assert_idle();
}

Test(relay_clock, without_request_timeout_a_server_may_take_its_time)
{
	ask(1, "222");
	pass(UINT64_C(1000) * 3600);
	tick();
	reply(FOUR);
	assert_replied(1, "four");
}
