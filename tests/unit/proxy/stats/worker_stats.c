/* worker_stats: what workers count of requests and queues. */
#include "worker_stats.h"

#include <criterion/criterion.h>

#include "taken_over_fixture.h"

static struct worker_stats *m;
static struct worker_stats_row row;
static struct worker_stats_queue queue;

static void
open_meter(void)
{
	m = worker_stats_new(2, 3);
	cr_assert_not_null(m);
}

static void
close_meter(void)
{
	worker_stats_free(m);
}

TestSuite(meter, .init = open_meter, .fini = close_meter);

Test(meter, rows_add_up_and_of_maxima_the_highest_counts)
{
	for (unsigned w = 0; w < 2; w++) {
		struct worker_stats_row *r = worker_stats_row(m, w);
		counter_add(&r->error[PACKET_OVERLOADED], w + 1);
		counter_add(&r->timeout[WORKER_STATS_client_read], 10);
		counter_add(&r->gate[WORKER_STATS_GATE_rate_per_srcid], 1);
		counter_gauge(&r->queued, &r->queued_max, 7 - w);
		counter_gauge(&r->queued, &r->queued_max, 3);
		counter_add(&worker_stats_queue(m, w, 2)->refused, 4);
	}
	counters_sum(m->rows, 0, &row);
	cr_assert_eq(counter_get(&row.error[PACKET_OVERLOADED]), 3);
	cr_assert_eq(counter_get(&row.timeout[WORKER_STATS_client_read]), 20);
	cr_assert_eq(counter_get(&row.timeout[WORKER_STATS_queue]), 0);
	cr_assert_eq(counter_get(&row.gate[WORKER_STATS_GATE_rate_per_srcid]), 2);
	cr_assert_eq(counter_get(&row.gate[WORKER_STATS_GATE_networks]), 0);
	cr_assert(counter_get(&row.queued) == 6 && counter_get(&row.queued_max) == 7);
	counters_sum(m->queues, 2, &queue);
	cr_assert_eq(counter_get(&queue.refused), 8);
	counters_sum(m->queues, 1, &queue);
	cr_assert_eq(counter_get(&queue.refused), 0);
}

Test(meter, a_dead_workers_counts_stay_and_what_it_held_goes)
{
	for (int life = 0; life < 2; life++) {
		struct worker_stats_row *r = worker_stats_row(m, 1);
		struct worker_stats_queue *q = worker_stats_queue(m, 1, 0);
		counter_add(&r->error[PACKET_TIMEOUT], 2);
		counter_gauge(&r->queued, &r->buffered_max, 100);
		counter_set(&r->retrying, 3);
		counter_set(&r->parked, 4);
		counter_add(&q->expired, 5);
		counter_gauge(&q->queued, &q->queued_max, 9);
		worker_stats_fold(m, 1);
	}
	counters_sum(m->rows, 0, &row);
	cr_assert_eq(counter_get(&row.error[PACKET_TIMEOUT]), 4);
	cr_assert(counter_get(&row.queued) == 0 && counter_get(&row.buffered_max) == 100);
	cr_assert(counter_get(&row.retrying) == 0 && counter_get(&row.parked) == 0);
	counters_sum(m->queues, 0, &queue);
	cr_assert_eq(counter_get(&queue.expired), 10);
	cr_assert(counter_get(&queue.queued) == 0 && counter_get(&queue.queued_max) == 9);
}

Test(meter, clocks_have_their_names)
{
	cr_assert_str_eq(worker_stats_clock_text(WORKER_STATS_queue), "queue");
	cr_assert_str_eq(worker_stats_clock_text(WORKER_STATS_client_read), "client_read");
}

static int
enter(void)
{
	return worker_stats_enter(m, 0);
}

Test(meter, what_a_taken_over_worker_says_stays_within_bounds_and_ends_with_it)
{
	for (unsigned i = 0; i < HOSTILE; i++) {
		counter_set(&worker_stats_row(m, 1)->queued, 5);
		take_over(enter, hostile[i]);
		counters_sum(m->rows, 0, &row);
		cr_assert_leq(counter_get(&row.error[PACKET_OVERLOADED]), INT64_MAX);
		cr_assert_leq(counter_get(&row.queued_max), SHM_COUNT_MAX);
		counters_sum(m->queues, 2, &queue);
		cr_assert_leq(counter_get(&queue.refused), INT64_MAX);
		worker_stats_fold(m, 0);
		counters_sum(m->rows, 0, &row);
		cr_assert_eq(counter_get(&row.queued), 5);
	}
}
