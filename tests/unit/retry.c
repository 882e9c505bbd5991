/* retry: how many may be on a further try, and the order of those who wait. */
#include "retry.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MANY = 40, LIMIT = 1000 };

static struct retry b;
static struct request *r[MANY];

static void
open_budget(void)
{
	retry_init(&b, 20, LIMIT);
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

	while (n < MANY && retry_take(&b, r[n], pending))
		n++;
	return n;
}

Test(retry, a_share_of_what_is_pending_may_and_three_always)
{
	cr_assert_eq(take_all(0), 3);
	for (int i = 0; i < 3; i++)
		retry_end(&b, r[i]);
	cr_assert_eq(take_all(100), 20);
}

Test(retry, who_counts_counts_once_until_its_end)
{
	cr_assert(retry_take(&b, r[0], 0) && retry_take(&b, r[0], 0));
	cr_assert_eq(b.active, 1);
	retry_end(&b, r[0]);
	retry_end(&b, r[0]);
	cr_assert_eq(b.active, 0);
	cr_assert_eq(take_all(0), 3);
	cr_assert(!retry_take(&b, r[9], 0));
	retry_end(&b, r[1]);
	cr_assert(retry_take(&b, r[9], 0));
}

Test(retry, who_is_parked_does_not_count_and_the_last_told_goes_first)
{
	cr_assert_eq(take_all(0), 3);
	retry_park(&b, r[2], 5);
	retry_park(&b, r[1], 5);
	cr_assert(b.active == 1 && b.parked_n == 2 && r[1]->state == REQUEST_PARKED);
	cr_assert_eq(TAILQ_FIRST(&b.parked), r[1]);
	retry_unpark(&b, r[1]);
	retry_repark(&b, r[1], TAILQ_FIRST(&b.parked));
	cr_assert_eq(TAILQ_FIRST(&b.parked), r[1]);
	retry_unpark(&b, r[1]);
	retry_repark(&b, r[1], NULL);
	cr_assert_eq(TAILQ_FIRST(&b.parked), r[2]);
	cr_assert_eq(b.parked_n, 2);
	retry_unpark(&b, r[1]);
	retry_unpark(&b, r[2]);
	cr_assert(b.parked_n == 0 && waitlist_empty(&b.waits));
}

Test(retry, who_waits_too_long_is_found_the_longest_first)
{
	retry_park(&b, r[0], 200);
	retry_park(&b, r[1], 100);
	cr_assert_null(retry_overdue(&b, 100 + LIMIT));
	cr_assert_eq(retry_overdue(&b, 101 + LIMIT), r[1]);
	retry_unpark(&b, r[1]);
	retry_repark(&b, r[1], NULL);
	cr_assert_eq(retry_overdue(&b, 101 + LIMIT), r[1], "it has not begun to wait anew");
	retry_unpark(&b, r[1]);
	cr_assert_eq(retry_overdue(&b, 201 + LIMIT), r[0]);
	retry_unpark(&b, r[0]);
}

Test(retry, a_request_remembers_the_last_servers_that_failed_it)
{
	for (unsigned server = 1; server <= REQUEST_FAILED; server++) {
		request_failed_by(r[0], server);
		request_failed_by(r[0], server);
	}
	cr_assert(request_has_failed_at(r[0], 1) && request_has_failed_at(r[0], REQUEST_FAILED));
	cr_assert_eq(request_last_failed(r[0]), REQUEST_FAILED);
	request_failed_by(r[0], 65000);
	cr_assert(request_has_failed_at(r[0], 65000) && !request_has_failed_at(r[0], 1));
	cr_assert_eq(request_last_failed(r[0]), 65000);
	cr_assert(!request_has_failed_at(r[1], 0), "nobody has failed it");
}
