/* timeout_list: which waits are overdue. */
#include "timeout_list.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct timeout_list l;
static struct wait a, b, c;

static void
open_list(void)
{
	timeout_list_init(&l, 100);
}

TestSuite(waitlist, .init = open_list);

Test(waitlist, the_one_that_began_first_is_overdue_first)
{
	cr_assert(timeout_list_empty(&l) && timeout_list_overdue(&l, 1000) == NULL);
	wait_begin(&l, &a, &a, 1000);
	wait_begin(&l, &b, &b, 1010);
	cr_assert_null(timeout_list_overdue(&l, 1100), "a limit reached is not yet passed");
	cr_assert_eq(timeout_list_overdue(&l, 1101), &a);
	wait_end(&a);
	cr_assert_null(timeout_list_overdue(&l, 1110));
	cr_assert_eq(timeout_list_overdue(&l, 1111), &b);
	cr_assert_null(timeout_list_overdue(&l, 5), "a clock that was read earlier");
	wait_end(&b);
	wait_end(&b);
	cr_assert(timeout_list_empty(&l));
}

Test(waitlist, who_begins_anew_goes_behind)
{
	wait_begin(&l, &a, &a, 1000);
	wait_begin(&l, &b, &b, 1000);
	wait_begin(&l, &a, &a, 1050);
	cr_assert_eq(timeout_list_overdue(&l, 1200), &b);
	wait_end(&b);
	cr_assert_null(timeout_list_overdue(&l, 1150));
	cr_assert_eq(timeout_list_overdue(&l, 1151), &a);
}

Test(waitlist, who_has_waited_before_keeps_its_place)
{
	wait_begin(&l, &a, &a, 1000);
	wait_begin(&l, &b, &b, 1050);
	wait_begin(&l, &c, &c, 1020);
	wait_end(&a);
	cr_assert_eq(timeout_list_overdue(&l, 1200), &c);
	wait_begin(&l, &a, &a, 900);
	cr_assert_eq(timeout_list_overdue(&l, 1200), &a);
	wait_end(&a);
	wait_end(&c);
	cr_assert_eq(timeout_list_overdue(&l, 1200), &b);
}

Test(waitlist, without_a_limit_nobody_is_overdue)
{
	timeout_list_init(&l, 0);
	wait_begin(&l, &a, &a, 1);
	cr_assert_null(timeout_list_overdue(&l, UINT64_MAX));
}

Test(waitlist, who_waits_with_other_limits_is_in_other_lists)
{
	struct timeout_lists *ls = timeout_lists_new(2);
	struct timeout_list *brief, *patient;

	cr_assert_not_null(ls);
	brief = timeout_lists_of(ls, 10);
	patient = timeout_lists_of(ls, 500);
	cr_assert(timeout_lists_of(ls, 10) == brief && timeout_lists_of(ls, 500) == patient);
	wait_begin(patient, &a, &a, 1000);
	wait_begin(brief, &b, &b, 1100);
	cr_assert_null(timeout_lists_overdue(ls, 1110));
	cr_assert_eq(timeout_lists_overdue(ls, 1111), &b);
	wait_begin(patient, &b, &b, 1100);
	cr_assert(timeout_list_empty(brief) && b.in == patient);
	cr_assert_null(timeout_lists_overdue(ls, 1500));
	cr_assert_eq(timeout_lists_overdue(ls, 1501), &a);
	wait_end(&a);
	wait_end(&b);
	free(ls);
}
