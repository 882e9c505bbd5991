/* dispatch_hold: requests that a server has declined, and told when to come again. */
#include "dispatch_fixture.h"

enum { EAGER = 8, HOLD_MAX = 1000, TICK = 25 };

static void
only_one(void)
{
	open_relay();
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_EJECTED;
}

TestSuite(hold, .init = only_one, .fini = close_relay);

/* The same request by the same server, n times, as soon as it has room. */
static void
decline_often(unsigned n, unsigned retry_after)
{
	for (unsigned i = 0; i < n; i++) {
		cr_assert_eq(server_of(1), ONE, "after %u: %s", i, answer[1].text);
		decline(ONE, retry_after, "full");
		assert_held(1);
		room(ONE);
	}
}

Test(hold, it_goes_to_another_server_at_once)
{
	servers.server[TWO].verdict = UPSTREAM_USABLE;
	ask(1, "111");
	decline(ONE, 500, "full");
	assert_held(1);
	room(ONE);
	cr_assert_eq(server_of(1), TWO);
	reply(TWO);
	assert_replied(1, "two");
	cr_assert_eq(counter_get(&queue_counts()->held), 1);
	cr_assert_eq(counter_get(&queue_counts()->turned_away), 1);
	cr_assert_eq(retried(ONE), 0, "nothing has failed");
	assert_idle();
}

Test(hold, another_connection_of_the_same_server_is_as_good_where_others_are_full)
{
	servers.server[TWO].verdict = UPSTREAM_FULL;
	ask(1, "111");
	decline(ONE, 500, "full");
	room(ONE);
	cr_assert_eq(server_of(1), ONE);
}

Test(hold, it_waits_for_as_long_as_was_told)
{
	ask(1, "111");
	decline(ONE, 100, "full");
	servers.server[ONE].unwilling = true;
	room(ONE);
	pass(99);
	tick();
	assert_held(1);
	cr_assert_eq(counter_get(&queue_counts()->queued), 1, "it waits for a server");
	pass(1 + 100 / 4);
	tick();
	cr_assert_eq(server_of(1), ONE, "what declines is asked again now");
	reply(ONE);
	assert_replied(1, "one");
	cr_assert_eq(counter_get(&queue_counts()->queued), 0);
	assert_idle();
}

Test(hold, it_goes_before_that_where_there_is_room)
{
	ask(1, "111");
	decline(ONE, 900, "full");
	servers.server[ONE].unwilling = true;
	room(ONE);
	assert_held(1);
	servers.server[ONE].unwilling = false;
	pass(1);
	room(ONE);
	cr_assert_eq(server_of(1), ONE);
}

Test(hold, what_was_declined_goes_before_what_waits)
{
	servers.server[ONE].room = 1;
	ask_with(0, 1, "111", "x");
	ask_with(1, 2, "111", "x");
	assert_waits(2);
	servers.server[ONE].unwilling = true;
	decline(ONE, 900, "full");
	room(ONE);
	cr_assert_eq(server_of(2), ONE, "which one takes it is not known before");
	servers.server[ONE].unwilling = false;
	ask_with(2, 3, "111", "x");
	reply(ONE);
	cr_assert_eq(server_of(1), ONE);
	assert_waits(3);
}

Test(hold, those_held_go_in_the_order_in_which_they_were_declined)
{
	for (unsigned id = 1; id <= 3; id++)
		ask_with(id % CLIENTS, id, "111", "x");
	servers.server[ONE].unwilling = true;
	for (unsigned id = 1; id <= 3; id++)
		decline(ONE, 900, "full");
	servers.server[ONE].unwilling = false;
	servers.server[ONE].room = 1;
	forwarded[0] = '\0';
	for (unsigned id = 1; id <= 3; id++) {
		room(ONE);
		reply(ONE);
	}
	cr_assert_str_eq(forwarded, "1 one, 2 one, 3 one, ");
}

Test(hold, no_retries_are_needed_and_no_budget)
{
	conf.policy.retries = 0;
	conf.retry_budget = 0;
	once = true;
	ask(1, "111");
	decline_often(EAGER, 10);
	cr_assert_eq(server_of(1), ONE);
	cr_assert_eq(counter_get(&counts()->retrying), 0);
	reply(ONE);
	assert_replied(1, "one");
}

Test(hold, after_some_times_it_waits_whatever_room_there_is)
{
	ask(1, "111");
	decline_often(EAGER, 10);
	decline(ONE, 10, "full");
	room(ONE);
	dispatch_tick(relay);
	assert_held(1);
	cr_assert_eq(counter_get(&queue_counts()->held), EAGER + 1);
}

/* No busy loop: with a server that declines each time, tells a millisecond, and always has room. */
Test(hold, a_server_that_always_declines_is_asked_less_and_less_often)
{
	conf.policy.queue_timeout = 60000;
	dispatch_free(relay);
	relay = dispatch_new(&env, &ops, &client);
	ask(1, "111");
	for (unsigned ms = 0; ms < 20000; ms += TICK) {
		pass(TICK);
		if (server_of(1) == ONE) {
			decline(ONE, 1, "full");
			room(ONE);
		}
		if (alive[1]->state == REQUEST_HELD)
			tick();
	}
	cr_assert_leq(alive[1]->declines, EAGER + 8 + 20, "%u", alive[1]->declines);
	cr_assert_geq(alive[1]->declines, EAGER + 15, "%u", alive[1]->declines);
}

Test(hold, a_server_that_tells_an_hour_is_asked_again_sooner)
{
	ask(1, "111");
	decline(ONE, 3600000, "full");
	servers.server[ONE].unwilling = true;
	conf.policy.queue_timeout = 60000;
	pass(HOLD_MAX + HOLD_MAX / 4);
	alive[1]->waits.since = clock_ms(); /* it may wait that long */
	tick();
	cr_assert_eq(server_of(1), ONE);
}

Test(hold, at_the_end_the_client_has_the_servers_words_and_the_least_time)
{
	ask(1, "111");
	decline(ONE, 900, "it takes nothing now: degraded");
	room(ONE);
	decline(ONE, 700, "it takes nothing now: full");
	servers.server[ONE].unwilling = true;
	pass(QUEUE_TIMEOUT);
	all_are(UPSTREAM_FULL);
	tick();
	cr_assert_not_null(alive[1], "%s", answer[1].text);
	pass(1);
	tick();
	assert_refused(1, PACKET_OVERLOADED,
		       "server one: it takes nothing now: full; queue_timeout is 1000ms\","
		       "\"retryafter\":700");
	cr_assert_eq(counter_get(&queue_counts()->expired), 1);
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_queue]), 1);
	assert_idle();
}

Test(hold, what_waits_in_the_line_again_is_told_the_same)
{
	ask(1, "111");
	decline(ONE, 100, "full");
	all_are(UPSTREAM_FULL);
	pass(200);
	tick();
	assert_waits(1);
	pass(QUEUE_TIMEOUT);
	tick();
	assert_refused(1, PACKET_OVERLOADED,
		       "server one: full; queue_timeout is 1000ms\","
		       "\"retryafter\":100");
}

Test(hold, one_that_was_with_a_server_for_long_may_wait_yet_but_once)
{
	ask(1, "111");
	pass(10 * QUEUE_TIMEOUT);
	decline(ONE, 100, "full");
	assert_held(1);
	room(ONE);
	pass(QUEUE_TIMEOUT + 1);
	decline(ONE, 100, "full");
	assert_refused(1, PACKET_OVERLOADED, "server one: full");
}

Test(hold, request_timeout_ends_it_too)
{
	conf.policy.request_timeout = 300;
	dispatch_free(relay);
	relay = dispatch_new(&env, &ops, &client);
	ask(1, "111");
	decline(ONE, 900, "full");
	servers.server[ONE].unwilling = true;
	pass(301);
	tick();
	assert_refused(1, PACKET_TIMEOUT, "request_timeout is 300ms");
	assert_idle();
}

Test(hold, no_more_are_held_than_may_wait)
{
	conf.policy.queue_length = 2;
	servers.server[ONE].unwilling = true;
	for (unsigned id = 1; id <= 3; id++)
		ask_with(id % CLIENTS, id, "111", "x");
	for (unsigned id = 1; id <= 3; id++)
		decline(ONE, 900, "full");
	assert_held(1);
	assert_held(2);
	assert_refused(3, PACKET_OVERLOADED, "server one: full\",\"retryafter\":900");
	cr_assert_eq(counter_get(&queue_counts()->refused), 1);
}

Test(hold, a_client_that_leaves_takes_it_along)
{
	ask(1, "111");
	decline(ONE, 900, "full");
	leave(1);
	assert_idle();
	ask(2, "111");
	leave(2);
	decline(ONE, 900, "full");
	assert_idle();
}

Test(hold, without_a_time_it_is_a_try_as_any)
{
	conf.policy.retries = 1;
	ask(1, "111");
	decline(ONE, 0, "full");
	assert_parked(1);
	room(ONE);
	decline(ONE, 0, "full");
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server one: full");
	cr_assert_eq(counter_get(&queue_counts()->held), 0);
}

Test(hold, one_that_has_failed_needs_the_budget_as_before)
{
	conf.retry_budget = 0;
	servers.server[TWO].verdict = UPSTREAM_USABLE;
	servers.server[ONE].room = 3;
	for (unsigned id = 1; id <= 3; id++)
		ask_with(id % CLIENTS, id, "111", "x");
	servers.server[ONE].verdict = UPSTREAM_PAUSING;
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	room(TWO);
	cr_assert_eq(counter_get(&counts()->retrying), 2);
	decline(TWO, 100, "full");
	cr_assert_leq(counter_get(&counts()->retrying), 2);
	servers.server[TWO].unwilling = true;
	pass(200);
	tick();
	cr_assert_leq(counter_get(&counts()->retrying), 3);
}

Test(hold, it_never_goes_to_a_server_of_another_policy)
{
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_FULL;
	ask_with(0, 1, "111", "x");
	servers.server[ONE].unwilling = true;
	decline(ONE, 900, "full");
	replace_policy();
	servers.server[ONE].unwilling = false;
	dispatch_tick(relay);
	assert_held(1);
	ask_with(1, 2, "333", "x");
	dispatch_tick(relay);
	cr_assert_str_eq(forwarded, "1 one, 2 new, ");
	assert_refused(1, PACKET_NO_SERVER, "no server of policy 111 is registered");
}
