/* retry_budget: how many may be on a further try, and the order of those that wait. */
#include "retry_budget.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MANY = 40, LIMIT = 1000 };

static struct retry_budget b;
static struct timeout_list waits;
static struct worker_stats_row meter;
static struct request *r[MANY];

static void
open_budget(void)
{
	meter = (struct worker_stats_row){.retrying = 0};
	retry_budget_init(&b, 20, &meter);
	timeout_list_init(&waits, LIMIT);
	for (int i = 0; i < MANY; i++) {
		r[i] = request_new(NULL, NULL, span_str("{}"), span_of(NULL, 0));
		cr_assert_not_null(r[i]);
	}
}

static void
close_budget(void)
{
	for (int i = 0; i < MANY; i++)
		request_free(r[i]);
}

TestSuite(retry, .init = open_budget, .fini = close_budget);

static unsigned
take_all(unsigned pending)
{
	unsigned n = 0;

	while (n < MANY && retry_budget_take(&b, r[n], pending))
		n++;
	return n;
}

Test(retry, a_share_of_what_is_pending_may_and_three_always)
{
	cr_assert_eq(take_all(0), 3);
	for (int i = 0; i < 3; i++)
		retry_budget_end(&b, r[i]);
	cr_assert_eq(take_all(100), 20);
}

Test(retry, who_counts_counts_once_until_its_end)
{
	cr_assert(retry_budget_take(&b, r[0], 0) && retry_budget_take(&b, r[0], 0));
	cr_assert_eq(b.active, 1);
	cr_assert_eq(counter_get(&meter.retrying), 1);
	retry_budget_end(&b, r[0]);
	retry_budget_end(&b, r[0]);
	cr_assert_eq(b.active, 0);
	cr_assert_eq(counter_get(&meter.retrying), 0);
	cr_assert_eq(take_all(0), 3);
	cr_assert(!retry_budget_take(&b, r[9], 0));
	retry_budget_end(&b, r[1]);
	cr_assert(retry_budget_take(&b, r[9], 0));
}

Test(retry, who_is_parked_does_not_count_and_the_last_told_goes_first)
{
	cr_assert_eq(take_all(0), 3);
	retry_budget_park(&b, r[2], &waits, 5);
	retry_budget_park(&b, r[1], &waits, 5);
	cr_assert(b.active == 1 && b.parked_n == 2 && r[1]->state == REQUEST_PARKED);
	cr_assert(counter_get(&meter.retrying) == 1 && counter_get(&meter.parked) == 2);
	cr_assert_eq(TAILQ_FIRST(&b.parked), r[1]);
	retry_budget_unpark(&b, r[1]);
	retry_budget_repark(&b, r[1], TAILQ_FIRST(&b.parked));
	cr_assert_eq(TAILQ_FIRST(&b.parked), r[1]);
	retry_budget_unpark(&b, r[1]);
	retry_budget_repark(&b, r[1], NULL);
	cr_assert_eq(TAILQ_FIRST(&b.parked), r[2]);
	cr_assert_eq(b.parked_n, 2);
	retry_budget_unpark(&b, r[1]);
	retry_budget_unpark(&b, r[2]);
	cr_assert(b.parked_n == 0 && timeout_list_empty(&waits));
	cr_assert_eq(counter_get(&meter.parked), 0);
}

Test(retry, who_waits_too_long_is_found_the_longest_first)
{
	retry_budget_park(&b, r[0], &waits, 200);
	retry_budget_park(&b, r[1], &waits, 100);
	cr_assert_null(timeout_list_overdue(&waits, 100 + LIMIT));
	cr_assert_eq(timeout_list_overdue(&waits, 101 + LIMIT), r[1]);
	retry_budget_unpark(&b, r[1]);
	retry_budget_repark(&b, r[1], NULL);
	cr_assert_eq(timeout_list_overdue(&waits, 101 + LIMIT), r[1],
		     "it has not begun to wait anew");
	retry_budget_unpark(&b, r[1]);
	cr_assert_eq(timeout_list_overdue(&waits, 201 + LIMIT), r[0]);
	retry_budget_unpark(&b, r[0]);
}

Test(retry, a_request_remembers_the_last_servers_that_failed_it)
{
	for (unsigned server = 1; server <= REQUEST_FAILED; server++) {
		request_failed_by(r[0], server, "one");
		request_failed_by(r[0], server, "two");
	}
	cr_assert(request_has_failed_at(r[0], 1) && request_has_failed_at(r[0], REQUEST_FAILED));
	cr_assert_str_eq(r[0]->failed_id, "two");
	request_failed_by(r[0], UINT64_MAX, "three");
	cr_assert(request_has_failed_at(r[0], UINT64_MAX) && !request_has_failed_at(r[0], 1));
	cr_assert_str_eq(r[0]->failed_id, "three");
	cr_assert(!request_has_failed_at(r[1], 0), "nobody has failed it");
}
