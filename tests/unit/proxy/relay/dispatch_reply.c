/* dispatch_reply: replies, and what becomes of requests that a server lost. */
#include "dispatch_fixture.h"
#include "policy_fixture.h"

enum { ENDINGS = 16, LEAST = 3 /* further tries at once that any budget allows */ };

TestSuite(relay_back, .init = open_relay, .fini = close_relay);

/* ---- further tries ---- */

Test(relay_back, a_request_that_a_server_lost_goes_to_another)
{
	ask(1, "111");
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	room(ONE);
	cr_assert(server_of(1) == TWO || server_of(1) == THREE);
	cr_assert_eq(retried(ONE), 1);
	reply((unsigned)server_of(1));
	cr_assert(answer[1].n == 1 && answer[1].server[0] == 't', "%s", answer[1].text);
	assert_idle();
}

Test(relay_back, no_server_is_tried_again_while_another_will_have_room)
{
	ask(1, "111");
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_FULL;
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	room(ONE);
	assert_parked(1);
	cr_assert(dispatch_pending(relay) == 1 && dispatch_in_flight(relay) == 0);
	cr_assert_eq(counter_get(&counts()->parked), 1);
	servers.server[THREE].verdict = UPSTREAM_USABLE;
	room(THREE);
	cr_assert_eq(server_of(1), THREE);
	cr_assert_eq(counter_get(&counts()->parked), 0);
}

Test(relay_back, the_only_server_is_tried_again)
{
	ask(1, "222");
	lose(FOUR, UPSTREAM_BROKEN, "connection reset");
	room(FOUR);
	cr_assert_str_eq(forwarded, "1 four, 1 four, ");
	reply(FOUR);
	assert_replied(1, "four");
}

Test(relay_back, when_all_tries_have_failed_the_client_is_told_of_the_last)
{
	unsigned seen = 0;

	ask(1, "111");
	for (int i = 0; i < 3; i++) {
		int server = server_of(1);
		cr_assert(server >= 0 && !(seen & 1u << server));
		seen |= 1u << server;
		lose((unsigned)server, UPSTREAM_BROKEN, i < 2 ? "connection reset" : "the end");
		room(ONE);
	}
	assert_refused(1, PACKET_UPSTREAM_FAILED, ": the end");
	cr_assert_null(strstr(answer[1].text, "retryafter"));
	cr_assert_eq(counter_get(&counts()->error[PACKET_UPSTREAM_FAILED]), 1);
	cr_assert_eq(retried(ONE) + retried(TWO) + retried(THREE), 2);
	assert_idle();
}

Test(relay_back, without_further_tries_the_first_failure_is_the_end)
{
	conf.policy.retries = 0;
	ask(1, "111");
	lose(ONE, UPSTREAM_BROKEN, "the reply was cut");
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server one: the reply was cut");
}

Test(relay_back, a_policy_has_its_own_number_of_further_tries)
{
	add_section(&conf, "111")->retries = 0;
	dispatch_free(relay);
	relay = dispatch_new(&env, &ops, &client);
	ask(1, "111");
	lose(ONE, UPSTREAM_BROKEN, "the reply was cut");
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server one: the reply was cut");
	ask(2, "222");
	lose(FOUR, UPSTREAM_BROKEN, "the reply was cut");
	cr_assert_not_null(alive[2], "it has two further tries");
}

/* ---- replies that are late ---- */

Test(relay_back, after_a_time_out_another_server_is_tried)
{
	ask(1, "111");
	lose(ONE, UPSTREAM_TIMEOUT, "no reply");
	servers.server[THREE].verdict = UPSTREAM_FULL;
	room(ONE);
	cr_assert_eq(server_of(1), TWO);
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_reply]), 1);
	lose(TWO, UPSTREAM_BROKEN, "connection reset");
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_reply]), 1, "that was none");
}

Test(relay_back, a_time_out_where_there_is_no_other_server_is_told_as_one)
{
	ask(1, "222");
	lose(FOUR, UPSTREAM_TIMEOUT, "no reply");
	assert_refused(1, PACKET_TIMEOUT, "server four: no reply");
	ask(2, "111");
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_EJECTED;
	lose(ONE, UPSTREAM_TIMEOUT, "no reply");
	assert_refused(2, PACKET_TIMEOUT, "server one: no reply");
}

Test(relay_back, a_time_out_at_the_last_try_is_told_as_one)
{
	conf.policy.retries = 0;
	ask(1, "111");
	lose(ONE, UPSTREAM_TIMEOUT, "no reply");
	assert_refused(1, PACKET_TIMEOUT, "server one: no reply");
}

/* ---- losses that say nothing of the request ---- */

/* It has been lost so by all of 111, many more times than there are tries. */
static void
lose_often(enum upstream_loss loss, unsigned times)
{
	ask(1, "111");
	for (unsigned i = 0; i < times; i++) {
		cr_assert_geq(server_of(1), 0, "after %u: %s", i, answer[1].text);
		lose((unsigned)server_of(1), loss, "why");
		room(ONE);
	}
}

Test(relay_back, what_no_server_has_seen_is_no_try)
{
	lose_often(UPSTREAM_UNREACHED, 100);
	lose((unsigned)server_of(1), UPSTREAM_LATE, "it takes long to connect to");
	room(ONE);
	reply((unsigned)server_of(1));
	cr_assert_eq(answer[1].code, PACKET_OK);
	cr_assert_eq(retried(ONE) + retried(TWO) + retried(THREE), 101);
}

Test(relay_back, what_no_server_has_seen_has_waited_since_it_came)
{
	ask(1, "111");
	pass(QUEUE_TIMEOUT);
	all_are(UPSTREAM_PAUSING);
	lose(ONE, UPSTREAM_UNREACHED, "connection refused");
	assert_waits(1);
	pass(1);
	tick();
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server one: connection refused");
	ask(2, "222");
	pass(QUEUE_TIMEOUT + 1);
	lose(FOUR, UPSTREAM_LATE, "it takes long to connect to");
	assert_refused(2, PACKET_UPSTREAM_FAILED, "server four: it takes long to connect to");
}

Test(relay_back, what_a_server_had_seen_begins_to_wait_anew)
{
	ask(1, "111");
	pass(10 * QUEUE_TIMEOUT);
	all_are(UPSTREAM_PAUSING);
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	assert_parked(1);
	pass(QUEUE_TIMEOUT);
	tick();
	assert_parked(1);
	pass(1);
	tick();
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server one failed");
}

Test(relay_back, connections_that_are_ended_in_order_are_no_tries_up_to_a_bound)
{
	lose_often(UPSTREAM_ENDED, ENDINGS + 2);
	cr_assert_geq(server_of(1), 0, "%s", answer[1].text);
	lose((unsigned)server_of(1), UPSTREAM_ENDED, "closed");
	assert_refused(1, PACKET_UPSTREAM_FAILED, ": closed");
}

Test(relay_back, a_server_that_ended_a_connection_in_order_may_have_it_again)
{
	ask(1, "222");
	lose(FOUR, UPSTREAM_ENDED, "closed");
	assert_waits(1);
	room(FOUR);
	cr_assert_eq(server_of(1), FOUR);
}

Test(relay_back, a_server_that_declines_is_not_asked_again_while_there_are_others)
{
	ask(1, "111");
	lose(ONE, UPSTREAM_DECLINED, "it takes nothing now");
	assert_parked(1);
	servers.server[THREE].verdict = UPSTREAM_FULL;
	room(ONE);
	cr_assert_eq(server_of(1), TWO);
	cr_assert_eq(counter_get(&queue_counts()->turned_away), 1);
	lose(TWO, UPSTREAM_BROKEN, "connection reset");
	cr_assert_eq(counter_get(&queue_counts()->turned_away), 1, "that one did not decline");
}

Test(relay_back, a_worker_that_is_about_to_stop_costs_no_try_and_its_server_is_asked_again)
{
	conf.policy.retries = 0;
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_PAUSING;
	ask(1, "111");
	for (unsigned i = 1; i <= 3; i++) {
		lose(ONE, UPSTREAM_STOPPING, "it takes nothing now");
		assert_waits(1);
		room(ONE);
		cr_assert_eq(server_of(1), ONE);
		cr_assert_eq(counter_get(&queue_counts()->turned_away), i);
	}
	reply(ONE);
	cr_assert_eq(answer[1].code, PACKET_OK);
}

/* ---- what must not run twice ---- */

Test(relay_back, what_may_have_run_is_not_tried_again)
{
	once = true;
	ask(1, "111");
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	assert_refused(1, PACKET_UPSTREAM_FAILED,
		       "server one: connection reset; it is not known whether it ran");
	ask(2, "111");
	lose((unsigned)server_of(2), UPSTREAM_TIMEOUT, "no reply");
	assert_refused(2, PACKET_TIMEOUT, "server two: no reply; it is not known whether it ran");
	cr_assert_eq(counter_get(&counts()->timeout[WORKER_STATS_reply]), 1);
	cr_assert_eq(retried(ONE) + retried(TWO) + retried(THREE), 0);
	assert_idle();
}

Test(relay_back, what_has_not_run_is_tried_elsewhere)
{
	static const enum upstream_loss unrun[] = {UPSTREAM_UNREACHED, UPSTREAM_LATE,
						   UPSTREAM_ENDED, UPSTREAM_STOPPING,
						   UPSTREAM_DECLINED};

	once = true;
	for (unsigned i = 0; i < sizeof unrun / sizeof *unrun; i++) {
		unsigned id = i + 1;
		ask(id, "111");
		lose((unsigned)server_of(id), unrun[i], "why");
		room(ONE);
		cr_assert_geq(server_of(id), 0, "%s", answer[id].text);
		reply((unsigned)server_of(id));
		cr_assert_eq(answer[id].code, PACKET_OK);
	}
	assert_idle();
}

Test(relay_back, what_was_declined_too_often_may_come_again)
{
	once = true;
	conf.policy.retries = 1;
	ask(1, "222");
	lose(FOUR, UPSTREAM_DECLINED, "it takes nothing now");
	room(FOUR);
	lose(FOUR, UPSTREAM_DECLINED, "it takes nothing now");
	assert_refused(1, PACKET_OVERLOADED, "server four: it takes nothing now\",\"retryafter\":");
	assert_idle();
}

Test(relay_back, what_comes_back_is_before_what_waits_and_in_its_order)
{
	servers.server[FOUR].room = 2;
	for (unsigned id = 1; id <= 3; id++)
		ask_with(id % CLIENTS, id, "222", "x");
	servers.server[FOUR].verdict = UPSTREAM_PAUSING;
	lose(FOUR, UPSTREAM_UNREACHED, "connection refused");
	servers.server[FOUR].verdict = UPSTREAM_USABLE;
	servers.server[FOUR].room = 3;
	room(FOUR);
	cr_assert_str_eq(forwarded, "1 four, 2 four, 1 four, 2 four, 3 four, ");
}

/* ---- the retry budget ---- */

/* So many have failed at the first server, and are on a further try or wait for one. */
static void
fail_at_one(unsigned n)
{
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_FULL;
	for (unsigned id = 1; id <= n; id++)
		ask_with(id % CLIENTS, id, "111", "x");
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	servers.server[TWO].verdict = UPSTREAM_USABLE;
	servers.server[ONE].verdict = UPSTREAM_PAUSING;
	room(TWO);
}

Test(relay_back, no_more_than_the_budget_are_on_a_further_try_at_once)
{
	fail_at_one(LEAST + 2);
	cr_assert_eq(servers.server[TWO].n, LEAST);
	assert_parked(LEAST + 1);
	assert_parked(LEAST + 2);
	cr_assert_eq(counter_get(&counts()->retrying), LEAST);
	cr_assert_eq(counter_get(&counts()->parked), 2);
	cr_assert_eq(dispatch_pending(relay), LEAST + 2);
	reply(TWO);
	cr_assert_eq(server_of(LEAST + 1), TWO, "one has come to its end");
	assert_parked(LEAST + 2);
}

Test(relay_back, the_budget_grows_with_what_is_pending)
{
	conf.retry_budget = 100;
	dispatch_free(relay);
	relay = dispatch_new(&env, &ops, &client);
	fail_at_one(LEAST + 2);
	cr_assert_eq(servers.server[TWO].n, LEAST + 2);
}

Test(relay_back, a_first_try_needs_no_budget)
{
	fail_at_one(LEAST + 2);
	ask(9, "111");
	cr_assert_eq(server_of(9), TWO);
}

Test(relay_back, every_end_of_a_further_try_gives_its_budget_back)
{
	fail_at_one(LEAST);
	reply(TWO);
	leave(2);
	reply(TWO);
	cr_assert_eq(counter_get(&counts()->retrying), 1);
	servers.server[TWO].verdict = UPSTREAM_FULL;
	lose(TWO, UPSTREAM_BROKEN, "connection reset");
	cr_assert_eq(counter_get(&counts()->retrying), 0, "it waits");
	servers.server[THREE].verdict = UPSTREAM_USABLE;
	room(THREE);
	cr_assert_eq(counter_get(&counts()->retrying), 1);
	lose(THREE, UPSTREAM_BROKEN, "connection reset");
	assert_refused(3, PACKET_UPSTREAM_FAILED, "server three");
	cr_assert_eq(counter_get(&counts()->retrying), 0);
	assert_idle();
}

Test(relay_back, a_client_that_leaves_while_one_waits_for_a_further_try_takes_it_along)
{
	fail_at_one(LEAST + 1);
	leave(LEAST + 1);
	cr_assert_eq(counter_get(&counts()->parked), 0);
	cr_assert_eq(dispatch_pending(relay), LEAST);
	reply(TWO);
	cr_assert_eq(counter_get(&counts()->retrying), LEAST - 1);
}

Test(relay_back, a_request_of_a_client_that_left_is_not_tried_again)
{
	fail_at_one(1);
	leave(1);
	lose(TWO, UPSTREAM_BROKEN, "connection reset");
	cr_assert_eq(answer[1].n, 0);
	cr_assert_eq(retried(TWO), 0);
	cr_assert_eq(counter_get(&counts()->retrying), 0);
	assert_idle();
}

/* ---- another policy with the same index ---- */

Test(relay_back, a_further_try_never_goes_to_a_server_of_another_policy)
{
	ask_with(0, 1, "111", "x");
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_FULL;
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	assert_parked(1);
	replace_policy();
	dispatch_tick(relay);
	assert_parked(1);
	ask_with(1, 2, "333", "x");
	dispatch_tick(relay);
	cr_assert_str_eq(forwarded, "1 one, 2 new, ");
	assert_refused(1, PACKET_NO_SERVER, "no server of policy 111 is registered");
	cr_assert_eq(counter_get(&counts()->parked), 0);
}

Test(relay_back, a_client_that_leaves_with_the_answer_of_another_takes_its_own_along)
{
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_FULL;
	ask_with(0, 1, "111", "x");
	ask_with(1, 2, "111", "x");
	lose(ONE, UPSTREAM_BROKEN, "connection reset");
	assert_parked(1);
	assert_parked(2);
	replace_policy();
	leaves_along = 2;
	ask_with(2, 3, "333", "x");
	assert_refused(1, PACKET_NO_SERVER, "no server of policy 111 is registered");
	cr_assert(answer[2].n == 0 && alive[2] == NULL);
	cr_assert_eq(counter_get(&counts()->parked), 0);
}

Test(relay_back, what_comes_back_never_goes_to_a_server_of_another_policy)
{
	servers.server[ONE].verdict = UPSTREAM_PAUSING;
	ask_with(0, 1, "111", "x");
	ask_with(0, 2, "111", "x");
	cr_assert(server_of(1) == TWO && server_of(2) == THREE);
	replace_policy();
	servers.server[ONE].verdict = UPSTREAM_USABLE;
	dispatch_tick(relay);
	lose(THREE, UPSTREAM_UNREACHED, "connection refused");
	room(ONE);
	assert_waits(2);
	ask_with(1, 3, "333", "x");
	lose(TWO, UPSTREAM_UNREACHED, "connection refused");
	room(ONE);
	cr_assert_str_eq(forwarded, "1 two, 2 three, 3 new, ");
	assert_refused(1, PACKET_NO_SERVER, "no server of its policy is registered any more");
	assert_refused(2, PACKET_NO_SERVER, "no server of policy 111 is registered");
}

Test(relay_back, a_server_that_has_another_ones_index_meanwhile_has_not_failed)
{
	struct upstream_server one;
	struct request *q;

	ask(1, "111");
	one = named(ONE);
	q = TAILQ_FIRST(&servers.server[ONE].flight);
	cr_assert(registry_leave(registry, "one", "111"));
	join("new", "111", false);
	cr_assert_eq(registry_find(registry, "new"), ONE);
	dispatch_tick(relay);
	all_are(UPSTREAM_FULL); /* would be waited for by one that the new one failed */
	servers.server[ONE].verdict = UPSTREAM_USABLE;
	land(q, ONE);
	servers.ops->on_lost(q, &one, UPSTREAM_BROKEN, "connection reset", servers.ctx);
	room(ONE);
	cr_assert_eq(server_of(1), ONE, "it has not failed it: %s", answer[1].text);
	reply(ONE);
	assert_replied(1, "new");
}

Test(relay_back, the_one_that_failed_is_named_though_another_has_its_index)
{
	struct upstream_server one;
	struct request *q;

	ask(1, "111");
	one = named(ONE);
	q = TAILQ_FIRST(&servers.server[ONE].flight);
	all_are(UPSTREAM_PAUSING);
	land(q, ONE);
	servers.ops->on_lost(q, &one, UPSTREAM_BROKEN, "connection reset", servers.ctx);
	assert_parked(1);
	cr_assert(registry_leave(registry, "one", "111"));
	join("new", "111", false);
	dispatch_tick(relay);
	pass(QUEUE_TIMEOUT + 1);
	tick();
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server one failed");
}

/* ---- what is told ---- */

Test(relay_back, incidents_are_passed_on)
{
	servers.ops->on_incident(TWO, 77, CAUSE_CUT, servers.ctx);
	cr_assert(incident.n == 1 && incident.server == TWO && incident.incarnation == 77 &&
		  incident.cause == CAUSE_CUT);
}

Test(relay_back, why_a_server_cannot_be_reached_is_told_to_waiting_requests_only)
{
	struct upstream_server two;

	all_are(UPSTREAM_PAUSING);
	ask(1, "111");
	two = named(TWO);
	servers.ops->on_unreached(&two, "connection refused", servers.ctx);
	pass(QUEUE_TIMEOUT + 1);
	tick();
	assert_refused(1, PACKET_UPSTREAM_FAILED, "server two: connection refused");
	servers.ops->on_unreached(&two, "connection refused", servers.ctx);
	ask(2, "111");
	pass(QUEUE_TIMEOUT + 1);
	tick();
	assert_refused(2, PACKET_OVERLOADED, "every server of policy 111 is busy");
}
