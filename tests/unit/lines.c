/* lines: where requests wait, a line a policy. */
#include "lines.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char all[] = "3", own[] = "222=1";
static char *item[] = {all, own};
static struct proxy_conf conf;
static struct meter *meter;
static struct lines *lines;
static struct request_places places[2];
static const struct roster_policy first = {.index = 0, .name = "111"},
				  second = {.index = 1, .name = "222"},
				  newcomer = {.index = 0, .name = "333"};

static void
open_lines(void)
{
	conf = (struct proxy_conf){.queue_timeout = 100, .policy_queue_length = {item, 2}};
	meter = meter_new(1, 2);
	lines = lines_new(2, &conf, meter, 0);
	cr_assert(meter != NULL && lines != NULL);
}

static void
close_lines(void)
{
	lines_free(lines);
	meter_free(meter);
}

TestSuite(lines, .init = open_lines, .fini = close_lines);

static struct request *
make(const struct roster_policy *p, int client)
{
	struct request *q = request_new(NULL, NULL, span_of(NULL, 0), span_of(NULL, 0));

	cr_assert_not_null(q);
	q->places = &places[client];
	q->policy = p->index;
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

	cr_assert_eq(line_of(lines, &first)->limit, 3);
	cr_assert_eq(line_of(lines, &second)->limit, 1);
	line_put(lines, a, 1000);
	line_put(lines, b, 1000);
	cr_assert_eq(lines_waiting(lines), 2);
	cr_assert_eq(queue_first(&line_at(lines, 0)->queue), a);
	cr_assert_eq(queue_first(&line_at(lines, 1)->queue), b);
	take(a);
	cr_assert(lines_first(lines) == line_at(lines, 1) &&
		  lines_next(lines_first(lines)) == NULL);
	take(b);
	cr_assert(lines_waiting(lines) == 0 && lines_first(lines) == NULL);
}

Test(lines, who_has_waited_the_longest_is_overdue_first_in_whatever_line)
{
	struct request *a = make(&first, 0), *b = make(&second, 0), *c = make(&first, 1);

	line_put(lines, a, 1020);
	line_put(lines, b, 1000);
	line_put_first(lines, c, 1010); /* it has waited before */
	cr_assert_null(lines_overdue(lines, 1100));
	cr_assert_eq(lines_overdue(lines, 1200), b);
	take(b);
	cr_assert_eq(lines_overdue(lines, 1200), c);
	take(c);
	cr_assert_eq(lines_overdue(lines, 1200), a);
	take(a);
}

Test(lines, a_line_in_which_somebody_waits_is_not_given_to_another_policy)
{
	struct request *a = make(&first, 0);

	line_put(lines, a, 1000);
	cr_assert_str_eq(line_of(lines, &newcomer)->policy, "111");
	scoreboard_add(&line_at(lines, 0)->meter->refused, 7);
	take(a);
	cr_assert_str_eq(line_of(lines, &newcomer)->policy, "333");
	cr_assert_eq(scoreboard_get(&line_at(lines, 0)->meter->refused), 0,
		     "that was the other one's");
}

Test(lines, the_meter_tells_how_many_wait_and_the_most_that_did)
{
	struct request *a = make(&first, 0), *b = make(&first, 1);
	struct meter_queue sum;

	line_put(lines, a, 1000);
	line_put(lines, b, 1000);
	take(a);
	meter_sum_queue(meter, 0, &sum);
	cr_assert(scoreboard_get(&sum.queued) == 1 && scoreboard_get(&sum.queued_max) == 2);
	cr_assert_eq(scoreboard_get(&meter_row(meter, 0)->queued), 1);
	take(b);
}
