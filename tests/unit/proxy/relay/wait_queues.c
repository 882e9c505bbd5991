/* wait_queues: where requests wait, a line a policy. */
#include "wait_queues.h"
#include "policy_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct proxy_conf conf;
static struct worker_stats *meter;
static struct wait_queues *lines;
static struct request_places places[2];
static const struct registry_snapshot_policy first = {.index = 0, .name = "111"},
					     second = {.index = 1, .name = "222"},
					     newcomer = {.index = 0, .name = "333"};

static void
open_lines(void)
{
	struct policy_conf *own;

	conf = (struct proxy_conf){
		.policy = {.queue_timeout = 100, .request_timeout = 500, .queue_length = 3}};
	own = add_section(&conf, "222");
	own->queue_length = 1;
	meter = worker_stats_new(1, 2);
	lines = wait_queues_new(2, &conf, meter, 0);
	cr_assert(meter != NULL && lines != NULL);
}

static void
close_lines(void)
{
	wait_queues_free(lines);
	worker_stats_free(meter);
}

TestSuite(lines, .init = open_lines, .fini = close_lines);

static struct request *
make(const struct registry_snapshot_policy *p, int client)
{
	struct request *q = request_new(NULL, NULL, span_of(NULL, 0), span_of(NULL, 0));

	cr_assert_not_null(q);
	q->places = &places[client];
	q->policy = p->index;
	line_check(lines, p);
	(void)line_of(lines, p);
	return q;
}

static void
take(struct request *q)
{
	line_take(lines, q, true);
	request_free(q);
}

Test(lines, each_policy_has_its_own_line_and_limit)
{
	struct request *a = make(&first, 0), *b = make(&second, 0);

	cr_assert_eq(line_of(lines, &first)->conf->queue_length, 3);
	cr_assert_eq(line_of(lines, &second)->conf->queue_length, 1);
	line_put(lines, a, 1000);
	line_put(lines, b, 1000);
	cr_assert_eq(wait_queues_waiting(lines), 2);
	cr_assert_eq(fair_queue_first(&line_at(lines, 0)->queue), a);
	cr_assert_eq(fair_queue_first(&line_at(lines, 1)->queue), b);
	take(a);
	cr_assert(wait_queues_first(lines) == line_at(lines, 1) &&
		  wait_queues_next(wait_queues_first(lines)) == NULL);
	take(b);
	cr_assert(wait_queues_waiting(lines) == 0 && wait_queues_first(lines) == NULL);
}

Test(lines, who_has_waited_the_longest_is_overdue_first_in_whatever_line)
{
	struct request *a = make(&first, 0), *b = make(&second, 0), *c = make(&first, 1);

	line_put(lines, a, 1020);
	line_put(lines, b, 1000);
	line_put_first(lines, c, 1010); /* it has waited before */
	cr_assert_null(wait_queues_overdue(lines, 1100));
	cr_assert_eq(wait_queues_overdue(lines, 1200), b);
	take(b);
	cr_assert_eq(wait_queues_overdue(lines, 1200), c);
	take(c);
	cr_assert_eq(wait_queues_overdue(lines, 1200), a);
	take(a);
}

Test(lines, each_policy_has_its_own_timeouts)
{
	struct request *a, *b;

	section_conf[0].queue_timeout = 70;
	section_conf[0].request_timeout = 0;
	a = make(&first, 0);
	b = make(&second, 0);
	line_put(lines, a, 1000);
	line_put(lines, b, 1010);
	wait_begin(line_at(lines, 0)->life, &a->life, a, 1000);
	wait_begin(line_at(lines, 1)->life, &b->life, b, 1000);
	cr_assert_null(wait_queues_overdue(lines, 1080));
	cr_assert_eq(wait_queues_overdue(lines, 1081), b, "which came later and has 70 ms");
	take(b);
	cr_assert_null(wait_queues_overdue(lines, 1100));
	cr_assert_eq(wait_queues_overdue(lines, 1101), a);
	cr_assert_null(wait_queues_outlived(lines, 1500));
	cr_assert_eq(wait_queues_outlived(lines, 1501), a);
	wait_end(&a->life);
	cr_assert_null(wait_queues_outlived(lines, 9999), "the other policy has no limit");
	take(a);
}

Test(lines, a_line_in_which_somebody_waits_is_not_given_to_another_policy)
{
	struct request *a = make(&first, 0);
	unsigned tenure = line_of(lines, &first)->tenure;

	line_put(lines, a, 1000);
	line_check(lines, &newcomer);
	cr_assert_str_eq(line_of(lines, &newcomer)->policy, "111");
	cr_assert_eq(line_at(lines, 0)->tenure, tenure);
	counter_add(&line_at(lines, 0)->meter->refused, 7);
	take(a);
	cr_assert_str_eq(line_of(lines, &newcomer)->policy, "333");
	cr_assert_neq(line_at(lines, 0)->tenure, tenure);
	cr_assert_eq(counter_get(&line_at(lines, 0)->meter->refused), 0,
		     "that was the other one's");
}

Test(lines, the_meter_tells_how_many_wait_and_the_most_that_did)
{
	struct request *a = make(&first, 0), *b = make(&first, 1);
	struct worker_stats_queue sum;

	line_put(lines, a, 1000);
	line_put(lines, b, 1000);
	take(a);
	counters_sum(meter->queues, 0, &sum);
	cr_assert(counter_get(&sum.queued) == 1 && counter_get(&sum.queued_max) == 2);
	cr_assert_eq(counter_get(&worker_stats_row(meter, 0)->queued), 1);
	take(b);
}

Test(lines, a_reason_is_forgotten_once_nobody_waits)
{
	struct request *q = make(&first, 0);
	struct line *line = line_of(lines, &first);

	line_put(lines, q, 1000);
	(void)snprintf(line->why, sizeof line->why, "server 1: connection refused");
	cr_assert_str_eq(line_of(lines, &first)->why, "server 1: connection refused");
	take(q);
	cr_assert_str_eq(line_of(lines, &first)->why, "");
}
