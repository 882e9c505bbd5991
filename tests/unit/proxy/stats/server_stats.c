/* server_stats: counts of each server by each worker. */
#include "server_stats.h"

#include <criterion/criterion.h>

#include "taken_over_fixture.h"

static struct counters *t;
static struct server_stats_cell sum;

static void
open_tally(void)
{
	t = server_stats_new(2, 3);
	cr_assert_not_null(t);
}

static void
close_tally(void)
{
	counters_free(t);
}

TestSuite(tally, .init = open_tally, .fini = close_tally);

Test(tally, the_last_reply_is_that_of_any_worker)
{
	cr_assert_eq(server_stats_reached(t, 0, UINT64_MAX), 0);
	counter_set(&server_stats_cell(t, 1, 0)->reached_at, 60);
	counter_set(&server_stats_cell(t, 0, 0)->reached_at, 50);
	counter_set(&server_stats_cell(t, 0, 1)->reached_at, 70);
	cr_assert_eq(server_stats_reached(t, 0, UINT64_MAX), 60);
	counter_set(&server_stats_cell(t, 0, 0)->reached_at, 80);
	cr_assert_eq(server_stats_reached(t, 0, UINT64_MAX), 80);
}

/* ---- a worker that was taken over ---- */

static int
enter(void)
{
	return counters_enter(t, 0);
}

Test(tally, what_a_taken_over_worker_says_stays_within_bounds_and_ends_with_it)
{
	for (unsigned i = 0; i < HOSTILE; i++) {
		counter_set(&server_stats_cell(t, 1, 1)->served, 7);
		counter_set(&server_stats_cell(t, 1, 1)->in_flight, 5);
		counter_set(&server_stats_cell(t, 1, 1)->reached_at, 900);
		take_over(enter, hostile[i]);
		counters_sum(t, 1, &sum);
		cr_assert_leq(counter_get(&sum.served), INT64_MAX);
		cr_assert_leq(counter_get(&sum.latency[0]), INT64_MAX);
		cr_assert_leq(server_stats_in_flight(t, 1, UINT32_MAX), (1 << 20) + 5);
		cr_assert_eq(server_stats_in_flight(t, 1, 0), 5, "the other worker's own");
		cr_assert(server_stats_reached(t, 1, 1000) >= 900 &&
			  server_stats_reached(t, 1, 1000) <= 1000);
		counters_fold(t, 0, 3);
		counters_sum(t, 1, &sum);
		cr_assert_eq(counter_get(&sum.in_flight), 5);
		cr_assert_leq(counter_get(&sum.served), INT64_MAX);
	}
}
