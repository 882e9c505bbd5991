/* upstream_failure: what fails is told with its cause, and a server that fails is asked less. */
#include "policy_fixture.h"
#include "upstream_fixture.h"

TestSuite(upstream_failure, .init = open_upstreams, .fini = close_upstreams, .timeout = 120);

Test(upstream_failure, a_server_that_refuses_is_left_alone_for_a_moment_that_grows)
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

Test(upstream_failure, a_server_that_can_be_reached_again_is_asked_at_once)
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

Test(upstream_failure, the_lost_are_told_from_the_last_to_the_first_and_then_of_room)
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

Test(upstream_failure, who_is_lost_may_be_sent_again_from_there)
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

Test(upstream_failure, a_server_that_failed_gets_one_at_a_time_until_it_answers)
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

Test(upstream_failure, an_end_in_order_is_no_failure)
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

Test(upstream_failure, an_end_in_order_does_not_tell_what_was_run)
{
	int peer = open_once();

	send_all("ab");
	(void)shutdown(peer, SHUT_WR);
	expect_told("lost(b, broken) lost(a, broken) ");
	(void)close(peer);
}

Test(upstream_failure, a_server_that_takes_leave_has_run_nothing_that_is_left)
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

Test(upstream_failure, behind_one_that_is_too_large_nothing_is_sent)
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
Test(upstream_failure, what_never_left_was_not_run)
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

Test(upstream_failure, a_server_may_end_an_idle_connection)
{
	int peer = open_pooled(8, UNBOUNDED);

	reset_it(peer);
	UNTIL(connections() == 0);
	expect_nothing_told();
	expect_verdict(UPSTREAM_USABLE);
}

Test(upstream_failure, a_wrong_reply_ends_the_connection_and_what_follows_reaches_nobody)
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

Test(upstream_failure, a_stray_reply_ends_its_connection_and_is_told)
{
	int peer = open_pooled(8, UNBOUNDED);

	say(peer, REPLY("0"));
	expect_told("incident(a reply that nobody asked for) ");
	expect_end(peer);
	send_all("a");
	expect_verdict(UPSTREAM_DOUBTED);
	cr_assert_eq(connections(), 1, "another one");
}

Test(upstream_failure, who_answers_twice_has_a_connection_for_each_request)
{
	int peer = open_pooled(8, UNBOUNDED);

	say(peer, REPLY("0"));
	expect_told("incident(a reply that nobody asked for) ");
	for (int i = 0; i < 3; i++) {
		send_all("a");
		peer = accept_one(listener);
		expect_heard(peer, REQUEST("a") "\n");
		expect_verdict(UPSTREAM_DOUBTED);
		/* A second one may yet come: the connection is not used again. */
		say(peer, i == 0 ? REPLY("a") : REPLY("a") REPLY("a"));
		expect_told("reply(a) ");
		expect_end(peer);
		expect_verdict(UPSTREAM_USABLE);
	}
	cr_assert_eq(connections(), 0);
	announce(0, pooled(9, UNBOUNDED), &at); /* it is another one, maybe */
	send_all("a");
	expect_verdict(UPSTREAM_USABLE);
}

Test(upstream_failure, incidents_close_together_are_told_once_but_lies_each_time)
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

Test(upstream_failure, a_server_without_a_way_there_gives_its_permit_back_and_says_why)
{
	cr_assert_eq(addr_numeric(&at, "255.255.255.255", 9), 0);
	announce(0, plain(), &at);
	cr_assert(!try_send("a"));
	cr_assert_str_eq(send_why, strerror(ENETUNREACH));
	expect_told("incident(cannot be reached) ");
	expect_verdict(UPSTREAM_PAUSING);
	cr_assert(conn_limit_held(env.permits, 0) == 0 && connections() == 0);
}

Test(upstream_failure, tls_that_settings_do_not_allow_is_told_as_such)
{
	struct packet_announcement a = pooled(8, UNBOUNDED);

	a.tls = true;
	announce(0, a, &at);
	cr_assert(!try_send("a"));
	cr_assert_str_eq(send_why, "it announced TLS, and there is no server_ca to verify it by");
	expect_told("incident(TLS failed) ");
	expect_verdict(UPSTREAM_PAUSING);
}

Test(upstream_failure, nobody_is_blamed_with_no_descriptor_left)
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

Test(upstream_failure, a_request_for_which_there_is_no_memory_leaves_no_lane_behind)
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

Test(upstream_failure, what_comes_over_a_lane_is_told_by_the_name_of_the_server_that_it_went_to)
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
