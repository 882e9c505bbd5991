/* upstream_timeout: connections that are not made and replies that don't come. */
#include "policy_fixture.h"
#include "upstream_fixture.h"

#define LATE "incident(late: it usually connects or replies sooner) "

TestSuite(upstream_clock, .init = open_upstreams, .fini = close_upstreams, .timeout = 120);

static void
tick(unsigned times)
{
	while (times-- > 0)
		upstreams_tick(all, now_ms());
}

static uint64_t
connects_timed_out(void)
{
	return counter_get(&worker_stats_row(env.meter, 0)->timeout[WORKER_STATS_connect]);
}

/* The next connection has what nobody has asked for but the proxy. */
static int
accept_own_question(void)
{
	int peer = accept_one(listener);
	char text[512];
	ssize_t n;

	UNTIL((n = read(peer, text, sizeof text - 1)) > 0);
	text[n] = '\0';
	cr_assert_not_null(strstr(text, "\"srcid\":\"proxy\""), "%s", text);
	cr_assert_not_null(strstr(text, "\"111\""), "%s", text);
	cr_assert_null(strchr(text, '\n'));
	return peer;
}

/* ---- connecting ---- */

Test(upstream_clock, who_waits_for_a_connection_is_told_after_two_ticks)
{
	announce(0, pooled(8, UNBOUNDED), &at);
	conf.server_connections = 1;
	send_all("abc");
	tick(1);
	expect_told_at_once(""); /* one alone may be this process that stood still */
	tick(1);
	expect_told_at_once(LATE "lost(c, late) lost(b, late) lost(a, late) ");
	cr_assert(upstreams_in_flight(all) == 0 && failed() == 0);
	cr_assert_eq(connections(), 1, "connecting goes on");
	expect_verdict(UPSTREAM_CONNECTING);
	cr_assert(!try_send("d"));
}

Test(upstream_clock, a_connection_that_was_late_has_none_of_what_went_elsewhere)
{
	int peer;

	rooms_told = true;
	announce(0, pooled(8, UNBOUNDED), &at);
	send_all("a");
	tick(2);
	expect_told_at_once(LATE "lost(a, late) room ");
	peer = accept_one(listener);
	expect_told("room ");
	expect_silence(peer);
	expect_verdict(UPSTREAM_USABLE);
	send_all("b");
	expect_heard(peer, REQUEST("b") "\n");
	cr_assert_eq(connections(), 1);
	(void)close(peer);
}

Test(upstream_clock, what_a_connection_usually_takes_is_not_late)
{
	int one, two;

	announce(0, pooled(1, UNBOUNDED), &at);
	send_all("a");
	still_us += 1000000; /* it takes a second */
	one = accept_one(listener);
	say(one, REPLY("a"));
	(void)close(one);
	expect_told("reply(a) ");
	UNTIL(connections() == 0);
	send_all("b");
	still_us += 3999000;
	tick(4);
	expect_told_at_once("");
	still_us += 2000;
	tick(1);
	expect_told_at_once(LATE "lost(b, late) ");
	two = accept_one(listener);
	(void)close(two);
}

Test(upstream_clock, the_master_is_told_of_late_connections_once_a_second)
{
	announce(0, plain(), &at);
	announce(1, plain(), &at);
	for (int i = 0; i < 2; i++) {
		cr_assert(try_send_to(0, "a"));
		tick(2);
		expect_told_at_once(i == 0 ? LATE "lost(a, late) " : "lost(a, late) ");
		told[0] = '\0';
		upstreams_abandon(all);
		pass(999);
	}
	pass(2);
	cr_assert(try_send_to(0, "a"));
	tick(2);
	cr_assert_str_eq(told, LATE "lost(a, late) ");
}

Test(upstream_clock, a_connection_that_is_never_made_is_given_up)
{
	int filler, fd = hang_at(&at, &filler);

	announce(0, plain(), &at);
	send_all("a");
	pass(5001);
	expect_told("incident(connecting took longer than connect_timeout) lost(a, unreached) ");
	cr_assert(connects_timed_out() == 1 && conn_limit_held(env.permits, 0) == 0);
	expect_verdict(UPSTREAM_PAUSING);
	(void)close(filler);
	(void)close(fd);
}

Test(upstream_clock, nobody_waits_any_more_for_a_connection_that_is_given_up)
{
	int filler, fd = hang_at(&at, &filler);

	announce(0, plain(), &at);
	send_all("a");
	tick(2);
	expect_told_at_once(LATE "lost(a, late) ");
	pass(5001);
	expect_told("incident(connecting took longer than connect_timeout) "
		    "unreached(0, connecting took longer than connect_timeout) ");
	(void)close(filler);
	(void)close(fd);
}

Test(upstream_clock, who_goes_elsewhere_hears_why_it_was_not_connected_before)
{
	int filler, fd = hang_at(&at, &filler);

	announce(0, pooled(8, UNBOUNDED), &at);
	send_all("a");
	pass(5001);
	expect_told("incident(connecting took longer than connect_timeout) lost(a, unreached) ");
	cr_assert_str_eq(all->by_index[0]->unreached, failure_text(CAUSE_CONNECT_TIMEOUT));
	(void)close(filler);
	(void)close(try_accept(fd));
	pass(1000);
	told[0] = '\0';
	send_all("b");
	UNTIL(LIST_FIRST(&all->by_index[0]->lanes)->open);
	cr_assert_null(all->by_index[0]->unreached, "it can");
	(void)close(fd);
}

/* ---- plain servers ---- */

Test(upstream_clock, a_plain_server_that_was_late_is_asked_something_all_the_same)
{
	int peer;

	announce(0, plain(), &at);
	send_all("a");
	tick(2);
	expect_told_at_once(LATE "lost(a, late) ");
	peer = accept_own_question();
	cr_assert_eq(upstreams_in_flight(all), 1);
	say(peer, REPLY("proxy"));
	expect_told("nobodys(proxy) ");
	expect_end(peer);
	cr_assert(upstreams_in_flight(all) == 0 && conn_limit_held(env.permits, 0) == 0);
	expect_verdict(UPSTREAM_USABLE);
}

Test(upstream_clock, a_plain_server_that_was_late_can_be_asked_at_once)
{
	int peer;

	announce(0, plain(), &at);
	send_all("a");
	tick(2);
	expect_told_at_once(LATE "lost(a, late) ");
	cr_assert(!try_send("b"));
	UNTIL((peer = try_accept(listener)) >= 0);
	(void)close(peer);
	expect_told("incident(connection reset) lost(proxy, broken) ");
}

/* ---- replying ---- */

Test(upstream_clock, a_policy_has_its_own_reply_timeout)
{
	int peer;

	add_section(&conf, "111")->reply_timeout = 3000;
	peer = open_pooled(8, UNBOUNDED);
	send_all("a");
	pass(3000);
	upstreams_tick(all, now_ms());
	cr_assert_eq(connections(), 1);
	told[0] = '\0';
	pass(1);
	upstreams_tick(all, now_ms());
	cr_assert_not_null(strstr(told, "lost(a, timeout)"), "%s", told);
	expect_end(peer);
}

Test(upstream_clock, a_reply_that_takes_long_is_told_of_and_others_are_asked)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	pass(99);
	tick(2);
	expect_nothing_told();
	expect_verdict(UPSTREAM_USABLE);
	pass(2);
	tick(1);
	expect_told(LATE);
	expect_verdict(UPSTREAM_OVERDUE);
	pass(900);
	tick(1);
	expect_nothing_told();
	pass(200);
	tick(1);
	expect_told(LATE);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(peer);
}

Test(upstream_clock, one_tick_alone_makes_no_reply_late)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	pass(5000);
	tick(1);
	expect_verdict(UPSTREAM_USABLE);
	tick(2);
	expect_told(LATE);
	(void)close(peer);
}

Test(upstream_clock, a_server_that_usually_takes_long_is_not_late)
{
	int peer = open_pooled(8, UNBOUNDED);

	all->by_index[0]->reply_us = 50000;
	send_all("a");
	pass(400);
	tick(4);
	expect_nothing_told();
	pass(1);
	tick(1);
	expect_told(LATE);
	(void)close(peer);
}

Test(upstream_clock, a_lane_that_goes_on_replying_is_not_late)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("aaaaaa");
	for (int i = 0; i < 6; i++) {
		pass(90);
		tick(2);
		say(peer, REPLY("a"));
		expect_told("reply(a) ");
	}
	(void)close(peer);
}

Test(upstream_clock, the_ticks_before_a_reply_do_not_make_the_next_one_late)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	tick(3);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	pass(500);
	tick(1);
	expect_nothing_told();
	expect_verdict(UPSTREAM_USABLE);
	tick(2);
	expect_told(LATE);
	(void)close(peer);
}

Test(upstream_clock, a_lane_that_is_looked_at_next_outlives_a_send_without_memory)
{
	int one = open_pooled(8, UNBOUNDED), two;

	send_all("a");
	pass(1);
	send_all("b");
	two = accept_one(listener);
	say(one, REPLY("a"));
	expect_told("reply(a) ");
	pass(10001);
	next_up = request_of("c"); /* to the first, which is looked at after the second */
	next_up->text.n = PTRDIFF_MAX;
	tick(1);
	expect_told("incident(no reply within reply_timeout) lost(b, timeout) send=-1 ");
	cr_assert_eq(connections(), 1);
	upstreams_yield(all);
	cr_assert_eq(connections(), 0);
	(void)close(one);
	(void)close(two);
}

Test(upstream_clock, no_reply_within_reply_timeout_is_the_lanes_end)
{
	int peer = open_pooled(8, UNBOUNDED), next;

	send_all("abc");
	expect_heard(peer, REQUEST("a") "\n" REQUEST("b") "\n" REQUEST("c") "\n");
	pass(10000);
	tick(1);
	expect_nothing_told();
	pass(1);
	tick(1);
	expect_told("incident(no reply within reply_timeout) "
		    "lost(c, broken) lost(b, broken) lost(a, timeout) ");
	cr_assert(failed() == 3 && connections() == 0 && connects_timed_out() == 0);
	(void)send(peer, REPLY("a"), strlen(REPLY("a")), MSG_NOSIGNAL);
	send_all("d");
	next = accept_one(listener);
	expect_heard(next, REQUEST("d") "\n");
	expect_nothing_told();
	expect_end(peer);
	(void)close(next);
}

Test(upstream_clock, the_permit_of_a_timed_out_connection_is_given_back)
{
	int peer;

	announce(0, plain(), &at);
	send_all("a");
	peer = accept_one(listener);
	expect_heard(peer, REQUEST("a"));
	pass(10001);
	tick(1);
	expect_told("incident(no reply within reply_timeout) lost(a, timeout) ");
	expect_end(peer);
	cr_assert_eq(conn_limit_held(env.permits, 0), 0);
}

Test(upstream_clock, waiting_behind_others_is_not_waiting_for_the_server)
{
	int peer = open_pooled(8, UNBOUNDED);

	send_all("ab");
	pass(9000);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	pass(9000);
	tick(1);
	expect_nothing_told();
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	(void)close(peer);
}

Test(upstream_clock, an_idle_lane_owes_nothing)
{
	int peer = open_pooled(8, UNBOUNDED);

	pass(1000000);
	tick(3);
	expect_nothing_told();
	cr_assert_eq(connections(), 1);
	(void)close(peer);
}

Test(upstream_clock, each_lane_has_a_clock_of_its_own)
{
	int two, one = open_pooled(1, UNBOUNDED);

	send_all("ab");
	two = accept_one(listener);
	expect_heard(one, REQUEST("a") "\n");
	expect_heard(two, REQUEST("b") "\n");
	pass(6000);
	say(two, REPLY("b"));
	expect_told("reply(b) ");
	send_all("c");
	pass(4001);
	tick(1);
	expect_told("incident(no reply within reply_timeout) lost(a, timeout) ");
	cr_assert_eq(connections(), 1);
	say(two, REPLY("c"));
	expect_told("reply(c) ");
	expect_end(one);
	(void)close(two);
}

/* ---- a server that has left or moved ---- */

Test(upstream_clock, where_it_was_may_be_late_without_its_being_so)
{
	struct addr elsewhere;
	int other = listen_at(&elsewhere, 4), peer = open_pooled(8, UNBOUNDED);

	send_all("a");
	announce(0, pooled(8, UNBOUNDED), &elsewhere);
	pass(5000);
	tick(3);
	expect_nothing_told();
	send_all("b");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(peer);
	(void)close(other);
}

Test(upstream_clock, a_connection_to_where_it_was_is_not_waited_for_once_nobody_needs_it)
{
	struct addr elsewhere;
	int other = listen_at(&elsewhere, 4);

	announce(0, plain(), &at);
	send_all("a");
	announce(0, plain(), &elsewhere);
	tick(2);
	expect_told("lost(a, late) ");
	cr_assert(connections() == 0 && conn_limit_held(env.permits, 0) == 0);
	expect_verdict(UPSTREAM_USABLE);
	(void)close(other);
}
