/* job_share: a payload that was not answered lately has at most half of the job processes, of a
 * worker and of the server; what workers have published counts for all of them. */
#include "job_share.h"

#include <criterion/criterion.h>

enum { WORKERS = 4, PROCESSES = 2, NOW = 100000 };

static const uint64_t SICK = 0x1234, OTHER = 0x5678;

static struct job_stats *stats;

static void
open_stats(void)
{
	stats = job_stats_new(2 * WORKERS); /* two generations */
	cr_assert_not_null(stats);
}

static void
close_stats(void)
{
	job_stats_free(stats);
}

TestSuite(job_share, .init = open_stats, .fini = close_stats);

static struct job_share
worker(unsigned slot)
{
	return (struct job_share){
		.stats = stats, .slot = slot, .workers = WORKERS, .processes = PROCESSES};
}

static enum job_share_verdict
take_at(unsigned slot, unsigned number, uint64_t payload, uint64_t now)
{
	const struct job_share_ask ask = {.payload = payload, .now = now, .patience = 50};
	const struct job_share s = worker(slot);
	uint64_t age;

	return job_share_take(&s, &ask, number, &age);
}

static enum job_share_verdict
take(unsigned slot, unsigned number, uint64_t payload)
{
	return take_at(slot, number, payload, NOW);
}

static enum job_share_verdict
take_struck(unsigned slot, unsigned number)
{
	const struct job_share_ask ask = {
		.payload = SICK, .struck = true, .now = NOW, .patience = 50};
	const struct job_share s = worker(slot);
	uint64_t age;

	return job_share_take(&s, &ask, number, &age);
}

Test(job_share, half_of_a_workers_and_half_of_the_servers_and_no_more)
{
	struct job_share first = worker(0);

	for (unsigned i = 0; i < WORKERS; i++) {
		cr_assert_eq(take(i, 0, SICK), JOB_SHARE_RUN, "worker %u", i);
		cr_assert_eq(take(i, 1, SICK), JOB_SHARE_WAIT, "worker %u", i);
	}
	cr_assert_eq(take(WORKERS, 0, SICK), JOB_SHARE_WAIT, "of another generation");
	cr_assert_eq(take(0, 1, OTHER), JOB_SHARE_RUN);
	job_share_give_back(&first, 0);
	cr_assert_eq(take(WORKERS, 0, SICK), JOB_SHARE_RUN);
}

Test(job_share, what_was_refused_has_nothing)
{
	cr_assert_eq(take(0, 0, SICK), JOB_SHARE_RUN);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(take(0, 1, SICK), JOB_SHARE_WAIT);
	for (unsigned i = 1; i < WORKERS; i++)
		cr_assert_eq(take(i, 0, SICK), JOB_SHARE_RUN);
}

Test(job_share, the_oldest_decides_whether_it_is_waited_for)
{
	const struct job_share_ask ask = {.payload = SICK, .now = NOW + 51, .patience = 50};
	const struct job_share s = worker(0);
	uint64_t age = 0;

	cr_assert_eq(take_at(0, 0, SICK, NOW), JOB_SHARE_RUN);
	cr_assert_eq(take_at(1, 0, SICK, NOW + 40), JOB_SHARE_RUN);
	cr_assert_eq(take_at(0, 1, SICK, NOW + 50), JOB_SHARE_WAIT);
	cr_assert_eq(job_share_ask(&s, &ask, &age), JOB_SHARE_REFUSE);
	cr_assert_eq(age, 51);
	cr_assert_eq(take_at(2, 0, SICK, NOW + 60), JOB_SHARE_RUN, "there is room elsewhere");
}

Test(job_share, what_any_worker_has_answered_may_have_all)
{
	const struct job_share other = worker(3);

	job_share_answered(&other, SICK);
	for (unsigned i = 0; i < WORKERS; i++)
		for (unsigned n = 0; n < PROCESSES; n++)
			cr_assert_eq(take(i, n, SICK), JOB_SHARE_RUN);
}

Test(job_share, until_it_fails)
{
	const struct job_share s = worker(0);

	job_share_answered(&s, SICK);
	job_share_failed(&s, OTHER);
	cr_assert(take(0, 0, SICK) == JOB_SHARE_RUN && take(0, 1, SICK) == JOB_SHARE_RUN);
	job_share_give_back(&s, 1);
	job_share_failed(&s, SICK);
	cr_assert_eq(take(0, 1, SICK), JOB_SHARE_WAIT);
}

Test(job_share, with_strikes_it_has_one)
{
	const struct job_share s = worker(0);

	job_share_answered(&s, SICK);
	cr_assert_eq(take_struck(0, 0), JOB_SHARE_RUN);
	cr_assert_eq(take_struck(1, 0), JOB_SHARE_WAIT);
	job_share_give_back(&s, 0);
	cr_assert_eq(take_struck(1, 0), JOB_SHARE_RUN);
}

Test(job_share, of_two_that_want_it_at_the_same_moment_one_gets_it)
{
	struct job_stats_payloads *row = counters_own(stats->payloads, 1, 0);

	counter_set(&row->in_hand[0], SICK); /* and not yet since when */
	cr_assert_eq(take_struck(2, 0), JOB_SHARE_WAIT);
	cr_assert_eq(take_struck(0, 0), JOB_SHARE_RUN);
}

Test(job_share, junk_of_another_worker_is_bounded)
{
	struct job_stats_payloads *row = counters_own(stats->payloads, 1, 0);
	const struct job_share_ask ask = {.payload = SICK, .now = NOW, .patience = 50};
	const struct job_share s = worker(0);
	uint64_t age;

	for (unsigned i = 0; i < JOB_STATS_PROCESSES; i++) {
		counter_set(&row->in_hand[i], SICK);
		counter_set(&row->since[i], UINT64_MAX);
	}
	(void)job_share_ask(&s, &ask, &age);
	cr_assert_leq(age, NOW);
	cr_assert_eq(take(0, 0, SICK), JOB_SHARE_RUN, "more than its processes do not count");
}
