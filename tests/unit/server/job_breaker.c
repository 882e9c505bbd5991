/* job_breaker: when a handler counts as failing at everything, and when as well again. */
#include "job_breaker.h"

#include <criterion/criterion.h>

static struct job_breaker b;
static unsigned wait_ms;

/* True once it has opened. */
static bool
fail_times(unsigned n, uint64_t first)
{
	bool opened = false;

	for (unsigned i = 0; i < n; i++)
		opened |= job_breaker_failed(&b, first + i, false, 1000, 0);
	return opened;
}

Test(job_breaker, five_different_failures_in_a_row_open_it)
{
	cr_assert_not(fail_times(JOB_BREAKER_FAILURES - 1, 1));
	cr_assert_eq(job_breaker_ask(&b, 1000, &wait_ms), JOB_BREAKER_RUN);
	cr_assert(fail_times(1, 100));
	cr_assert_eq(job_breaker_ask(&b, 1000, &wait_ms), JOB_BREAKER_REFUSE);
	cr_assert(wait_ms > 0 && wait_ms <= JOB_BREAKER_MIN);
}

Test(job_breaker, one_sick_payload_does_not_nor_do_failures_between_successes)
{
	for (int i = 0; i < 100; i++)
		cr_assert_not(job_breaker_failed(&b, 7, false, 1000, 0));
	cr_assert_not(job_breaker_fine(&b));
	for (int i = 0; i < 100; i++) {
		cr_assert_not(fail_times(JOB_BREAKER_FAILURES - 1, (uint64_t)i * 10));
		cr_assert_not(job_breaker_fine(&b));
	}
	cr_assert_not(b.open);
}

Test(job_breaker, then_one_job_a_pause_is_tried_and_pauses_grow)
{
	uint64_t now = 1000, before = 0;

	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1));
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(job_breaker_ask(&b, now, &wait_ms), JOB_BREAKER_REFUSE);
		cr_assert_gt(wait_ms, before);
		before = wait_ms;
		now += wait_ms;
		cr_assert_eq(job_breaker_ask(&b, now - 1, &wait_ms), JOB_BREAKER_REFUSE);
		cr_assert_eq(job_breaker_ask(&b, now, &wait_ms), JOB_BREAKER_TRIAL);
		cr_assert_eq(job_breaker_ask(&b, now, &wait_ms), JOB_BREAKER_REFUSE, "one only");
		cr_assert_gt(wait_ms, 0);
		cr_assert_not(job_breaker_failed(&b, 99, true, now, 0), "it is open already");
	}
}

Test(job_breaker, the_first_success_closes_it_and_forgets_the_pauses)
{
	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1));
	cr_assert_eq(job_breaker_ask(&b, 100000, &wait_ms), JOB_BREAKER_TRIAL);
	cr_assert_not(job_breaker_failed(&b, 9, true, 100000, 0));
	cr_assert(job_breaker_fine(&b));
	cr_assert_not(job_breaker_fine(&b), "told once");
	cr_assert_eq(job_breaker_ask(&b, 100000, &wait_ms), JOB_BREAKER_RUN);
	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1));
	cr_assert_eq(job_breaker_ask(&b, 1000, &wait_ms), JOB_BREAKER_REFUSE);
	cr_assert_leq(wait_ms, JOB_BREAKER_MIN);
}

Test(job_breaker, a_trial_that_was_not_run_leaves_its_place)
{
	cr_assert(fail_times(JOB_BREAKER_FAILURES, 1));
	cr_assert_eq(job_breaker_ask(&b, 100000, &wait_ms), JOB_BREAKER_TRIAL);
	job_breaker_untried(&b);
	cr_assert_eq(job_breaker_ask(&b, 100000, &wait_ms), JOB_BREAKER_TRIAL);
}
