/* upstream: a worker's connections to servers that are sockets of the test. */
#include "policy_fixture.h"
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

/* ---- failures ---- */

Test(upstream, a_server_that_refuses_is_left_alone_for_a_moment_that_grows)
{
	uint64_t pause[2];
	int fd = refuse_at(&at);

	announce(0, pooled(8, UNBOUNDED), &at);
	for (int i = 0; i < 2; i++) {
		struct upstream_sight sight;
		send_all("ab");
		UNTIL(upstreams_in_flight(all) == 0);
		told[0] = '\0';
		expect_verdict(UPSTREAM_PAUSING);
		upstream_snapshot(all, 0, 100, now_ms(), &sight);
		pause[i] = sight.pause;
		pass(pause[i] - 1);
		expect_verdict(UPSTREAM_PAUSING);
		pass(1);
		expect_verdict(UPSTREAM_USABLE);
	}
	/* Two lanes failed each time, so it has doubled twice; it is jittered by half. */
	cr_assert(pause[0] >= 50 && pause[0] <= 100 && pause[1] >= 200 && pause[1] <= 400,
		  "%llu, %llu", (unsigned long long)pause[0], (unsigned long long)pause[1]);
	cr_assert_eq(failed(), 4);
	(void)close(fd);
}

Test(upstream, a_server_that_can_be_reached_again_is_asked_at_once)
{
	struct addr nowhere;
	int peer, fd = refuse_at(&nowhere);

	announce(0, pooled(8, UNBOUNDED), &nowhere);
	send_all("a");
	expect_told("incident(connection refused) lost(a, unreached) ");
	(void)close(fd);
	fd = net_listen(&nowhere, 4);
	cr_assert_geq(fd, 0);
	pass(1000);
	send_all("b");
	peer = accept_one(fd);
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	expect_verdict(UPSTREAM_USABLE);
	cr_assert_eq(all->by_index[0]->pause.tries, 0, "the next pause is short again");
	(void)close(peer);
	(void)close(fd);
}

Test(upstream, the_lost_are_told_from_the_last_to_the_first_and_then_of_room)
{
	int peer = open_pooled(8, UNBOUNDED);

	rooms_told = true;
	send_all("abc");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n" REQUEST("c") "\n");
	reset_it(peer);
	expect_told("incident(connection reset) "
		    "lost(c, broken) lost(b, broken) lost(a, broken) room ");
	cr_assert(upstreams_in_flight(all) == 0 && connections() == 0 && failed() == 3);
}

Test(upstream, who_is_lost_may_be_sent_again_from_there)
{
	int again, peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	expect_heard(peer, REQUEST("a") "\n");
	next_up = request_of("b");
	reset_it(peer);
	expect_told("incident(connection reset) lost(a, broken) send=0 ");
	again = accept_one(listener);
	expect_heard(again, REQUEST("b") "\n");
	cr_assert(upstreams_in_flight(all) == 1 && connections() == 1);
	(void)close(again);
}

Test(upstream, a_server_that_failed_gets_one_at_a_time_until_it_answers)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	reset_it(peer);
	expect_told("incident(connection reset) lost(a, broken) ");
	expect_verdict(UPSTREAM_USABLE);
	send_all("b");
	expect_verdict(UPSTREAM_DOUBTED);
	peer = accept_one(listener);
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	send_all("c");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(peer);
}

Test(upstream, an_end_in_order_is_no_failure)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	(void)shutdown(peer, SHUT_WR);
	expect_told("lost(b, ended) lost(a, ended) ");
	cr_assert_eq(failed(), 0);
	send_all("c");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(peer);
}

/* A server whose requests are not to be sent twice, over one connection on which it has answered.
 */
static int
open_once(void)
{
	struct packet_announcement a = pooled(8, UNBOUNDED);
	int peer;

	a.once = true;
	conf.server_connections = 1;
	announce(0, a, &at);
	send_all("0");
	peer = accept_one(listener);
	expect_heard(peer, REQUEST("0") "\n");
	say(peer, REPLY("0"));
	expect_told("reply(0) ");
	cr_assert(named.once);
	return peer;
}

Test(upstream, an_end_in_order_does_not_tell_what_was_run)
{
	int peer = open_once();

	send_all("ab");
	(void)shutdown(peer, SHUT_WR);
	expect_told("lost(b, broken) lost(a, broken) ");
	(void)close(peer);
}

Test(upstream, a_server_that_takes_leave_has_run_nothing_that_is_left)
{
	int peer = open_once();

	send_all("abc");
	say(peer, REPLY("a") ERROR_OF("shutting-down", ""));
	expect_told("reply(a) lost(c, ended) lost(b, ended) ");
	cr_assert_eq(failed(), 0);
	expect_end(peer);
	send_all("d");
	peer = accept_one(listener);
	say(peer, REPLY("d") ERROR_OF("shutting-down", ""));
	expect_told("reply(d) ");
	UNTIL(connections() == 0);
	expect_nothing_told();
	send_all("e");
	peer = accept_one(listener);
	say(peer, ERROR_OF("overloaded", ""));
	expect_told("incident(the reply is for another client) lost(e, broken) ");
}

Test(upstream, behind_one_that_is_too_large_nothing_is_sent)
{
	int peer = open_once();

	send_all("a");
	say(peer, ERROR_OF("too-large", ""));
	expect_told("refused(a) ");
	cr_assert_eq(failed(), 0);
	expect_end(peer);
	send_all("b");
	peer = accept_one(listener);
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
}

/* The socket takes a part of the large one, and nothing of those behind it. */
Test(upstream, what_never_left_was_not_run)
{
	static char large[32 << 20] = "L";
	struct request *r = request_new(NULL, NULL, span_of(large, sizeof large),
					span_of(large, 1));
	int peer = open_once();

	send_all("a");
	turn();
	cr_assert_eq(upstream_send(all, 0, r, &send_why), 0);
	turn();
	send_all("bc");
	turn();
	reset_it(peer);
	expect_told("incident(connection reset) "
		    "lost(c, unreached) lost(b, unreached) lost(L, broken) lost(a, broken) ");
}

Test(upstream, a_server_may_end_an_idle_connection)
{
	int peer = open_pooled(8, UNBOUNDED);

	reset_it(peer);
	UNTIL(connections() == 0);
	expect_nothing_told();
	expect_verdict(UPSTREAM_USABLE);
}

Test(upstream, a_wrong_reply_ends_the_connection_and_what_follows_reaches_nobody)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	say(peer, REPLY("b") REPLY("a") REPLY("b"));
	expect_told("incident(the reply is for another client) "
		    "lost(b, broken) lost(a, broken) ");
	expect_end(peer);
	expect_nothing_told();
	cr_assert_eq(failed(), 2);
}

Test(upstream, a_stray_reply_ends_its_connection_and_is_told)
{
	int peer = open_pooled(8, UNBOUNDED);

	say(peer, REPLY("0"));
	expect_told("incident(a reply that nobody asked for) ");
	expect_end(peer);
	send_all("a");
	expect_verdict(UPSTREAM_DOUBTED);
	cr_assert_eq(connections(), 1, "another one");
}

Test(upstream, who_answers_twice_has_a_connection_for_each_request)
{
	int peer = open_pooled(8, UNBOUNDED);

	say(peer, REPLY("0"));
	expect_told("incident(a reply that nobody asked for) ");
	for (int i = 0; i < 3; i++) {
		send_all("a");
		peer = accept_one(listener);
		expect_heard(peer, REQUEST("a") "\n");
		expect_verdict(UPSTREAM_DOUBTED);
		say(peer, REPLY("a") REPLY("a"));
		expect_told("reply(a) ");
		expect_end(peer);
		expect_verdict(UPSTREAM_USABLE);
	}
	cr_assert_eq(connections(), 0);
	announce(0, pooled(9, UNBOUNDED), &at); /* it is another one, maybe */
	send_all("a");
	expect_verdict(UPSTREAM_USABLE);
}

Test(upstream, incidents_close_together_are_told_once_but_lies_each_time)
{
	static const char lie[] = REPLY_OF("0000000000000000000000000000000000000000", "a");
	int peer;

	add_section(&conf, "111")->verify = REPLY_CHECK_DIGEST;
	announce(0, pooled(8, UNBOUNDED), &at);
	for (int i = 0; i < 2; i++) {
		send_all("a");
		peer = accept_one(listener);
		expect_heard(peer, REQUEST("a") "\n");
		reset_it(peer);
		expect_told(i == 0 ? "incident(connection reset) lost(a, broken) "
				   : "lost(a, broken) ");
	}
	for (int i = 0; i < 2; i++) {
		send_all("a");
		peer = accept_one(listener);
		say(peer, lie);
		expect_told("incident(the reply is not the payload's digest) lost(a, broken) ");
		expect_end(peer);
	}
	pass(1000);
	send_all("a");
	peer = accept_one(listener);
	reset_it(peer);
	expect_told("incident(connection reset) lost(a, broken) ");
}

Test(upstream, a_server_without_a_way_there_gives_its_permit_back_and_says_why)
{
	cr_assert_eq(addr_numeric(&at, "255.255.255.255", 9), 0);
	announce(0, plain(), &at);
	cr_assert(!try_send("a"));
	cr_assert_str_eq(send_why, strerror(ENETUNREACH));
	expect_told("incident(cannot be reached) ");
	expect_verdict(UPSTREAM_PAUSING);
	cr_assert(conn_limit_held(env.permits, 0) == 0 && connections() == 0);
}

Test(upstream, tls_that_settings_do_not_allow_is_told_as_such)
{
	struct packet_announcement a = pooled(8, UNBOUNDED);

	a.tls = true;
	announce(0, a, &at);
	cr_assert(!try_send("a"));
	cr_assert_str_eq(send_why, "it announced TLS, and there is no server_ca to verify it by");
	expect_told("incident(TLS failed) ");
	expect_verdict(UPSTREAM_PAUSING);
}

Test(upstream, nobody_is_blamed_with_no_descriptor_left)
{
	announce(0, plain(), &at);
	take_descriptors();
	cr_assert(!try_send("a"));
	give_descriptors();
	cr_assert_str_eq(send_why, net_shortage(EMFILE));
	cr_assert_str_eq(upstreams_short_of(all, now_ms()), send_why);
	expect_nothing_told();
	expect_verdict(UPSTREAM_SHORT);
	cr_assert(conn_limit_held(env.permits, 0) == 0 && failed() == 0);
	pass(50);
	expect_verdict(UPSTREAM_USABLE);
	pass(50);
	cr_assert_null(upstreams_short_of(all, now_ms()));
	send_all("b");
}

Test(upstream, a_request_for_which_there_is_no_memory_leaves_no_lane_behind)
{
	struct request *r = request_of("a");

	announce(0, plain(), &at);
	r->text.n = (size_t)PTRDIFF_MAX + 1; /* sanitizers abort where malloc is asked for it */
	cr_assert_eq(upstream_send(all, 0, r, &send_why), -1);
	cr_assert(r->state == REQUEST_QUEUED && upstreams_in_flight(all) == 0);
	cr_assert(!try_send("b"), "that lane takes none");
	upstreams_yield(all);
	cr_assert(conn_limit_held(env.permits, 0) == 0 && connections() == 0);
	request_free(r);
}

Test(upstream, what_comes_over_a_lane_is_told_by_the_name_of_the_server_that_it_went_to)
{
	int peer = open_pooled(8, UNBOUNDED);

	for (unsigned i = 1; i < SERVERS; i++)
		announce(i, plain(), &at);
	send_all("ab");
	cr_assert(registry_leave(registry, "0", "111"));
	refresh();
	announce_as("new", 0, pooled(8, UNBOUNDED), &at);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	cr_assert_str_eq(named.id, "0");
	reset_it(peer);
	expect_told("lost(b, broken) ");
	cr_assert_str_eq(named.id, "0");
	cr_assert_lt(named.incarnation, registry_server(registry, 0)->incarnation);
}

/* ---- permits ---- */

Test(upstream, a_permit_is_waited_for_while_another_worker_holds_it)
{
	int permit;

	announce(0, plain(), &at);
	permit = conn_limit_take(env.permits, 0, 1, OTHER);
	cr_assert(!try_send("a"));
	cr_assert_null(send_why);
	cr_assert(conn_limit_wanted(env.permits, 0, OTHER));
	conn_limit_give(env.permits, 0, permit, OTHER);
	send_all("a");
	cr_assert_eq(conn_limit_held(env.permits, 0), 1);
	cr_assert(!conn_limit_wanted(env.permits, 0, OTHER));
}

Test(upstream, who_has_nothing_to_send_stops_waiting)
{
	announce(0, plain(), &at);
	announce(1, plain(), &at);
	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_TAKEN);
	cr_assert_eq(conn_limit_take(env.permits, 1, 1, OTHER), CONN_LIMIT_TAKEN);
	cr_assert(!try_send_to(0, "a") && !try_send_to(1, "a"));
	upstreams_stop_waiting(all);
	cr_assert(!conn_limit_wanted(env.permits, 0, OTHER) &&
		  !conn_limit_wanted(env.permits, 1, OTHER));
	conn_limit_release_all(env.permits, OTHER);
}

Test(upstream, an_idle_lane_is_given_up_when_another_worker_waits)
{
	int peer = open_pooled(8, 1);

	upstreams_yield(all);
	cr_assert_eq(connections(), 1, "nobody waits for it");
	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_NONE);
	upstreams_yield(all);
	expect_end(peer);
	cr_assert(conn_limit_held(env.permits, 0) == 0 && connections() == 0);
	conn_limit_release_all(env.permits, OTHER);
}

Test(upstream, a_busy_lane_is_given_up_after_its_turn)
{
	char told_of[32];
	int peer = open_pooled(2, 1);

	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_NONE);
	send_all("a");
	for (int i = 1; i < 64; i++) {
		upstreams_yield(all);
		send_all("a");
		say(peer, REPLY("a"));
		(void)snprintf(told_of, sizeof told_of, "reply(a) ");
		expect_told(told_of);
	}
	cr_assert(!try_send("b"), "it has had 64 requests");
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_end(peer);
	cr_assert_eq(conn_limit_held(env.permits, 0), 0);
	conn_limit_release_all(env.permits, OTHER);
}

/* They would only exchange theirs. */
Test(upstream, a_busy_lane_is_kept_when_the_worker_that_waits_has_as_many)
{
	int permit, peer = open_pooled(2, 2);

	permit = conn_limit_take(env.permits, 0, 2, OTHER);
	cr_assert_eq(permit, CONN_LIMIT_TAKEN);
	cr_assert_eq(conn_limit_take(env.permits, 0, 2, OTHER), CONN_LIMIT_NONE);
	send_all("a");
	for (int i = 0; i < 100; i++) {
		send_all("a");
		upstreams_yield(all);
		say(peer, REPLY("a"));
		expect_told("reply(a) ");
	}
	cr_assert_eq(connections(), 1);
	conn_limit_give(env.permits, 0, permit, OTHER);
	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_NONE);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_end(peer);
	conn_limit_release_all(env.permits, OTHER);
}

/* Of a pipeline of 1: it is idle between two. */
Test(upstream, until_its_turn_is_over_an_own_request_that_waits_goes_before_another_workers)
{
	int peer = open_pooled(1, 1);

	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_NONE);
	send_all("a");
	pass(1);
	waits = request_of("b");
	say(peer, REPLY("a"));
	expect_told("reply(a) send=0 ");
	pass(10);
	waits = request_of("c");
	say(peer, REPLY("b"));
	expect_told("reply(b) send=-1 ");
	expect_end(peer);
	cr_assert_eq(conn_limit_held(env.permits, 0), 0);
	conn_limit_release_all(env.permits, OTHER);
}

Test(upstream, a_lane_whose_server_is_not_bounded_is_never_given_up)
{
	int peer = open_pooled(8, UNBOUNDED);

	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_TAKEN);
	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_NONE);
	upstreams_yield(all);
	cr_assert_eq(connections(), 1);
	conn_limit_release_all(env.permits, OTHER);
	(void)close(peer);
}

/* ---- change ---- */

Test(upstream, a_server_that_has_left_keeps_no_idle_connection)
{
	int peer = open_pooled(8, 1);

	cr_assert(registry_leave(registry, "0", "111"));
	refresh();
	expect_end(peer);
	cr_assert(connections() == 0 && conn_limit_held(env.permits, 0) == 0);
	expect_nothing_told();
}

Test(upstream, a_server_that_has_left_still_answers_what_it_has)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n");
	cr_assert(registry_leave(registry, "0", "111"));
	refresh();
	say(peer, REPLY("a") REPLY("b"));
	expect_told("reply(a) reply(b) ");
	expect_end(peer);
	cr_assert_eq(connections(), 0);
}

Test(upstream, a_server_that_has_moved_gets_new_requests_where_it_is)
{
	struct addr elsewhere;
	int two, other = listen_at(&elsewhere, 4), one = open_pooled(8, UNBOUNDED);

	send_all("a");
	expect_heard(one, REQUEST("a") "\n");
	announce(0, pooled(8, UNBOUNDED), &elsewhere);
	send_all("b");
	two = accept_one(other);
	expect_heard(two, REQUEST("b") "\n");
	expect_silence(one);
	say(one, REPLY("a"));
	expect_told("reply(a) ");
	expect_end(one);
	say(two, REPLY("b"));
	expect_told("reply(b) ");
	(void)close(two);
	(void)close(other);
}

Test(upstream, what_a_server_had_in_flight_outlives_its_change_to_a_plain_one)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	announce(0, plain(), &at);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	cr_assert_eq(upstreams_in_flight(all), 1);
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	expect_end(peer);
	cr_assert_eq(connections(), 0);
}

Test(upstream, the_failure_of_where_it_was_says_nothing_of_where_it_is)
{
	int peer = open_pooled(8, UNBOUNDED);
	struct addr elsewhere;
	int other = listen_at(&elsewhere, 4);

	send_all("ab");
	announce(0, pooled(8, UNBOUNDED), &elsewhere);
	reset_it(peer);
	expect_told("lost(b, broken) lost(a, broken) ");
	send_all("c");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(other);
}

Test(upstream, the_reply_of_where_it_was_does_not_prove_where_it_is)
{
	int peer = open_pooled(8, UNBOUNDED);
	struct addr elsewhere;
	int other = listen_at(&elsewhere, 4);

	send_all("a");
	server_health_set(verdicts, 0, SERVER_HEALTH_TRIAL, 0);
	announce(0, pooled(8, UNBOUNDED), &elsewhere);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_verdict(UPSTREAM_UNTRIED);
	(void)close(peer);
	(void)close(other);
}

Test(upstream, a_renewal_changes_nothing)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	(void)registry_set_admin(registry, 0, REGISTRY_DRAINING, now_ms());
	announce(0, pooled(8, UNBOUNDED), &at);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	cr_assert_eq(connections(), 1, "a draining one keeps its connections");
	send_all("b");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n");
	(void)close(peer);
}

Test(upstream, a_disabled_server_keeps_no_connection_beyond_what_it_has)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	(void)registry_set_admin(registry, 0, REGISTRY_DISABLED, now_ms());
	refresh();
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_end(peer);
	peer = -1;
	(void)registry_set_admin(registry, 0, REGISTRY_ENABLED, now_ms());
	refresh();
	send_all("b");
	cr_assert_eq(connections(), 1);
}

Test(upstream, a_server_that_comes_back_is_judged_anew)
{
	int fd = refuse_at(&at);

	announce(0, pooled(8, UNBOUNDED), &at);
	send_all("a");
	expect_told("incident(connection refused) lost(a, unreached) ");
	expect_verdict(UPSTREAM_PAUSING);
	announce(0, pooled(9, UNBOUNDED), &at);
	expect_verdict(UPSTREAM_USABLE);
	send_all("b");
	expect_told("incident(connection refused) lost(b, unreached) ");
	(void)close(fd);
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
