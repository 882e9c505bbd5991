/* upstream_change: servers that leave, move, change or come back keep the answers that are on
 * their way. */
#include "upstream_fixture.h"

TestSuite(upstream_change, .init = open_upstreams, .fini = close_upstreams, .timeout = 120);

Test(upstream_change, a_server_that_has_left_keeps_no_idle_connection)
{
	int peer = open_pooled(8, 1);

	cr_assert(registry_leave(registry, "0", "111"));
	refresh();
	expect_end(peer);
	cr_assert(connections() == 0 && conn_limit_held(env.permits, 0) == 0);
	expect_nothing_told();
}

Test(upstream_change, a_server_that_has_left_still_answers_what_it_has)
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

Test(upstream_change, a_server_that_has_moved_gets_new_requests_where_it_is)
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

Test(upstream_change, what_a_server_had_in_flight_outlives_its_change_to_a_plain_one)
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

Test(upstream_change, the_failure_of_where_it_was_says_nothing_of_where_it_is)
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

Test(upstream_change, the_reply_of_where_it_was_does_not_prove_where_it_is)
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

Test(upstream_change, a_renewal_changes_nothing)
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

Test(upstream_change, a_disabled_server_keeps_no_connection_beyond_what_it_has)
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

Test(upstream_change, a_server_that_comes_back_is_judged_anew)
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
