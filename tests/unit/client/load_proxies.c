/* load_proxies: where no proxy answers, the next one is tried or the load gives up. */
#include "load_fixture.h"

Test(load_proxies, gives_up_where_connections_end_before_any_answer)
{
	struct peer p;
	struct deferred_cmds o = against(CLOSES_AFTER, 0, conf_of(5, 1, 2), &p);

	cr_assert_eq(o.sent, 5);
	cr_assert_eq(o.failed, 5);
	cr_assert_eq(o.resent, 2);
	cr_assert_eq(p.accepted, 2, "one try, and one more");
}

Test(load_proxies, ends_when_the_proxy_is_gone_for_good)
{
	struct peer p;
	struct deferred_cmds o = against(VANISHES_AFTER, 10, conf_of(1000, 4, 2), &p);

	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_eq(o.sent, 1000, "what could not be sent counts as well");
	cr_assert_eq(o.correct + o.failed, 1000);
	cr_assert_eq(o.correct, 10);
}

Test(load_proxies, gives_up_at_once_without_retries)
{
	struct peer p;
	struct load_conf conf = conf_of(10, 1, 1);
	struct deferred_cmds o;

	conf.retries = 0;
	o = against(CLOSES_AFTER, 3, conf, &p);
	cr_assert_eq(o.sent, 10);
	cr_assert_eq(o.correct, 3);
	cr_assert_eq(o.failed, 7);
	cr_assert_eq(p.accepted, 1);
}

Test(load_proxies, says_when_the_proxy_cannot_be_reached_at_all)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(10, 3, 1);
	struct deferred_cmds o = {.sent = 0};
	struct peer p;

	open_peer(&p, base, ANSWERS, 0);
	conf.proxies = only(&p.addr);
	stop_listening(&p);
	drive(base, &conf, &o);
	cr_assert(o.ended);
	cr_assert_eq(o.end, LOAD_UNREACHABLE);
	cr_assert_str_eq(o.why, "Connection refused");
	cr_assert_eq(o.sent, 0);
	finish(base, &p, &o);
}

Test(load_proxies, tries_each_address_of_the_proxy)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(10, 3, 1);
	struct deferred_cmds o = {.sent = 0};
	struct addr nobody, other;
	struct peer p;

	conf.retries = 0;
	open_peer(&p, base, ANSWERS, 0);
	cr_assert_eq(addr_numeric(&nobody, "127.0.0.9", addr_port(&p.addr)), 0);
	cr_assert_eq(addr_numeric(&other, "127.0.0.10", addr_port(&p.addr)), 0);
	conf.proxies = several((const struct addr *[]){&nobody, &other, &p.addr}, 3);
	drive(base, &conf, &o);
	cr_assert(o.ended);
	cr_assert_eq(o.correct, 10);
	cr_assert_eq(o.unreachable, 2 * 3, "two by each connection");
	cr_assert_eq(o.last_place, 2);
	finish(base, &p, &o);
}

/* A round has an end: each that answers nothing is tried once before the pause. */
Test(load_proxies, goes_on_at_the_next_proxy_without_a_pause_and_stays_there)
{
	static const enum habit lost[] = {CLOSES_AFTER, CUTS_AFTER, RESETS_AFTER, DECLINES_AFTER,
					  VANISHES_AFTER};

	for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
		struct event_base *base = event_base_new();
		struct load_conf conf = conf_of(40, 2, 4);
		struct deferred_cmds o = {.sent = 0};
		struct peer bad, good;

		conf.retries = 0; /* a pause would be the end */
		open_peer(&bad, base, lost[i], lost[i] == VANISHES_AFTER ? 5 : 0);
		open_peer(&good, base, ANSWERS, 0);
		conf.proxies = several((const struct addr *[]){&bad.addr, &good.addr}, 2);
		drive(base, &conf, &o);
		cr_expect(o.ended && o.end == LOAD_DONE, "%zu", i);
		cr_expect_eq(o.correct, 40, "%zu: %u", i, (unsigned)o.correct);
		cr_expect_gt(o.resent, 0);
		cr_expect_eq(o.last_place, 1);
		cr_expect_leq(good.accepted, 2, "it stays");
		close_peer(&bad);
		finish(base, &good, &o);
	}
}

Test(load_proxies, what_may_have_run_at_one_proxy_is_not_asked_at_another)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(10, 1, 4);
	struct deferred_cmds o = {.sent = 0};
	struct peer bad, good;
	char at[ADDR_TEXT];

	conf.resend = false;
	open_peer(&bad, base, RESETS_AFTER, 0);
	open_peer(&good, base, ANSWERS, 0);
	conf.proxies = several((const struct addr *[]){&bad.addr, &good.addr}, 2);
	drive(base, &conf, &o);
	cr_assert(o.ended && o.end == LOAD_DONE);
	cr_assert(o.resent == 0 && o.failed == 4 && o.correct == 6);
	cr_assert_not_null(strstr(o.reasons.entry[0].text, "it may have run"));
	cr_assert_not_null(strstr(o.reasons.entry[0].text, addr_text(&bad.addr, at)), "%s",
			   o.reasons.entry[0].text);
	close_peer(&bad);
	finish(base, &good, &o);
}

Test(load_proxies, a_connection_that_ended_after_answers_is_made_anew_at_the_same_proxy)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(20, 1, 1);
	struct deferred_cmds o = {.sent = 0};
	struct peer first, second;

	conf.retries = 0;
	open_peer(&first, base, CLOSES_AFTER, 5);
	open_peer(&second, base, ANSWERS, 0);
	conf.proxies = several((const struct addr *[]){&first.addr, &second.addr}, 2);
	drive(base, &conf, &o);
	cr_assert(o.ended && o.correct == 20);
	cr_assert_eq(second.accepted, 0, "the other was never asked");
	close_peer(&first);
	finish(base, &second, &o);
}
