/* job_breaker: when a handler counts as failing at everything, and when as well again. */
#include "job_breaker.h"

#include <criterion/criterion.h>

enum { START = 100000, SICK = 77, SANE = 78 /* clients */ };

static struct job_breaker b;
static enum job_breaker_trial trial;
static unsigned wait_ms;

static bool
fails(uint64_t payload, enum job_breaker_trial of, uint64_t now)
{
	const struct job_breaker_job j = {payload, SICK};

	return job_breaker_failed(&b, &j, of, now, 0);
}

/* True once it has opened. */
static bool
fail_times(unsigned n, uint64_t first, uint64_t now)
{
	bool opened = false;

	for (unsigned i = 0; i < n; i++)
		opened |= fails(first + i, JOB_BREAKER_NO_TRIAL, now);
	return opened;
}

static bool
runs(uint64_t client, uint64_t now)
{
	return job_breaker_ask(&b, client, now, &trial, &wait_ms);
}

Test(job_breaker, five_different_failures_in_a_row_open_it)
{
	cr_assert_not(fail_times(JOB_BREAKER_FAILURES - 1, 1, START));
	cr_assert(runs(SICK, START) && trial == JOB_BREAKER_NO_TRIAL);
	cr_assert(fail_times(1, 100, START));
	cr_assert_not(runs(SICK, START));
	cr_assert(wait_ms > 0 && wait_ms <= JOB_BREAKER_MIN);
}

Test(job_breaker, one_sick_payload_does_not_nor_do_failures_between_successes)
{
	for (int i = 0; i < 100; i++)
		cr_assert_not(fails(7, JOB_BREAKER_NO_TRIAL, START));
	cr_assert_not(job_breaker_fine(&b, START));
	for (int i = 0; i < 100; i++) {
		cr_assert_not(fail_times(JOB_BREAKER_FAILURES - 1, (uint64_t)i * 10, START + 5000));
		cr_assert_not(job_breaker_fine(&b, START));
	}
	cr_assert_not(b.open);
}

Test(job_breaker, many_failures_do_not_while_others_are_answered)
{
	for (unsigned i = 0; i < 20; i++) {
		uint64_t now = START + i * (JOB_BREAKER_STILL - 1);
		cr_assert_not(job_breaker_fine(&b, now));
		cr_assert_not(fail_times(50, 1000 * i, now + JOB_BREAKER_STILL - 2));
	}
	cr_assert(fail_times(1, 1, START + 20 * JOB_BREAKER_STILL), "nobody is any more");
}

Test(job_breaker, then_one_job_a_pause_is_tried_and_pauses_grow)
{
	uint64_t now = START, before = 0;

	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1, now));
	for (int i = 0; i < 4; i++) {
		cr_assert_not(runs(SICK, now));
		cr_assert_gt(wait_ms, before);
		before = wait_ms;
		now += wait_ms;
		cr_assert_not(runs(SICK, now - 1));
		cr_assert(runs(SICK, now) && trial == JOB_BREAKER_IN_TURN);
		cr_assert_not(runs(SICK, now), "one only");
		cr_assert_gt(wait_ms, 0);
		cr_assert_not(fails(99, JOB_BREAKER_IN_TURN, now), "it is open already");
	}
}

Test(job_breaker, a_client_whose_jobs_did_not_fail_is_tried_beside_one_that_hangs)
{
	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1, START));
	cr_assert(runs(SICK, START + JOB_BREAKER_MIN) && trial == JOB_BREAKER_IN_TURN);
	cr_assert(runs(SANE, START + JOB_BREAKER_MIN) && trial == JOB_BREAKER_NEW_CLIENT);
	cr_assert_not(runs(SANE + 1, START + JOB_BREAKER_MIN), "one at a time");
	cr_assert(job_breaker_fine(&b, START + JOB_BREAKER_MIN));
	cr_assert(runs(SICK, START + JOB_BREAKER_MIN) && trial == JOB_BREAKER_NO_TRIAL);
}

Test(job_breaker, new_clients_are_tried_one_in_a_while)
{
	const struct job_breaker_job j = {500, SANE};

	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1, START));
	b.until = UINT64_MAX; /* no turn */
	cr_assert(runs(SANE, START) && trial == JOB_BREAKER_NEW_CLIENT);
	cr_assert_not(job_breaker_failed(&b, &j, trial, START, 0));
	cr_assert_not(runs(SANE + 1, START + JOB_BREAKER_MIN - 1));
	cr_assert_not(runs(SANE, START + JOB_BREAKER_MIN), "it has failed");
	cr_assert(runs(SANE + 1, START + JOB_BREAKER_MIN) && trial == JOB_BREAKER_NEW_CLIENT);
}

Test(job_breaker, the_first_success_closes_it_and_forgets_the_pauses)
{
	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1, START));
	cr_assert(runs(SICK, 2 * START));
	cr_assert_not(fails(9, JOB_BREAKER_IN_TURN, 2 * START));
	cr_assert(job_breaker_fine(&b, 2 * START));
	cr_assert_not(job_breaker_fine(&b, 2 * START), "told once");
	cr_assert(runs(SICK, 2 * START) && trial == JOB_BREAKER_NO_TRIAL);
	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1, 3 * START));
	cr_assert_not(runs(SICK, 3 * START));
	cr_assert_leq(wait_ms, JOB_BREAKER_MIN);
}

Test(job_breaker, a_trial_that_was_not_run_leaves_its_place)
{
	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1, START));
	cr_assert(runs(SICK, 2 * START) && trial == JOB_BREAKER_IN_TURN);
	job_breaker_untried(&b, trial);
	cr_assert(runs(SICK, 2 * START) && trial == JOB_BREAKER_IN_TURN);
}
