/* pace: estimating the wait in a queue. */
#include "pace.h"

#include <criterion/criterion.h>

static struct pace p;

/* So many served in each of some windows of 100 ms. */
static uint64_t
serve(uint64_t now, unsigned windows, unsigned each)
{
	for (unsigned w = 0; w < windows; w++) {
		for (unsigned i = 0; i < each; i++)
			pace_served(&p);
		now += 100;
		pace_look(&p, now);
	}
	return now;
}

Test(pace, nothing_is_known_before_something_was_served_for_a_while)
{
	pace_begin(&p, 1000);
	cr_assert_eq(pace_wait(&p, 1000), 0);
	pace_look(&p, 9000);
	cr_assert_eq(pace_wait(&p, 1000), 0, "nothing was served");
	pace_begin(&p, 10000);
	pace_served(&p);
	pace_look(&p, 10099);
	cr_assert_eq(pace_wait(&p, 1000), 0, "too short a time");
	pace_look(&p, 10100);
	cr_assert_eq(pace_wait(&p, 1000), 100000);
}

Test(pace, the_wait_is_what_is_ahead_at_the_pace_it_is_served)
{
	pace_begin(&p, 1000);
	(void)serve(1000, 5, 50);
	cr_assert_eq(pace_wait(&p, 100), 200);
	cr_assert_eq(pace_wait(&p, 0), 0);
}

Test(pace, a_pool_that_serves_seldom_is_measured_over_a_longer_time)
{
	pace_begin(&p, 0);
	for (uint64_t now = 25; now <= 10000; now += 25) {
		if (now % 2000 == 0)
			pace_served(&p);
		pace_look(&p, now);
	}
	cr_assert_eq(pace_wait(&p, 3), 6000);
}

Test(pace, the_pace_follows_a_pool_that_becomes_quicker_or_slower)
{
	uint64_t now;

	pace_begin(&p, 0);
	now = serve(0, 10, 1);
	cr_assert_eq(pace_wait(&p, 10), 1000);
	now = serve(now, 10, 100);
	cr_assert_leq(pace_wait(&p, 10), 11);
	(void)serve(now, 10, 1);
	cr_assert_geq(pace_wait(&p, 10), 990);
}

Test(pace, what_was_long_ago_is_forgotten)
{
	uint64_t now;

	pace_begin(&p, 0);
	now = serve(0, 5, 1);
	pace_begin(&p, now + 4000);
	cr_assert_eq(pace_wait(&p, 10), 1000);
	pace_begin(&p, now + 6000);
	cr_assert_eq(pace_wait(&p, 10), 0);
}
