/* dispatch: a request's way in, to a server or into the queue. */
#include "dispatch.h"

#include "dispatch_fixture.h"

TestSuite(relay, .init = open_relay, .fini = close_relay);

/* ---- to a server ---- */

Test(relay, a_request_goes_to_a_server_of_its_policy)
{
	ask(7, "222");
	cr_assert_eq(server_of(7), FOUR);
	cr_assert_str_eq(forwarded, "7 four, ");
	cr_assert(dispatch_pending(relay) == 1 && dispatch_in_flight(relay) == 1);
	cr_assert_eq(answer[7].n, 0);
}

Test(relay, the_reply_is_handed_on_as_it_came_once)
{
	ask(7, "111");
	reply(ONE);
	assert_replied(7, "one");
	assert_idle();
}

Test(relay, the_servers_of_a_policy_take_turns)
{
	for (unsigned id = 1; id <= 4; id++)
		ask(id, "111");
	cr_assert_str_eq(forwarded, "1 one, 2 two, 3 three, 4 one, ");
}

Test(relay, replies_go_to_their_own_requests)
{
	for (unsigned id = 1; id <= 4; id++)
		ask_with(id % CLIENTS, id, "111", "x");
	reply(THREE);
	reply(ONE);
	assert_replied(3, "three");
	assert_replied(1, "one");
	cr_assert(alive[2] != NULL && alive[4] != NULL);
	reply(TWO);
	reply(ONE);
	assert_replied(2, "two");
	assert_replied(4, "one");
}

Test(relay, a_server_that_does_not_take_it_after_all_is_passed_over)
{
	servers.server[ONE].refuses = true;
	ask(1, "111");
	cr_assert_str_eq(forwarded, "1 two, ");
}

/* ---- what cannot be sent at all ---- */

Test(relay, a_policy_that_nobody_ever_served_is_unknown)
{
	ask(7, "333");
	assert_refused(7, PACKET_UNKNOWN_POLICY, "no server ever registered for policy 333");
	cr_assert_null(strstr(answer[7].text, "retryafter"));
	cr_assert_eq(counter_get(&counts()->error[PACKET_UNKNOWN_POLICY]), 1);
	assert_idle();
}

Test(relay, a_request_that_no_server_of_the_policy_can_read_is_too_large)
{
	char large[256] = "";

	memset(large, 'x', 200);
	ask_with(0, 7, "111", large);
	assert_refused(7, PACKET_TOO_LARGE, "the servers of policy 111 take 200");
	cr_assert_eq(counter_get(&counts()->error[PACKET_TOO_LARGE]), 1);
	assert_idle();
	cr_assert(registry_leave(registry, "one", "111"));
	join("large", "111", true);
	servers.server[TWO].verdict = servers.server[THREE].verdict = UPSTREAM_TOO_SMALL;
	ask_with(0, 8, "111", large);
	cr_assert_str_eq(forwarded, "8 large, ");
}

/* ---- waiting ---- */

Test(relay, a_request_waits_until_a_server_has_room)
{
	servers.server[FOUR].room = 1;
	ask(1, "222");
	ask(2, "222");
	assert_waits(2);
	cr_assert(dispatch_pending(relay) == 2 && dispatch_in_flight(relay) == 1);
	cr_assert_eq(counter_get(&counts()->queued), 1);
	reply(FOUR);
	cr_assert_eq(server_of(2), FOUR);
	cr_assert_eq(counter_get(&counts()->queued), 0);
	reply(FOUR);
	assert_replied(2, "four");
	assert_idle();
}

Test(relay, room_at_a_server_of_one_policy_is_none_for_another)
{
	all_are(UPSTREAM_PAUSING);
	ask(1, "111");
	room(FOUR);
	assert_waits(1);
	all_are(UPSTREAM_USABLE);
	room(FOUR);
	assert_waits(1);
	room(ONE);
	cr_assert_eq(server_of(1), ONE);
}

Test(relay, a_look_finds_room_for_every_policy)
{
	all_are(UPSTREAM_PAUSING);
	servers.server[FOUR].verdict = UPSTREAM_PAUSING;
	ask(1, "111");
	ask(2, "222");
	all_are(UPSTREAM_USABLE);
	servers.server[FOUR].verdict = UPSTREAM_USABLE;
	dispatch_tick(relay);
	cr_assert(server_of(1) == ONE && server_of(2) == FOUR);
	cr_assert_eq(servers.yielded, 1, "others may wait for connections");
}

Test(relay, a_newcomer_takes_what_waits_for_its_policy)
{
	cr_assert(registry_leave(registry, "four", "222"));
	ask(1, "222");
	assert_waits(1);
	join("five", "222", false);
	dispatch_tick(relay);
	cr_assert_str_eq(forwarded, "1 five, ");
	cr_assert_eq(servers.refreshed, 2);
	dispatch_tick(relay);
	cr_assert_eq(servers.refreshed, 2, "nothing has changed");
}

Test(relay, clients_that_wait_take_turns)
{
	servers.server[FOUR].room = 0;
	ask_with(0, 1, "222", "x");
	ask_with(0, 2, "222", "x");
	ask_with(1, 3, "222", "x");
	servers.server[FOUR].room = 3;
	room(FOUR);
	cr_assert_str_eq(forwarded, "1 four, 3 four, 2 four, ");
}

Test(relay, a_newcomer_does_not_overtake_waiting_requests)
{
	servers.server[FOUR].room = 0;
	ask(1, "222");
	servers.server[FOUR].room = 1;
	ask(2, "222");
	cr_assert_eq(server_of(1), FOUR);
	assert_waits(2);
}

Test(relay, one_that_no_server_took_is_the_next_again)
{
	servers.server[FOUR].refuses = true;
	ask_with(0, 1, "222", "x");
	ask_with(1, 2, "222", "x");
	room(FOUR);
	assert_waits(1);
	assert_waits(2);
	servers.server[FOUR].refuses = false;
	room(FOUR);
	cr_assert_str_eq(forwarded, "1 four, 2 four, ");
}

Test(relay, a_server_on_trial_keeps_its_turn_and_is_waited_for)
{
	servers.server[ONE].verdict = UPSTREAM_TRIED;
	ask(1, "111");
	assert_waits(1);
	servers.server[ONE].verdict = UPSTREAM_USABLE;
	room(ONE);
	ask(2, "111");
	cr_assert_str_eq(forwarded, "1 one, 2 two, ");
}

Test(relay, a_server_that_is_being_probed_keeps_its_turn_and_is_waited_for)
{
	servers.server[ONE].refuses = servers.server[ONE].probed = true;
	ask(1, "111");
	assert_waits(1);
	servers.server[ONE].refuses = servers.server[ONE].probed = false;
	room(ONE);
	ask(2, "111");
	cr_assert_str_eq(forwarded, "1 one, 2 two, ");
}

Test(relay, a_turn_that_was_kept_is_taken_once)
{
	servers.server[ONE].verdict = UPSTREAM_TRIED;
	ask(1, "111");
	servers.server[ONE].verdict = UPSTREAM_EJECTED;
	room(ONE);
	cr_assert_eq(server_of(1), TWO);
	cr_assert(!alive[1]->turn_kept);
}

Test(relay, no_permit_is_waited_for_once_no_request_waits)
{
	servers.server[FOUR].room = 1;
	ask(1, "222");
	ask(2, "222");
	servers.stopped = 0;
	dispatch_tick(relay);
	cr_assert_eq(servers.stopped, 0, "one waits");
	reply(FOUR);
	cr_assert_eq(servers.stopped, 1);
	reply(FOUR);
	servers.stopped = 0;
	ask(3, "222");
	cr_assert_eq(servers.stopped, 1, "a server may have been passed over");
}

/* ---- when there is no room to wait ---- */

Test(relay, a_full_queue_refuses_and_says_when_to_try_again)
{
	conf.queue_length = 2;
	all_are(UPSTREAM_FULL);
	for (unsigned id = 1; id <= 3; id++)
		ask(id, "111");
	assert_refused(3, PACKET_OVERLOADED, "queue_length");
	cr_assert_not_null(strstr(answer[3].text, "\"retryafter\":1000"), "%s", answer[3].text);
	cr_assert_eq(counter_get(&queue_counts()->refused), 1);
	cr_assert_eq(counter_get(&counts()->error[PACKET_OVERLOADED]), 1);
	cr_assert_eq(dispatch_pending(relay), 2);
	ask(4, "222");
	cr_assert_eq(server_of(4), FOUR, "that one needs not wait");
}

/* ---- another policy with the same index ---- */

Test(relay, requests_for_a_policy_that_is_gone_do_not_keep_its_successor_waiting)
{
	all_are(UPSTREAM_PAUSING);
	ask_with(0, 1, "111", "x");
	ask_with(1, 2, "111", "x");
	replace_policy();
	all_are(UPSTREAM_USABLE);
	dispatch_tick(relay);
	cr_assert_str_empty(forwarded, "333 is not what they asked for");
	ask_with(1, 3, "333", "x");
	cr_assert_str_eq(forwarded, "3 new, ");
	assert_refused(1, PACKET_NO_SERVER, "no server of policy 111 is registered");
	assert_refused(2, PACKET_NO_SERVER, "no server of policy 111 is registered");
	reply(ONE);
	assert_replied(3, "new");
	assert_idle();
}

/* ---- clients that go away ---- */

Test(relay, a_waiting_request_of_a_client_that_left_is_gone)
{
	servers.server[FOUR].room = 0;
	ask_with(0, 1, "222", "x");
	ask_with(1, 2, "222", "x");
	leave(1);
	cr_assert_eq(dispatch_pending(relay), 1);
	servers.server[FOUR].room = 2;
	room(FOUR);
	cr_assert_str_eq(forwarded, "2 four, ");
	reply(FOUR);
	assert_idle();
}

Test(relay, a_reply_for_a_client_that_left_reaches_nobody)
{
	ask(1, "222");
	leave(1);
	cr_assert_eq(dispatch_in_flight(relay), 1, "the server still has it");
	reply(FOUR);
	cr_assert_eq(answer[1].n, 0);
	assert_idle();
}

/* ---- explaining ---- */

static struct explain_row row[SERVERS];

/* The index of the one that is chosen, -1: none. */
static int
chosen(const char *policy)
{
	int at = -1, n = dispatch_explain(relay, span_str(policy), span_of(NULL, 0), row);

	for (int i = 0; i < n; i++)
		if (row[i].chosen) {
			cr_assert_eq(at, -1, "two are chosen");
			at = (int)row[i].server;
		}
	return at;
}

Test(relay, explaining_an_unknown_policy_is_told_from_one_without_servers)
{
	cr_assert_eq(dispatch_explain(relay, span_str("333"), span_of(NULL, 0), row), -1);
	cr_assert(registry_leave(registry, "four", "222"));
	cr_assert_eq(dispatch_explain(relay, span_str("222"), span_of(NULL, 0), row), 0);
}

Test(relay, explaining_tells_of_each_server_and_the_next_and_takes_no_turn)
{
	servers.server[TWO].verdict = UPSTREAM_DRAINING;
	cr_assert_eq(dispatch_explain(relay, span_str("111"), span_of(NULL, 0), row), 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(row[i].server, i);
	cr_assert_eq(row[TWO].sight.verdict, UPSTREAM_DRAINING);
	cr_assert(chosen("111") == ONE && chosen("111") == ONE);
	ask(1, "111");
	cr_assert_eq(server_of(1), ONE);
	cr_assert_eq(chosen("111"), THREE);
}

Test(relay, explaining_passes_over_busy_servers_and_may_choose_none)
{
	servers.server[ONE].busy = true;
	cr_assert_eq(chosen("111"), TWO);
	servers.server[TWO].busy = servers.server[THREE].busy = true;
	cr_assert_eq(chosen("111"), -1);
	all_are(UPSTREAM_EJECTED);
	cr_assert_eq(chosen("111"), -1);
}

/* ---- beginning and end ---- */

Test(relay, without_memory_there_is_none)
{
	servers.lacks_memory = true;
	cr_assert_null(dispatch_new(&env, &ops, &client));
	dispatch_free(NULL);
}

Test(relay, its_end_leaves_requests_to_their_clients)
{
	struct dispatch *other;
	struct request *q;

	dispatch_free(relay);
	other = relay = dispatch_new(&env, &ops, &client);
	ask(1, "222");
	ask(2, "222");
	leave(2); /* nobody's: freed with it */
	q = alive[1];
	dispatch_free(other);
	cr_assert_eq(answer[1].n, 0);
	cr_assert_eq(q->client, &client[0]);
	alive[1] = NULL;
	request_free(q);
	relay = dispatch_new(&env, &ops, &client);
}
