/* load: all is sent and all answers are taken, on as few connections as may be; and it ends. */
#include "load_fixture.h"

Test(load, sends_all_and_takes_all_answers)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(1000, 7, 5), &p);

	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_eq(o.correct, 1000);
	cr_assert_eq(o.sent, 1000);
	cr_assert_eq(p.accepted, 7);
	cr_assert_eq(o.most_in_flight, 35);
}

Test(load, has_one_in_flight_where_there_is_no_pipeline)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(100, 1, 1), &p);

	cr_assert_eq(o.correct, 100);
	cr_assert_eq(o.most_in_flight, 1);
	cr_assert_eq(p.accepted, 1);
}

Test(load, makes_no_more_connections_than_it_has_requests)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(3, 100, 10), &p);

	cr_assert_eq(o.correct, 3);
	cr_assert_eq(p.accepted, 3);
}

Test(load, no_connection_takes_the_share_of_another)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(10, 5, 100), &p);

	cr_assert_eq(o.correct, 10);
	cr_assert_eq(p.accepted, 5);
	cr_assert_eq(p.most_on_one, 2);
}

Test(load, can_use_a_connection_for_each_request)
{
	struct peer p;
	struct load_conf conf = conf_of(50, 4, 8);
	struct deferred_cmds o;

	conf.keepalive = false;
	o = against(ANSWERS, 0, conf, &p);
	cr_assert_eq(o.correct, 50);
	cr_assert_eq(p.accepted, 50);
	cr_assert_eq(o.most_in_flight, 4);
}

Test(load, counts_wrong_answers_and_refusals_and_goes_on)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS_WRONG, 0, conf_of(20, 2, 2), &p);

	cr_assert_eq(o.wrong, 20);
	cr_assert_eq(p.accepted, 2);
	o = against(REFUSES, 0, conf_of(20, 2, 2), &p);
	cr_assert_eq(o.refused, 20);
	cr_assert_eq(p.accepted, 2);
}

Test(load, an_answer_too_many_is_no_answer_to_the_next)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS_TWICE, 0, conf_of(1, 1, 1), &p);

	cr_assert_eq(o.correct, 1);
	cr_assert_eq(o.sent, 1);
	/* A second request has another payload: the first one's second answer is wrong for it. */
	o = against(ANSWERS_TWICE, 0, conf_of(10, 1, 1), &p);
	cr_assert_eq(o.sent, 10);
	cr_assert_lt(o.correct, 10);
}

Test(load, tells_of_packets_that_answer_nothing)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS_TWICE, 0, conf_of(2, 2, 1), &p);

	cr_assert_eq(o.correct, 2);
	cr_assert_geq(o.stray, 1);
}

Test(load, a_load_without_a_number_fails_what_it_sent_and_no_more)
{
	static const bool keepalive[] = {true, false};
	static const unsigned retries[] = {0, 2};
	struct peer p;

	for (int i = 0; i < 4; i++) {
		struct load_conf conf = conf_of(1000000000, i == 0 ? 1 : 3, 2);
		struct deferred_cmds o;

		conf.duration = 60000;
		conf.keepalive = keepalive[i % 2];
		conf.retries = retries[i / 2];
		o = against(VANISHES_AFTER, 50, conf, &p);
		cr_assert_eq(o.end, LOAD_DONE);
		cr_assert_geq(o.correct, 40); /* answers on their way were lost */
		cr_assert_geq(o.failed, 1, "it ended before its time");
		cr_assert_leq(o.sent, 50 + 6 + 1);
	}
}

Test(load, silence_fails_what_is_in_flight_in_time)
{
	struct peer p;
	struct load_conf conf = conf_of(6, 1, 3);
	uint64_t began = clock_ms();
	struct deferred_cmds o;

	conf.timeout = 30;
	o = against(SAYS_NOTHING, 0, conf, &p);
	cr_assert_eq(o.failed, 6);
	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_str_eq(o.why, "no reply in time");
	cr_assert_eq(p.accepted, 2, "a timed-out connection is not used again");
	cr_assert_geq(clock_ms() - began, 60);
}

Test(load, stops_sending_when_its_time_is_over)
{
	struct peer p;
	struct load_conf conf = conf_of(1000000000, 3, 2);
	uint64_t began = clock_ms();
	struct deferred_cmds o;

	conf.duration = 200;
	o = against(ANSWERS, 0, conf, &p);
	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_gt(o.correct, 10);
	cr_assert_eq(o.failed, 0, "what was sent is waited for");
	cr_assert_geq(clock_ms() - began, 190);
}

Test(load, believes_nothing_on_a_stream_that_cannot_be_followed)
{
	struct peer p;
	struct deferred_cmds o = against(TALKS_NONSENSE, 0, conf_of(2, 1, 2), &p);

	cr_assert_eq(o.failed, 2);
	cr_assert_str_eq(o.why, "reply is no packet");
	o = against(TALKS_BROKEN_JSON, 0, conf_of(2, 1, 2), &p);
	cr_assert_eq(o.failed, 2);
}

Test(load, can_be_stopped)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(1000000, 2, 4);
	struct deferred_cmds o = {.stop_at = 100};
	struct peer p;

	open_peer(&p, base, ANSWERS, 0);
	conf.proxies = only(&p.addr);
	drive(base, &conf, &o);
	cr_assert_not(o.ended, "who stops knows");
	cr_assert_eq(o.correct, 100);
	cr_assert_leq(o.failed, 8);
	cr_assert_gt(o.failed, 0);
	cr_assert_str_eq(o.reasons.entry[0].text, "stopped");
	finish(base, &p, &o);
}
