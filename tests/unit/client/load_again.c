/* load_again: what a connection left unanswered is sent again where it may run twice. */
#include "load_fixture.h"

Test(load_again, sends_again_what_a_connection_ended_in_order_left_unanswered)
{
	struct peer p;
	struct deferred_cmds o = against(CLOSES_AFTER, 3, conf_of(12, 1, 1), &p);

	cr_assert_eq(o.sent, 12);
	cr_assert_eq(o.correct, 12);
	cr_assert_eq(o.resent, 3);
	cr_assert_eq(p.accepted, 4);
}

Test(load_again, sends_all_of_it_again)
{
	struct peer p;
	struct deferred_cmds o = against(CLOSES_AFTER, 2, conf_of(12, 1, 6), &p);

	cr_assert_eq(o.sent, 12, "told once each");
	cr_assert_eq(o.correct, 12);
	cr_assert_geq(o.resent, 4);
	cr_assert_eq(p.accepted, 6);
}

Test(load_again, tells_a_reply_that_was_cut)
{
	struct peer p;
	struct deferred_cmds o = against(CUTS_AFTER, 0, conf_of(2, 1, 2), &p);

	cr_assert_eq(o.failed, 2);
	cr_assert_eq(o.resent, 2, "one try, and one more");
	cr_assert_str_eq(o.why, "connection closed within a reply");
}

Test(load_again, sends_again_what_a_broken_connection_left_unanswered)
{
	struct peer p;
	struct deferred_cmds o = against(CUTS_AFTER, 1, conf_of(6, 2, 3), &p);

	cr_assert_eq(o.correct, 6);
	cr_assert_eq(o.sent, 6, "told once each");
	cr_assert_geq(o.resent, 4);
	o = against(RESETS_AFTER, 2, conf_of(20, 2, 1), &p);
	cr_assert_eq(o.correct, 20);
	cr_assert_geq(o.resent, 8);
}

Test(load_again, what_may_not_run_twice_is_not_sent_again)
{
	struct load_conf conf = conf_of(5, 1, 1);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(RESETS_AFTER, 1, conf, &p);
	cr_assert_eq(o.resent, 0);
	cr_assert_eq(o.correct, 3);
	cr_assert_eq(o.failed, 2);
	cr_assert_not_null(strstr(o.why, "; it may have run"), "%s", o.why);
	o = against(CLOSES_AFTER, 1, conf, &p);
	cr_assert_eq(o.resent, 0);
	cr_assert_eq(o.failed, 2);
	cr_assert_str_eq(o.why, "connection closed before the reply; it may have run");
}

Test(load_again, what_was_declined_is_sent_again_for_it_has_not_run)
{
	struct load_conf conf = conf_of(8, 1, 2);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(DECLINES_AFTER, 1, conf, &p);
	cr_assert_geq(o.resent, 1, "the one that was declined");
	cr_assert_eq(o.correct + o.failed, 8);
	cr_assert_geq(o.failed, 1, "the one behind it");
	conf.pipeline = 1;
	o = against(DECLINES_AFTER, 1, conf, &p);
	cr_assert_eq(o.correct, 8);
	cr_assert_eq(o.resent, 7);
}

Test(load_again, what_is_behind_a_declined_one_is_waited_for_on_its_connection)
{
	struct load_conf conf = conf_of(12, 1, 4);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(DECLINES_REST, 2, conf, &p);
	cr_assert(o.correct == 12 && o.failed == 0 && o.stray == 0 && o.sent == 12);
	cr_assert_geq(o.resent, 4, "those that were under way");
	cr_assert_eq(p.accepted, 6);
	conf = conf_of(40, 3, 4);
	o = against(DECLINES_REST, 5, conf, &p);
	cr_assert(o.correct == 40 && o.failed == 0 && o.stray == 0);
}

Test(load_again, nothing_is_sent_to_a_connection_that_has_ended_in_a_pause)
{
	struct load_conf conf = conf_of(9, 1, 1);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(LEAVES_AFTER, 3, conf, &p);
	cr_assert(o.correct == 9 && o.failed == 0 && o.resent == 0, "%s", o.why);
	cr_assert_eq(p.accepted, 3);
}

Test(load_again, latency_counts_from_the_first_time)
{
	struct peer p;
	struct deferred_cmds o = against(RESETS_AFTER, 1, conf_of(2, 1, 1), &p);

	cr_assert_eq(o.correct, 2);
	cr_assert_geq(o.longest_us, 20000, "at least half of the shortest pause");
}

Test(load_again, what_one_connection_left_is_taken_by_another)
{
	struct peer p;
	struct deferred_cmds o = against(LOSES_ONE, 3, conf_of(4, 2, 1), &p);

	cr_assert_eq(o.correct, 4);
	cr_assert_eq(o.resent, 1);
}

Test(load_again, ends_when_nobody_is_left_for_what_is_to_be_sent_again)
{
	struct peer p;
	struct load_conf conf = conf_of(2, 2, 1);
	struct deferred_cmds o;

	conf.keepalive = false;
	o = against(LOSES_ONE, 1, conf, &p);
	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_eq(o.correct, 1);
	cr_assert_eq(o.failed, 1);
}
