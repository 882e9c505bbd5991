/* upstream_usable: could a server take a request now, and if not, why? */
#include "upstream_fixture.h"

TestSuite(upstream_usable, .init = open_upstreams, .fini = close_upstreams, .timeout = 120);

static struct upstream_sight sight;

static const struct upstream_sight *
look(void)
{
	upstream_snapshot(all, 0, 100, now_ms(), &sight);
	return &sight;
}

/* ---- the whole of it, in the order of what counts first ---- */

Test(upstream_usable, each_verdict_has_words_of_its_own)
{
	for (unsigned i = 0; i < UPSTREAM_VERDICT_COUNT; i++) {
		cr_assert_not_null(upstream_verdict_text(i));
		for (unsigned j = 0; j < i; j++)
			cr_assert_str_neq(upstream_verdict_text(i), upstream_verdict_text(j));
	}
}

Test(upstream_usable, a_server_of_which_nothing_is_known_is_used)
{
	announce(0, pooled(8, UNBOUNDED), &at);
	expect_verdict(UPSTREAM_USABLE);
	cr_assert_null(all->by_index[0], "and looking makes nothing");
}

Test(upstream_usable, what_an_operator_wants_comes_first)
{
	announce(0, plain(), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_SHUT, 0);
	(void)registry_set_admin(registry, 0, REGISTRY_DRAINING, now_ms());
	refresh();
	expect_verdict(UPSTREAM_DRAINING);
	cr_assert_eq(upstream_usable(all, 0, 4096, now_ms()), UPSTREAM_DRAINING);
	(void)registry_set_admin(registry, 0, REGISTRY_DISABLED, now_ms());
	refresh();
	expect_verdict(UPSTREAM_DISABLED);
	(void)registry_set_admin(registry, 0, REGISTRY_ENABLED, now_ms());
	refresh();
	expect_verdict(UPSTREAM_EJECTED);
}

Test(upstream_usable, a_plain_server_takes_no_more_than_plain_message)
{
	announce(0, plain(), &at);
	cr_assert_eq(upstream_usable(all, 0, 2048, now_ms()), UPSTREAM_USABLE);
	cr_assert_eq(upstream_usable(all, 0, 2049, now_ms()), UPSTREAM_TOO_SMALL);
	announce(0, pooled(8, UNBOUNDED), &at);
	cr_assert_eq(upstream_usable(all, 0, 2049, now_ms()), UPSTREAM_USABLE);
}

/* ---- what the master makes of it ---- */

Test(upstream_usable, an_ejected_server_gets_nothing)
{
	announce(0, pooled(8, UNBOUNDED), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_SHUT, 0);
	for (int i = 0; i < 1000; i++)
		expect_verdict(UPSTREAM_EJECTED);
}

/* Of 1000 turns. */
static unsigned
turns_had(void)
{
	unsigned had = 0;

	for (int i = 0; i < 1000; i++) {
		enum upstream_verdict v = judge();
		cr_assert(v == UPSTREAM_USABLE || v == UPSTREAM_RAMPING);
		had += v == UPSTREAM_USABLE;
	}
	return had;
}

Test(upstream_usable, a_server_that_returns_has_a_share_of_its_turns_that_grows)
{
	unsigned half;

	announce(0, pooled(8, UNBOUNDED), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_RAMP, now_ms());
	cr_assert_leq(turns_had(), 200, "it begins with a sixteenth");
	pass(500);
	half = turns_had();
	cr_assert(half >= 350 && half <= 650, "%u", half);
	pass(500);
	cr_assert_eq(turns_had(), 1000);
}

Test(upstream_usable, workers_draw_lots_of_their_own)
{
	struct upstreams *other;
	unsigned differ = 0;

	announce(0, pooled(8, UNBOUNDED), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_RAMP, now_ms());
	pass(500);
	env.worker = OTHER;
	other = upstreams_new(&env, &ops, told);
	for (int i = 0; i < 1000; i++)
		differ += judge() != upstream_usable(other, 0, 100, now_ms());
	cr_assert_gt(differ, 100);
	upstreams_free(other);
	env.worker = 0;
}

Test(upstream_usable, a_server_on_trial_has_one_request_until_it_answers)
{
	int peer;

	announce(0, pooled(8, UNBOUNDED), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_TRIAL, 0);
	expect_verdict(UPSTREAM_UNTRIED);
	send_all("a");
	expect_verdict(UPSTREAM_TRIED);
	peer = accept_one(listener);
	say(peer, ERROR_OF("overloaded", "a"));
	expect_told("lost(a, declined) ");
	expect_verdict(UPSTREAM_UNTRIED);
	send_all("b");
	say(peer, REPLY("b"));
	expect_told("reply(b) ");
	send_all("c");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(peer);
}

Test(upstream_usable, a_failing_server_is_used_last)
{
	int peer;

	announce(0, pooled(8, UNBOUNDED), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_LAST, 0);
	expect_verdict(UPSTREAM_FAILING);
	send_all("a");
	peer = accept_one(listener);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_verdict(UPSTREAM_FAILING);
	(void)close(peer);
}

/* ---- what this worker has seen ---- */

Test(upstream_usable, a_pooled_server_is_full_when_every_lane_is)
{
	int peer = open_pooled(2, UNBOUNDED);

	send_all("abc");
	expect_verdict(UPSTREAM_USABLE);
	send_all("d");
	expect_verdict(UPSTREAM_FULL);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_verdict(UPSTREAM_USABLE);
	(void)close(peer);
}

Test(upstream_usable, a_plain_server_is_not_full_but_held)
{
	announce(0, plain(), &at);
	send_all("a");
	expect_verdict(UPSTREAM_USABLE);
	cr_assert(look()->busy);
}

Test(upstream_usable, a_slow_connection_does_not_matter_while_another_has_room)
{
	int one, two;

	announce(0, pooled(2, UNBOUNDED), &at);
	send_all("a");
	one = accept_one(listener);
	expect_heard(one, REQUEST("a") "\n");
	send_all("b");
	upstreams_tick(all, now_ms());
	upstreams_tick(all, now_ms());
	expect_told_at_once("incident(late: it usually connects or replies sooner) lost(b, late) ");
	expect_verdict(UPSTREAM_USABLE);
	send_all("c");
	expect_verdict(UPSTREAM_CONNECTING);
	cr_assert(!try_send("d"), "not on one that may never be there");
	two = accept_one(listener);
	expect_verdict(UPSTREAM_USABLE);
	send_all("d");
	expect_heard(two, REQUEST("d") "\n");
	(void)close(one);
	(void)close(two);
}

/* ---- where it comes from ---- */

Test(upstream_usable, a_look_tells_what_is_in_flight_and_what_may_be)
{
	announce(0, pooled(3, 7), &at);
	cr_assert(look()->room == 6 && sight.slots == 7 && sight.in_flight == 0 && !sight.busy);
	send_all("abcd");
	cr_assert(look()->in_flight == 4 && sight.room == 6 && sight.pause == 0);
	announce(1, plain(), &at);
	upstream_snapshot(all, 1, 100, now_ms(), &sight);
	cr_assert(sight.room == 1 && sight.slots == 1);
}

Test(upstream_usable, busy_is_who_has_no_connection_left_for_us)
{
	int peer;

	announce(0, pooled(2, 1), &at);
	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_TAKEN);
	cr_assert(look()->busy && sight.verdict == UPSTREAM_USABLE);
	conn_limit_release_all(env.permits, OTHER);
	cr_assert(!look()->busy);
	send_all("a");
	cr_assert(!look()->busy, "its only connection is ours, and has room");
	send_all("b");
	cr_assert(look()->busy);
	peer = accept_one(listener);
	(void)close(peer);
}

Test(upstream_usable, who_is_not_bounded_is_never_busy)
{
	announce(0, pooled(1, UNBOUNDED), &at);
	send_all("ab");
	cr_assert(!look()->busy && sight.verdict == UPSTREAM_FULL);
}

Test(upstream_usable, one_on_trial_is_shown_as_usable_unless_it_has_its_request)
{
	announce(0, pooled(8, UNBOUNDED), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_TRIAL, 0);
	cr_assert_eq(look()->verdict, UPSTREAM_USABLE);
	send_all("a");
	cr_assert_eq(look()->verdict, UPSTREAM_TRIED);
}

Test(upstream_usable, a_plain_one_on_trial_that_is_held_is_shown_as_busy)
{
	announce(0, plain(), &at);
	server_health_set(verdicts, 0, SERVER_HEALTH_TRIAL, 0);
	send_all("a");
	cr_assert(look()->verdict == UPSTREAM_USABLE && sight.busy);
}

/* ---- the master's probes ---- */

Test(upstream_usable, a_probe_of_the_masters_is_waited_for_but_not_for_long)
{
	announce(0, plain(), &at);
	cr_assert(!upstream_is_probed(all, 0, now_ms()), "nothing was sent");
	cr_assert_eq(conn_limit_try(env.permits, 0, 1, MASTER), CONN_LIMIT_TAKEN);
	cr_assert(!try_send("a"));
	cr_assert(upstream_is_probed(all, 0, now_ms()));
	pass(99);
	cr_assert(upstream_is_probed(all, 0, now_ms()));
	pass(1);
	cr_assert(!upstream_is_probed(all, 0, now_ms()));
	cr_assert(!upstream_is_probed(all, 0, now_ms()), "nor later");
	conn_limit_give(env.permits, 0, CONN_LIMIT_TAKEN, MASTER);
	send_all("a");
	cr_assert_eq(conn_limit_try(env.permits, 0, 1, MASTER), CONN_LIMIT_NONE);
}

Test(upstream_usable, each_probe_is_waited_for_anew)
{
	int peer;

	announce(0, plain(), &at);
	cr_assert_eq(conn_limit_try(env.permits, 0, 1, MASTER), CONN_LIMIT_TAKEN);
	cr_assert(!try_send("a") && upstream_is_probed(all, 0, now_ms()));
	conn_limit_give(env.permits, 0, CONN_LIMIT_TAKEN, MASTER);
	send_all("a");
	peer = accept_one(listener);
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_end(peer);
	pass(200);
	cr_assert_eq(conn_limit_try(env.permits, 0, 1, MASTER), CONN_LIMIT_TAKEN);
	cr_assert(!try_send("b") && upstream_is_probed(all, 0, now_ms()));
	conn_limit_give(env.permits, 0, CONN_LIMIT_TAKEN, MASTER);
}

Test(upstream_usable, another_workers_request_is_no_probe)
{
	announce(0, plain(), &at);
	cr_assert_eq(conn_limit_take(env.permits, 0, 1, OTHER), CONN_LIMIT_TAKEN);
	cr_assert(!try_send("a"));
	cr_assert(!upstream_is_probed(all, 0, now_ms()));
	conn_limit_release_all(env.permits, OTHER);
}

/* ---- what holds until something is told ---- */

Test(upstream_usable, a_server_stands_ready_until_it_is_full)
{
	int peer = open_pooled(1, UNBOUNDED);

	expect_standing(UPSTREAM_READY);
	send_all("ab"); /* a connection each */
	expect_standing(UPSTREAM_LADEN);
	expect_heard(peer, REQUEST("a") "\n");
	say(peer, REPLY("a"));
	expect_told("reply(a) ");
	expect_standing(UPSTREAM_READY);
}

Test(upstream_usable, a_plain_server_is_laden_with_as_many_connections_as_it_takes)
{
	announce(0, plain(), &at);
	expect_standing(UPSTREAM_READY);
	send_all("a");
	expect_standing(UPSTREAM_LADEN);
	expect_verdict(UPSTREAM_USABLE);
}

Test(upstream_usable, what_an_operator_or_the_master_wants_is_asked_for_each_time)
{
	announce(0, pooled(8, UNBOUNDED), &at);
	for (enum server_health_kind k = SERVER_HEALTH_OPEN; k <= SERVER_HEALTH_LAST; k++) {
		server_health_set(verdicts, 0, k, now_ms());
		expect_standing(k == SERVER_HEALTH_OPEN	   ? UPSTREAM_READY
				: k == SERVER_HEALTH_TRIAL ? UPSTREAM_NEW
							   : UPSTREAM_VARIES);
	}
	server_health_set(verdicts, 0, SERVER_HEALTH_OPEN, 0);
	(void)registry_set_admin(registry, 0, REGISTRY_DRAINING, now_ms());
	refresh();
	expect_standing(UPSTREAM_VARIES);
}

/* The master hears of an answer later than the worker that had it. */
Test(upstream_usable, a_server_on_trial_is_ready_for_who_has_its_answer)
{
	(void)open_pooled(8, UNBOUNDED);
	server_health_set(verdicts, 0, SERVER_HEALTH_TRIAL, 0);
	expect_standing(UPSTREAM_READY);
	announce(1, pooled(8, UNBOUNDED), &at);
	server_health_set(verdicts, 1, SERVER_HEALTH_TRIAL, 0);
	check_standings();
	cr_assert_eq(standing[1], UPSTREAM_NEW);
}
