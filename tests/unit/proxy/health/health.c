/* health: every transition. */
#include "health_fixture.h"

TestSuite(health, .init = open_health, .fini = close_health);

/* n servers of policy 0 that have answered. */
static void
join(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		policy_of[i] = 0;
		health_begin(h, i, 0, false, HEALTH_ANNOUNCED, START);
		health_success(h, i, START + 1);
	}
}

/* So many incidents, each a burst of its own; when the last was. */
static uint64_t
fail(unsigned server, unsigned n, enum failure_cause cause, uint64_t at)
{
	for (unsigned i = 0; i < n; i++)
		health_incident(h, server, cause, at + i * FAILURE_BURST, 0);
	return at + (n - 1) * FAILURE_BURST;
}

static const char *
word(unsigned server)
{
	return health_word(look(server));
}

/* Two servers, the first of them ejected: when. */
static uint64_t
ejected_one(enum failure_cause cause)
{
	uint64_t at;

	join(2);
	at = fail(0, 3, cause, START + 1000);
	cr_assert_eq(look(0)->state, HEALTH_EJECTED);
	return at;
}

Test(health, a_server_is_new_until_it_answers)
{
	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, START);
	cr_assert_str_eq(word(0), "new");
	cr_assert(health_is_waiting(h, 0));
	health_success(h, 0, START + 5);
	cr_assert_str_eq(word(0), "up");
	cr_assert_eq(look(0)->since, START + 5);
	cr_assert(!health_is_waiting(h, 0));
}

Test(health, who_is_not_there_yet_is_waited_for)
{
	join(2);
	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, START + 10);
	fail(0, 50, CAUSE_REFUSED, START + 1000);
	cr_assert_str_eq(word(0), "down");
	cr_assert_eq(look(0)->state, HEALTH_NEW);
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_LAST, "another is well");
	cr_assert(health_is_due(h, 0, START + 1000 + 200), "it is looked after, soon");
	health_success(h, 0, START + 20000);
	cr_assert_str_eq(word(0), "up");
	cr_assert_eq(server_health_share(verdicts, 0, START + 20000, conf.slow_start),
		     SERVER_HEALTH_FULL);
}

Test(health, a_new_one_that_answers_badly_is_not_waited_for)
{
	join(2);
	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, START + 10);
	fail(0, 3, CAUSE_GARBAGE, START + 1000);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, so_many_incidents_in_a_row_eject)
{
	join(2);
	fail(0, 1, CAUSE_REFUSED, START + 1000);
	cr_assert_str_eq(word(0), "down");
	fail(0, 1, CAUSE_TIMEOUT, START + 2000);
	cr_assert_str_eq(word(0), "suspect");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_LAST);
	fail(0, 1, CAUSE_RESET, START + 3000);
	cr_assert_str_eq(word(0), "ejected");
	cr_assert_eq(look(0)->cause, CAUSE_RESET);
	cr_assert_eq(look(0)->since, START + 3000);
	cr_assert_eq(look(0)->until, START + 5000);
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_SHUT);
	cr_assert_eq(server_health_kind(verdicts, 1), SERVER_HEALTH_OPEN);
}

Test(health, a_reply_in_between_begins_the_count_anew)
{
	join(2);
	fail(0, 2, CAUSE_RESET, START + 1000);
	health_success(h, 0, START + 1500);
	cr_assert_str_eq(word(0), "up");
	fail(0, 2, CAUSE_RESET, START + 2000);
	cr_assert_str_eq(word(0), "suspect");
	/* The same where the reply becomes known only with the next incident. */
	health_incident(h, 0, CAUSE_RESET, START + 3000, START + 2500);
	cr_assert_str_eq(word(0), "suspect");
	fail(0, 2, CAUSE_RESET, START + 4000);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, a_reply_from_before_the_incident_proves_nothing)
{
	join(2);
	fail(0, 2, CAUSE_TIMEOUT, START + 1000);
	health_success(h, 0, START + 900);
	cr_assert_str_eq(word(0), "suspect");
	fail(0, 1, CAUSE_TIMEOUT, START + 2000);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, a_reply_from_before_a_missed_probe_proves_nothing)
{
	join(2);
	health_late(h, 0, START + 1000);
	health_missed(h, 0, CAUSE_REFUSED, START + 2000);
	health_success(h, 0, START + 1500);
	cr_assert_str_eq(word(0), "down");
	health_success(h, 0, START + 2001);
	cr_assert_str_eq(word(0), "up");
}

Test(health, what_breaks_together_is_one_incident)
{
	join(2);
	for (unsigned i = 0; i < 500; i++)
		health_incident(h, 0, CAUSE_RESET, START + 1000 + i % FAILURE_BURST, 0);
	cr_assert_str_eq(word(0), "suspect");
	health_incident(h, 0, CAUSE_RESET, START + 990, 0);
	cr_assert_str_eq(word(0), "suspect", "told late");
	fail(0, 2, CAUSE_RESET, START + 1000 + FAILURE_BURST);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, one_lie_is_enough)
{
	join(2);
	health_incident(h, 0, CAUSE_RESET, START + 1000, 0);
	health_incident(h, 0, CAUSE_WRONG_DIGEST, START + 1001, 0);
	cr_assert_str_eq(word(0), "ejected");
	cr_assert_eq(look(0)->cause, CAUSE_WRONG_DIGEST);
}

Test(health, nobody_is_ejected_where_that_is_off)
{
	conf.eject_after = 0;
	join(2);
	fail(0, 20, CAUSE_RESET, START + 1000);
	health_incident(h, 0, CAUSE_WRONG_DIGEST, START + 9000, 0);
	cr_assert_str_eq(word(0), "suspect");
}

Test(health, a_policy_has_its_own_settings)
{
	struct policy_conf own = conf;

	own.eject_after = 1;
	own.eject_time = 500;
	own.check_rise = 1;
	own.slow_start = 0;
	join(2);
	health_set_policy(h, 1, &own);
	for (unsigned i = 2; i < 4; i++) {
		policy_of[i] = 1;
		health_begin(h, i, 1, false, HEALTH_ANNOUNCED, START);
		health_success(h, i, START + 500);
	}
	fail(0, 1, CAUSE_RESET, START + 1000);
	fail(2, 1, CAUSE_RESET, START + 1000);
	cr_assert_str_eq(word(0), "suspect");
	cr_assert_str_eq(word(2), "ejected");
	cr_assert_eq(look(2)->until, START + 1500);
	health_tick(h, START + 1500);
	health_passed(h, 2, true, START + 1501);
	cr_assert_str_eq(word(2), "up", "after one probe, without a slow start");
	health_set_policy(h, 1, &conf);
	fail(2, 1, CAUSE_RESET, START + 5000);
	cr_assert_str_eq(word(2), "suspect", "other settings are in force");
}

Test(health, pauses_grow_to_their_most_and_are_jittered)
{
	uint64_t at = ejected_one(CAUSE_RESET), before = 0;

	for (unsigned n = 1; n < 40; n++) {
		uint64_t pause = look(0)->until - look(0)->since;
		cr_assert_eq(look(0)->ejections, n);
		cr_assert_eq(pause, n * 2000 < 60000 ? n * 2000 : 60000);
		cr_assert_geq(pause, before);
		before = pause;
		at = look(0)->until;
		health_tick(h, at);
		health_passed(h, 0, true, at);
		health_passed(h, 0, true, at + 1);
		at = fail(0, 3, CAUSE_RESET, at + 1000);
	}
	open_health();
	chance = UINT32_MAX;
	(void)ejected_one(CAUSE_RESET);
	cr_assert_eq(look(0)->until - look(0)->since, 1501, "a quarter less at most");
}

Test(health, ejections_are_forgotten_slowly)
{
	uint64_t at = ejected_one(CAUSE_RESET) + 2000;

	health_tick(h, at);
	health_passed(h, 0, true, at);
	health_passed(h, 0, true, at);
	health_tick(h, at + 59999);
	cr_assert_eq(look(0)->ejections, 1);
	health_tick(h, at + 60000);
	cr_assert_eq(look(0)->ejections, 0);
	cr_assert_eq(look(0)->ejected, 1, "what is counted is never less");
}

Test(health, it_is_probed_before_it_returns_and_returns_slowly)
{
	uint64_t at = ejected_one(CAUSE_TIMEOUT), end = at + 2000;

	health_tick(h, end - 1);
	cr_assert(!health_is_due(h, 0, end - 1));
	cr_assert_str_eq(word(0), "ejected");
	health_tick(h, end);
	cr_assert_str_eq(word(0), "probing");
	cr_assert(health_is_due(h, 0, end));
	health_started(h, 0);
	cr_assert(!health_is_due(h, 0, end + 60000), "one is on its way");
	health_passed(h, 0, true, end + 10);
	cr_assert_str_eq(word(0), "probing");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_SHUT);
	cr_assert(health_is_due(h, 0, end + 10 + 200));
	health_passed(h, 0, true, end + 300);
	cr_assert_str_eq(word(0), "slow-start");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_RAMP);
	cr_assert_eq(server_health_share(verdicts, 0, end + 300 + 5000, 10000),
		     SERVER_HEALTH_FULL / 2);
	cr_assert(!health_is_due(h, 0, end + 60000), "it is not checked otherwise");
	health_tick(h, end + 300 + 9999);
	cr_assert_str_eq(word(0), "slow-start");
	health_tick(h, end + 300 + 10000);
	cr_assert_str_eq(word(0), "up");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_OPEN);
}

Test(health, an_incident_on_the_ramp_does_not_begin_it_anew)
{
	uint64_t at = ejected_one(CAUSE_TIMEOUT) + 2000;

	health_tick(h, at);
	health_passed(h, 0, true, at);
	health_passed(h, 0, true, at);
	fail(0, 1, CAUSE_RESET, at + 5000);
	cr_assert_str_eq(word(0), "suspect");
	cr_assert_eq(server_health_share(verdicts, 0, at + 5000, 10000), SERVER_HEALTH_FULL / 2);
	fail(0, 2, CAUSE_RESET, at + 5100);
	cr_assert_str_eq(word(0), "ejected");
	cr_assert_eq(look(0)->ejections, 2);
}

Test(health, news_from_before_the_return_says_nothing)
{
	uint64_t at = ejected_one(CAUSE_TIMEOUT) + 2000;

	health_tick(h, at);
	health_passed(h, 0, true, at);
	health_passed(h, 0, true, at + 100);
	health_incident(h, 0, CAUSE_WRONG_DIGEST, at + 50, 0);
	cr_assert_str_eq(word(0), "slow-start");
}

Test(health, without_slow_start_it_is_up_at_once)
{
	uint64_t at;

	conf.slow_start = 0;
	conf.check_rise = 1;
	at = ejected_one(CAUSE_TIMEOUT) + 2000;
	health_tick(h, at);
	health_passed(h, 0, true, at);
	cr_assert_str_eq(word(0), "up");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_OPEN);
}

Test(health, a_missed_probe_keeps_it_out_and_another_follows)
{
	uint64_t at = ejected_one(CAUSE_TIMEOUT) + 2000;

	health_tick(h, at);
	health_started(h, 0);
	health_passed(h, 0, true, at);
	health_started(h, 0);
	health_missed(h, 0, CAUSE_REFUSED, at + 200);
	cr_assert_str_eq(word(0), "probing");
	cr_assert_eq(look(0)->cause, CAUSE_REFUSED);
	cr_assert(!health_is_due(h, 0, at + 200 + 749));
	cr_assert(health_is_due(h, 0, at + 200 + 1000));
	health_passed(h, 0, true, at + 1300);
	cr_assert_str_eq(word(0), "probing", "the count begins anew");
}

Test(health, a_probe_that_could_not_be_started_is_put_off)
{
	uint64_t at = ejected_one(CAUSE_TIMEOUT) + 2000;

	health_tick(h, at);
	health_postpone(h, 0, at);
	cr_assert(!health_is_due(h, 0, at));
	cr_assert(health_is_due(h, 0, at + 200));
	health_postpone(h, 1, at);
	cr_assert(!health_is_due(h, 1, at + 200), "nothing was to be put off");
}

Test(health, who_was_lost_and_announces_itself_is_probed_at_once)
{
	uint64_t at = ejected_one(CAUSE_REFUSED);

	health_announced(h, 0, at + 1);
	cr_assert_str_eq(word(0), "probing");
	cr_assert(health_is_due(h, 0, at + 1));
	health_started(h, 0);
	health_missed(h, 0, CAUSE_REFUSED, at + 2);
	cr_assert(!health_is_due(h, 0, at + 3));
	health_announced(h, 0, at + 3);
	cr_assert(health_is_due(h, 0, at + 3));
}

Test(health, who_answered_badly_waits_its_pause_whatever_it_announces)
{
	uint64_t at = ejected_one(CAUSE_WRONG_DESTID);

	health_announced(h, 0, at + 1);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, at_most_a_share_is_ejected_and_why_is_said_once)
{
	join(5);
	for (unsigned i = 0; i < 4; i++)
		fail(i, 9, CAUSE_RESET, START + 1000);
	cr_assert_str_eq(word(0), "ejected");
	cr_assert_str_eq(word(1), "ejected");
	cr_assert_str_eq(word(2), "suspect");
	cr_assert_str_eq(word(3), "suspect");
	cr_assert_eq(kept, 2);
	cr_assert_eq(server_health_kind(verdicts, 3), SERVER_HEALTH_LAST);
	cr_assert_eq(panics_on, 0, "one of them is well");
	health_incident(h, 4, CAUSE_RESET, START + 9000, 0);
	cr_assert_eq(server_health_kind(verdicts, 3), SERVER_HEALTH_OPEN,
		     "nobody is known to be well");
}

Test(health, of_two_one_may_be_ejected_whatever_the_share)
{
	conf.eject_share = 10;
	(void)ejected_one(CAUSE_RESET);
	conf.eject_share = 0;
	fail(1, 9, CAUSE_RESET, START + 9000);
	cr_assert_str_eq(word(1), "suspect");
}

Test(health, the_only_one_stays_in_use)
{
	join(1);
	fail(0, 9, CAUSE_RESET, START + 1000);
	cr_assert_str_eq(word(0), "suspect");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_OPEN);
	cr_assert_eq(kept, 1);
}

Test(health, when_all_look_bad_all_are_tried_and_who_answers_is_back)
{
	join(4);
	health_begin(h, 5, 1, false, HEALTH_ANNOUNCED, START);
	for (unsigned i = 0; i < 4; i++)
		fail(i, 3, CAUSE_RESET, START + 1000);
	cr_assert_eq(panics_on, 1);
	cr_assert(look(0)->panic);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(server_health_kind(verdicts, i), SERVER_HEALTH_OPEN);
	cr_assert(!look(5)->panic, "another policy");
	health_success(h, 0, START + 1100);
	cr_assert_str_eq(word(0), "ejected", "an answer from before its ejection");
	health_success(h, 0, START + 2000);
	cr_assert_str_eq(word(0), "slow-start");
	cr_assert_eq(panics_off, 1);
	cr_assert_eq(server_health_kind(verdicts, 1), SERVER_HEALTH_SHUT);
}

Test(health, without_a_panic_a_late_answer_brings_nobody_back)
{
	uint64_t at = ejected_one(CAUSE_TIMEOUT);

	health_success(h, 0, at + 500);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, checks_go_on_for_who_is_up)
{
	health_begin(h, 0, 0, true, HEALTH_ANNOUNCED, START);
	cr_assert(!health_is_due(h, 0, START));
	cr_assert(health_is_due(h, 0, START + 1000));
	health_started(h, 0);
	health_passed(h, 0, true, START + 1000);
	cr_assert_str_eq(word(0), "up", "it has answered");
	cr_assert(health_is_due(h, 0, START + 2000));
}

Test(health, failed_checks_in_a_row_eject)
{
	join(2);
	health_begin(h, 0, 0, true, HEALTH_ANNOUNCED, START);
	health_passed(h, 0, true, START + 5);
	health_missed(h, 0, CAUSE_TIMEOUT, START + 1000);
	health_missed(h, 0, CAUSE_TIMEOUT, START + 2000);
	health_passed(h, 0, true, START + 3000);
	health_missed(h, 0, CAUSE_TIMEOUT, START + 4000);
	health_missed(h, 0, CAUSE_TIMEOUT, START + 5000);
	cr_assert_str_eq(word(0), "up");
	health_missed(h, 0, CAUSE_TIMEOUT, START + 6000);
	cr_assert_str_eq(word(0), "ejected");
	cr_assert_eq(look(0)->cause, CAUSE_TIMEOUT);
}

Test(health, a_check_by_connecting_does_not_pardon_bad_answers)
{
	join(2);
	fail(0, 2, CAUSE_GARBAGE, START + 1000);
	health_passed(h, 0, false, START + 1500);
	cr_assert_str_eq(word(0), "suspect");
	health_passed(h, 0, true, START + 1600);
	cr_assert_str_eq(word(0), "up");
	health_success(h, 0, START + 1700);
	fail(0, 2, CAUSE_REFUSED, START + 2000);
	health_passed(h, 0, false, START + 2500);
	cr_assert_str_eq(word(0), "up");
}

Test(health, who_is_replaced_is_new_but_its_ejections_are_not_forgotten)
{
	uint64_t at = ejected_one(CAUSE_GARBAGE);

	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, at + 10);
	cr_assert_str_eq(word(0), "new");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_TRIAL);
	cr_assert_eq(look(0)->ejections, 1);
	cr_assert_eq(look(0)->ejected, 1);
	health_end(h, 0);
	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, at + 20);
	cr_assert_eq(look(0)->ejections, 0);
}

Test(health, who_moves_to_another_policy_counts_there)
{
	join(2);
	fail(0, 3, CAUSE_RESET, START + 1000);
	fail(1, 3, CAUSE_RESET, START + 1000);
	cr_assert_eq(panics_on, 1);
	health_begin(h, 1, 1, false, HEALTH_ANNOUNCED, START + 5000);
	health_begin(h, 2, 0, false, HEALTH_ANNOUNCED, START + 5000);
	cr_assert(!look(0)->panic, "another has come that is not known to be bad");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_SHUT);
}

Test(health, who_leaves_is_nobody)
{
	uint64_t at = ejected_one(CAUSE_RESET);

	health_end(h, 0);
	health_tick(h, at + 100000);
	health_incident(h, 0, CAUSE_RESET, at + 10, 0);
	health_success(h, 0, at + 11);
	health_missed(h, 0, CAUSE_RESET, at + 12);
	health_passed(h, 0, true, at + 13);
	cr_assert(!health_is_due(h, 0, at + 200000) && !health_is_waiting(h, 0));
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_OPEN);
	health_end(h, 1);
	health_end(h, 1);
}

Test(health, who_is_remembered_is_probed_at_once_and_does_not_ramp)
{
	health_begin(h, 0, 0, false, HEALTH_RECALLED, START);
	health_begin(h, 1, 0, false, HEALTH_RECALLED, START);
	cr_assert_str_eq(word(0), "probing");
	cr_assert(health_is_due(h, 0, START));
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_TRIAL, "as one that has come");
	health_started(h, 0);
	health_started(h, 1);
	health_passed(h, 0, true, START + 1);
	cr_assert_str_eq(word(0), "up", "one probe is enough of who has not failed");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_OPEN);
	cr_assert_eq(server_health_kind(verdicts, 1), SERVER_HEALTH_TRIAL,
		     "nothing speaks against it");
	health_tick(h, START + 50);
	health_tick(h, START + 149);
	cr_assert_eq(server_health_kind(verdicts, 1), SERVER_HEALTH_TRIAL);
	health_tick(h, START + 150);
	cr_assert_eq(server_health_kind(verdicts, 1), SERVER_HEALTH_SHUT, "its probe takes long");
	health_success(h, 1, START + 200);
	cr_assert_str_eq(word(1), "up", "it answered a request after all");
}

Test(health, who_is_remembered_and_dead_is_left_alone_at_the_first_missed_probe)
{
	health_begin(h, 0, 0, false, HEALTH_RECALLED, START);
	health_begin(h, 1, 0, false, HEALTH_RECALLED, START);
	health_missed(h, 0, CAUSE_REFUSED, START + 1);
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_TRIAL,
		     "nobody is known to be well");
	health_passed(h, 1, true, START + 2);
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_SHUT);
	cr_assert_eq(panics_on, 0);
}

Test(health, a_silent_one_that_never_answered_is_ejected_too)
{
	join(2);
	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, START + 10);
	fail(0, 3, CAUSE_CONNECT_TIMEOUT, START + 1000);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, a_refusal_is_excused_for_a_while_and_not_for_ever)
{
	join(2);
	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, START);
	fail(0, 5, CAUSE_REFUSED, START + 9000);
	health_missed(h, 0, CAUSE_REFUSED, START + 9900);
	cr_assert_str_eq(word(0), "down");
	fail(0, 1, CAUSE_REFUSED, START + 10001);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, failed_checks_eject_who_never_answered)
{
	join(2);
	health_begin(h, 0, 0, true, HEALTH_ANNOUNCED, START);
	for (unsigned i = 1; i <= 3; i++)
		health_missed(h, 0, CAUSE_CONNECT_TIMEOUT, START + 1000 * i);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, an_incident_starts_a_probe_and_missed_ones_are_incidents)
{
	join(2);
	fail(0, 1, CAUSE_RESET, START + 1000);
	cr_assert(health_is_due(h, 0, START + 1000));
	health_started(h, 0);
	health_missed(h, 0, CAUSE_RESET, START + 1010);
	cr_assert_str_eq(word(0), "suspect");
	cr_assert(!health_is_due(h, 0, START + 1010) && health_is_due(h, 0, START + 1210));
	health_started(h, 0);
	health_missed(h, 0, CAUSE_RESET, START + 1220);
	cr_assert_str_eq(word(0), "ejected", "one request, and two probes");
}

Test(health, probes_that_pass_do_not_make_up_for_requests_that_fail)
{
	join(2);
	for (unsigned i = 1; i < 3; i++) {
		fail(0, 1, CAUSE_RESET, START + 1000 * i);
		health_passed(h, 0, true, START + 1000 * i);
		cr_assert_str_eq(word(0), "up");
		cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_OPEN);
	}
	fail(0, 1, CAUSE_RESET, START + 3000);
	cr_assert_str_eq(word(0), "ejected");
}

Test(health, who_is_late_is_probed_and_a_miss_counts)
{
	join(2);
	health_late(h, 0, START + 1000);
	cr_assert_str_eq(word(0), "up");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_OPEN,
		     "nothing has happened yet");
	cr_assert(health_is_due(h, 0, START + 1000));
	health_started(h, 0);
	health_missed(h, 0, CAUSE_TIMEOUT, START + 2000);
	cr_assert_str_eq(word(0), "suspect");
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_LAST);
	health_passed(h, 0, true, START + 2500);
	cr_assert_str_eq(word(0), "up");
	cr_assert(!health_is_due(h, 0, START + 90000));
}

Test(health, where_a_new_one_is_late_or_bad_the_other_new_ones_are_probed_first)
{
	join(1);
	for (unsigned i = 1; i < 5; i++) {
		policy_of[i] = i / 4;
		health_begin(h, i, i / 4, false, HEALTH_ANNOUNCED, START);
	}
	health_late(h, 1, START + 1000);
	for (unsigned i = 1; i < 4; i++) {
		cr_assert_str_eq(word(i), "new");
		cr_assert_eq(server_health_kind(verdicts, i), SERVER_HEALTH_SHUT);
		cr_assert(health_is_due(h, i, START + 1000));
	}
	cr_assert_str_eq(word(4), "new", "of another policy");
	health_passed(h, 2, true, START + 1005);
	cr_assert_str_eq(word(2), "up");
	cr_assert_eq(server_health_kind(verdicts, 2), SERVER_HEALTH_OPEN, "without a slow start");
	cr_assert_eq(panics_on, 0);
}

Test(health, where_nobody_is_known_to_be_well_the_new_ones_stay_in_use)
{
	for (unsigned i = 0; i < 3; i++)
		health_begin(h, i, 0, false, HEALTH_ANNOUNCED, START);
	health_incident(h, 0, CAUSE_RESET, START + 1000, 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(server_health_kind(verdicts, i), SERVER_HEALTH_TRIAL);
	health_passed(h, 2, true, START + 1005);
	cr_assert_eq(server_health_kind(verdicts, 0), SERVER_HEALTH_LAST);
	cr_assert_eq(server_health_kind(verdicts, 1), SERVER_HEALTH_SHUT,
		     "until its probe has passed");
}

Test(health, who_has_been_dead_for_long_is_probed_less_and_since_when_is_known)
{
	uint64_t at = START + 1000, last = 0;

	join(2);
	health_begin(h, 0, 0, false, HEALTH_ANNOUNCED, START);
	cr_assert_eq(look(0)->dead, 0);
	fail(0, 3, CAUSE_CONNECT_TIMEOUT, at);
	at = look(0)->until;
	health_tick(h, at);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t begin = at;
		health_started(h, 0);
		health_missed(h, 0, CAUSE_CONNECT_TIMEOUT, at);
		while (!health_is_due(h, 0, at))
			at++;
		cr_assert(at - begin >= last || at - begin == conf.eject_max);
		last = at - begin;
	}
	cr_assert_eq(last, conf.eject_max);
	cr_assert_eq(look(0)->dead, START + 1000);
	health_announced(h, 0, at);
	cr_assert_eq(look(0)->dead, 0);
	health_missed(h, 0, CAUSE_CONNECT_TIMEOUT, at + 5);
	cr_assert_eq(look(0)->dead, at + 5);
	health_passed(h, 0, true, at + 6);
	cr_assert_eq(look(0)->dead, 0);
}
