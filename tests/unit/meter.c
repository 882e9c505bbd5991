/* meter: what workers count of requests and queues. */
#include "meter.h"

#include <criterion/criterion.h>

static struct meter *m;
static struct meter_row row;
static struct meter_queue queue;

static void
open_meter(void)
{
	m = meter_new(2, 3);
	cr_assert_not_null(m);
}

static void
close_meter(void)
{
	meter_free(m);
}

TestSuite(meter, .init = open_meter, .fini = close_meter);

Test(meter, rows_add_up_and_of_maxima_the_highest_counts)
{
	for (unsigned w = 0; w < 2; w++) {
		struct meter_row *r = meter_row(m, w);
		scoreboard_add(&r->error[PACKET_OVERLOADED], w + 1);
		scoreboard_add(&r->timeout[METER_client_read], 10);
		scoreboard_add(&r->gate[METER_GATE_rate_per_srcid], 1);
		meter_gauge(&r->queued, &r->queued_max, 7 - w);
		meter_gauge(&r->queued, &r->queued_max, 3);
		scoreboard_add(&meter_queue(m, w, 2)->refused, 4);
	}
	meter_sum(m, &row);
	cr_assert_eq(scoreboard_get(&row.error[PACKET_OVERLOADED]), 3);
	cr_assert_eq(scoreboard_get(&row.timeout[METER_client_read]), 20);
	cr_assert_eq(scoreboard_get(&row.timeout[METER_queue]), 0);
	cr_assert_eq(scoreboard_get(&row.gate[METER_GATE_rate_per_srcid]), 2);
	cr_assert_eq(scoreboard_get(&row.gate[METER_GATE_networks]), 0);
	cr_assert(scoreboard_get(&row.queued) == 6 && scoreboard_get(&row.queued_max) == 7);
	meter_sum_queue(m, 2, &queue);
	cr_assert_eq(scoreboard_get(&queue.refused), 8);
	meter_sum_queue(m, 1, &queue);
	cr_assert_eq(scoreboard_get(&queue.refused), 0);
}

Test(meter, a_dead_workers_counts_stay_and_what_it_held_goes)
{
	for (int life = 0; life < 2; life++) {
		struct meter_row *r = meter_row(m, 1);
		struct meter_queue *q = meter_queue(m, 1, 0);
		scoreboard_add(&r->error[PACKET_TIMEOUT], 2);
		meter_gauge(&r->buffered, &r->buffered_max, 100);
		scoreboard_add(&q->expired, 5);
		meter_gauge(&q->queued, &q->queued_max, 9);
		meter_fold(m, 1);
	}
	meter_sum(m, &row);
	cr_assert_eq(scoreboard_get(&row.error[PACKET_TIMEOUT]), 4);
	cr_assert(scoreboard_get(&row.buffered) == 0 && scoreboard_get(&row.buffered_max) == 100);
	meter_sum_queue(m, 0, &queue);
	cr_assert_eq(scoreboard_get(&queue.expired), 10);
	cr_assert(scoreboard_get(&queue.queued) == 0 && scoreboard_get(&queue.queued_max) == 9);
}

Test(meter, clocks_have_their_names)
{
	cr_assert_str_eq(meter_clock_text(METER_queue), "queue");
	cr_assert_str_eq(meter_clock_text(METER_client_read), "client_read");
}
