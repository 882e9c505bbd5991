/* waitlist: who is overdue. */
#include "waitlist.h"

#include <criterion/criterion.h>

static struct waitlist l;
static struct wait a, b, c;

static void
open_list(void)
{
	waitlist_init(&l, 100);
}

TestSuite(waitlist, .init = open_list);

Test(waitlist, the_one_that_began_first_is_overdue_first)
{
	cr_assert(waitlist_empty(&l) && waitlist_overdue(&l, 1000) == NULL);
	wait_begin(&l, &a, &a, 1000);
	wait_begin(&l, &b, &b, 1010);
	cr_assert_null(waitlist_overdue(&l, 1100), "a limit reached is not yet passed");
	cr_assert_eq(waitlist_overdue(&l, 1101), &a);
	wait_end(&l, &a);
	cr_assert_null(waitlist_overdue(&l, 1110));
	cr_assert_eq(waitlist_overdue(&l, 1111), &b);
	cr_assert_null(waitlist_overdue(&l, 5), "a clock that was read earlier");
	wait_end(&l, &b);
	wait_end(&l, &b);
	cr_assert(waitlist_empty(&l));
}

Test(waitlist, who_begins_anew_goes_behind)
{
	wait_begin(&l, &a, &a, 1000);
	wait_begin(&l, &b, &b, 1000);
	wait_begin(&l, &a, &a, 1050);
	cr_assert_eq(waitlist_overdue(&l, 1200), &b);
	wait_end(&l, &b);
	cr_assert_null(waitlist_overdue(&l, 1150));
	cr_assert_eq(waitlist_overdue(&l, 1151), &a);
}

Test(waitlist, who_has_waited_before_keeps_its_place)
{
	wait_begin(&l, &a, &a, 1000);
	wait_begin(&l, &b, &b, 1050);
	wait_begin(&l, &c, &c, 1020);
	wait_end(&l, &a);
	cr_assert_eq(waitlist_overdue(&l, 1200), &c);
	wait_begin(&l, &a, &a, 900);
	cr_assert_eq(waitlist_overdue(&l, 1200), &a);
	wait_end(&l, &a);
	wait_end(&l, &c);
	cr_assert_eq(waitlist_overdue(&l, 1200), &b);
}

Test(waitlist, without_a_limit_nobody_is_overdue)
{
	waitlist_init(&l, 0);
	wait_begin(&l, &a, &a, 1);
	cr_assert_null(waitlist_overdue(&l, UINT64_MAX));
}
