/* upstream_permit: permits of servers that bound their connections are shared with other
 * workers. */
#include "upstream_fixture.h"

TestSuite(upstream_permit, .init = open_upstreams, .fini = close_upstreams, .timeout = 120);

Test(upstream_permit, a_permit_is_waited_for_while_another_worker_holds_it)
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

Test(upstream_permit, who_has_nothing_to_send_stops_waiting)
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

Test(upstream_permit, an_idle_lane_is_given_up_when_another_worker_waits)
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

Test(upstream_permit, a_busy_lane_is_given_up_after_its_turn)
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
Test(upstream_permit, a_busy_lane_is_kept_when_the_worker_that_waits_has_as_many)
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
Test(upstream_permit, until_its_turn_is_over_an_own_request_that_waits_goes_before_another_workers)
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

Test(upstream_permit, a_lane_whose_server_is_not_bounded_is_never_given_up)
{
	int peer = open_pooled(8, UNBOUNDED);

	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_TAKEN);
	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_NONE);
	upstreams_yield(all);
	cr_assert_eq(connections(), 1);
	conn_limit_release_all(env.permits, OTHER);
	(void)close(peer);
}
