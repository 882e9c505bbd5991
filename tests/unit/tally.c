/* tally: counts of each server by each worker. */
#include "tally.h"

#include <criterion/criterion.h>

static struct tally *t;
static struct tally_cell sum;

static void
open_tally(void)
{
	t = tally_new(2, 3);
	cr_assert_not_null(t);
}

static void
close_tally(void)
{
	tally_free(t);
}

TestSuite(tally, .init = open_tally, .fini = close_tally);

Test(tally, workers_cells_add_up_a_server_at_a_time)
{
	tally_add(&tally_cell(t, 0, 1)->served, 3);
	tally_add(&tally_cell(t, 1, 1)->served, 4);
	tally_add(&tally_cell(t, 1, 2)->served, 100);
	tally_add(&tally_cell(t, 0, 1)->in_flight, 2);
	tally_add(&tally_cell(t, 0, 1)->in_flight, -1);
	tally_sum(t, 1, &sum);
	cr_assert_eq(tally_get(&sum.served), 7);
	cr_assert_eq(tally_get(&sum.in_flight), 1);
}

Test(tally, a_dead_workers_counts_stay_and_what_it_held_goes)
{
	struct tally_cell *c = tally_cell(t, 0, 1);

	tally_add(&c->served, 3);
	tally_add(&c->failed, 2);
	tally_add(&c->connections, 4);
	tally_latency(c, 100);
	tally_fold(t, 0, 3);
	tally_add(&c->served, 1);
	tally_fold(t, 0, 3);
	tally_sum(t, 1, &sum);
	cr_assert(tally_get(&sum.served) == 4 && tally_get(&sum.failed) == 2);
	cr_assert_eq(tally_get(&sum.connections), 0);
	cr_assert_geq(tally_quantile(&sum, 0.5), 100);
	tally_forget(t, 1);
	tally_sum(t, 1, &sum);
	cr_assert(tally_get(&sum.served) == 0 && tally_quantile(&sum, 0.5) == 0);
}

Test(tally, what_is_under_way_at_an_index_outlasts_its_server)
{
	struct tally_cell *c = tally_cell(t, 0, 1);

	tally_add(&c->in_flight, 6);
	tally_add(&c->connections, 2);
	tally_add(&c->served, 3);
	tally_forget(t, 1);
	tally_sum(t, 1, &sum);
	cr_assert(tally_get(&sum.in_flight) == 6 && tally_get(&sum.connections) == 2);
	cr_assert_eq(tally_get(&sum.served), 0);
	tally_add(&c->in_flight, -6);
	tally_add(&c->connections, -2);
	tally_sum(t, 1, &sum);
	cr_assert(tally_get(&sum.in_flight) == 0 && tally_get(&sum.connections) == 0);
}

Test(tally, quantiles_are_within_a_quarter_octave_and_never_below)
{
	for (uint64_t us = 1; us < (uint64_t)1 << 31; us = us * 3 / 2 + 1) {
		uint64_t got;
		tally_forget(t, 0);
		tally_latency(tally_cell(t, 0, 0), us);
		tally_sum(t, 0, &sum);
		got = tally_quantile(&sum, 0.99);
		cr_assert(us <= got && got <= us + us / 4, "%llu for %llu", (unsigned long long)got,
			  (unsigned long long)us);
	}
	tally_latency(tally_cell(t, 0, 0), UINT64_MAX);
}

Test(tally, a_share_of_the_replies_decides_the_quantile)
{
	for (int i = 0; i < 99; i++)
		tally_latency(tally_cell(t, i % 2, 2), 10);
	tally_latency(tally_cell(t, 0, 2), 1000000);
	tally_sum(t, 2, &sum);
	cr_assert_leq(tally_quantile(&sum, 0.99), 12);
	cr_assert_geq(tally_quantile(&sum, 1.0), 1000000);
}

Test(tally, the_last_reply_is_that_of_any_worker)
{
	cr_assert_eq(tally_reached(t, 0), 0);
	tally_set(&tally_cell(t, 1, 0)->reached_at, 60);
	tally_set(&tally_cell(t, 0, 0)->reached_at, 50);
	tally_set(&tally_cell(t, 0, 1)->reached_at, 70);
	cr_assert_eq(tally_reached(t, 0), 60);
	tally_set(&tally_cell(t, 0, 0)->reached_at, 80);
	cr_assert_eq(tally_reached(t, 0), 80);
}
