/* upstream: requests go to lanes of pooled and of plain servers, and their replies come back in
 * order. */
#include "upstream_fixture.h"

TestSuite(upstream, .init = open_upstreams, .fini = close_upstreams, .timeout = 120);

/* ---- pooled servers ---- */

Test(upstream, lanes_are_opened_up_to_server_connections_and_then_shared)
{
	int one, two;

	announce(0, pooled(3, UNBOUNDED), &at);
	send_all("abcdef");
	cr_assert(!try_send("g"), "both have all that they may have");
	cr_assert_null(send_why);
	cr_assert_eq(upstreams_in_flight(all), 6);
	one = accept_one(listener);
	two = accept_one(listener);
	cr_assert(!somebody_connects(listener));
	expect_heard(one, REQUEST("a") "\n" REQUEST("d") "\n" REQUEST("f") "\n");
	expect_heard(two, REQUEST("b") "\n" REQUEST("c") "\n" REQUEST("e") "\n");
	cr_assert_eq(connections(), 2);
	(void)close(one);
	(void)close(two);
}

Test(upstream, an_idle_lane_is_used_before_another_is_opened)
{
	int peer = open_pooled(8, UNBOUNDED);

	for (int i = 0; i < 3; i++) {
		send_all("a");
		expect_heard(peer, REQUEST("a") "\n");
		say(peer, REPLY("a"));
		expect_told("reply(a) ");
	}
	cr_assert_eq(connections(), 1);
	(void)close(peer);
}

Test(upstream, requests_of_one_turn_leave_together_on_one_lane)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("abc");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n" REQUEST("c") "\n");
	send_all("d");
	cr_assert_eq(connections(), 2, "in another turn it is busy");
	(void)close(peer);
}

Test(upstream, no_more_than_pipeline_are_in_flight_on_a_lane)
{
	int peer = open_pooled(2, UNBOUNDED);

	send_all("abc");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n");
	cr_assert_eq(connections(), 2);
	(void)close(peer);
}

Test(upstream, much_to_write_does_not_leave_on_one_lane)
{
	static char payload[9000];
	struct request *r = request_new(NULL, NULL, span_of(payload, sizeof payload),
					span_of(NULL, 0));
	int peer = open_pooled(8, UNBOUNDED);

	cr_assert_eq(upstream_send(all, 0, r, &send_why), 0);
	send_all("a");
	cr_assert_eq(connections(), 2);
	(void)close(peer);
}

Test(upstream, replies_come_in_order_and_as_they_were)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	cr_assert_eq(counter_get(&cell()->in_flight), 2);
	pass(3);
	say(peer, REPLY("a") REPLY("b"));
	expect_told("reply(a) reply(b) ");
	cr_assert_str_eq(reply_text, REPLY("b"));
	cr_assert(served() == 3 && failed() == 0);
	cr_assert_eq(counter_get(&cell()->in_flight), 0);
	cr_assert_eq(counter_get(&cell()->latency[0]), 6000);
	cr_assert_eq(counter_get(&cell()->reached_at), now_ms());
	(void)close(peer);
}

Test(upstream, whoever_waits_is_told_of_room_after_each_reply)
{
	int peer = open_pooled(8, UNBOUNDED);

	rooms_told = true;
	send_all("ab");
	say(peer, REPLY("a") ERROR_OF("overloaded", "b"));
	expect_told("reply(a) room lost(b, declined) room ");
	(void)close(peer);
}

Test(upstream, an_error_of_the_request_is_a_reply)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	say(peer, ERROR_OF("bad-payload", "a"));
	expect_told("refused(a) ");
	cr_assert_eq(served(), 2);
	(void)close(peer);
}

Test(upstream, who_declines_has_not_failed_and_keeps_its_lane)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	say(peer, ERROR_OF("overloaded", "a"));
	expect_told("lost(a, declined) ");
	cr_assert(served() == 1 && failed() == 0 && upstreams_in_flight(all) == 1);
	expect_verdict(UPSTREAM_USABLE);
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	(void)close(peer);
}

Test(upstream, a_lane_to_what_is_about_to_stop_takes_no_more_and_has_its_answers)
{
	int next, peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	say(peer, ERROR_OF("shutting-down", "a"));
	expect_told("lost(a, stopping) ");
	cr_assert(failed() == 0 && upstreams_in_flight(all) == 1);
	expect_verdict(UPSTREAM_USABLE);
	send_all("c");
	next = accept_one(listener);
	expect_heard(next, REQUEST("c") "\n");
	say(next, REPLY("c"));
	expect_told("reply(c) ");
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	expect_end(peer);
	cr_assert_eq(connections(), 1);
	(void)close(next);
}

Test(upstream, servers_do_not_share_lanes)
{
	struct addr elsewhere;
	int two, other = listen_at(&elsewhere, 4), one = open_pooled(8, UNBOUNDED);

	announce(1, pooled(8, UNBOUNDED), &elsewhere);
	cr_assert(try_send_to(1, "a"));
	two = accept_one(other);
	expect_silence(one);
	say(two, REPLY("a"));
	expect_told("reply(a@1) ");
	cr_assert_eq(served(), 1);
	(void)close(one);
	(void)close(two);
	(void)close(other);
}

/* ---- plain servers ---- */

Test(upstream, a_plain_server_has_one_request_a_connection_and_one_at_a_time)
{
	int peer;

	announce(0, plain(), &at);
	for (const char *srcid = "ab"; *srcid != '\0'; srcid++) {
		send_all((char[]){*srcid, '\0'});
		peer = accept_one(listener);
		expect_heard(peer, *srcid == 'a' ? REQUEST("a") : REQUEST("b"));
		cr_assert(!try_send("c"));
		cr_assert_null(send_why);
		cr_assert(!somebody_connects(listener));
		cr_assert_eq(conn_limit_held(env.permits, 0), 1);
		say(peer, *srcid == 'a' ? REPLY("a") : REPLY("b"));
		expect_told(*srcid == 'a' ? "reply(a) " : "reply(b) ");
		expect_end(peer);
		cr_assert(conn_limit_held(env.permits, 0) == 0 && connections() == 0);
	}
}

Test(upstream, what_is_sent_while_its_reply_is_told_does_not_follow_on_a_plain_connection)
{
	int peer;

	announce(0, plain(), &at);
	send_all("a");
	peer = accept_one(listener);
	expect_heard(peer, REQUEST("a"));
	next_up = request_of("b");
	say(peer, REPLY("a"));
	expect_told("reply(a) send=-1 ");
	expect_end(peer);
	cr_assert_eq(upstreams_in_flight(all), 0);
}

Test(upstream, a_plain_server_that_declines_is_left_with_its_connection)
{
	int peer;

	announce(0, plain(), &at);
	send_all("a");
	peer = accept_one(listener);
	expect_heard(peer, REQUEST("a"));
	say(peer, ERROR_OF("shutting-down", "a"));
	expect_told("lost(a, declined) ");
	expect_end(peer);
	cr_assert_eq(conn_limit_held(env.permits, 0), 0);
}

Test(upstream, a_plain_server_with_more_slots_has_more_connections)
{
	struct packet_announcement a = plain();
	int one, two;

	a.slots = 2;
	announce(0, a, &at);
	send_all("ab");
	cr_assert(!try_send("c"));
	one = accept_one(listener);
	two = accept_one(listener);
	expect_heard(one, REQUEST("a"));
	expect_heard(two, REQUEST("b"));
	(void)close(one);
	(void)close(two);
}

/* ---- its end ---- */

Test(upstream, cancelled_requests_still_take_their_reply)
{
	int peer = open_pooled(8, UNBOUNDED);
	struct request *a = request_of("a");

	cr_assert_eq(upstream_send(all, 0, a, &send_why), 0);
	send_all("b");
	a->client = NULL;
	say(peer, REPLY("a") REPLY("b"));
	expect_told("nobodys(a) reply(b) ");
	(void)close(peer);
}

Test(upstream, abandoned_requests_are_left_to_their_clients)
{
	struct request *kept = request_of("a"), *gone = request_of("b");
	int peer;

	announce(0, pooled(8, 1), &at);
	cr_assert_eq(upstream_send(all, 0, kept, &send_why), 0);
	cr_assert_eq(upstream_send(all, 0, gone, &send_why), 0);
	peer = accept_one(listener);
	gone->client = NULL;
	upstreams_abandon(all);
	expect_end(peer);
	cr_assert(upstreams_in_flight(all) == 0 && connections() == 0);
	cr_assert_eq(counter_get(&cell()->in_flight), 0);
	cr_assert_eq(conn_limit_held(env.permits, 0), 0);
	expect_nothing_told();
	cr_assert(span_eq_str(kept->srcid, "a"));
	request_free(kept);
}
