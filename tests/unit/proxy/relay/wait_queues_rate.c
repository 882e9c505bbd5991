/* wait_queues_rate: estimating the wait in a queue. */
#include "wait_queues.h"

#include <criterion/criterion.h>

static struct service_rate p;

/* So many served in each of some windows of 100 ms. */
static uint64_t
serve(uint64_t now, unsigned windows, unsigned each)
{
	for (unsigned w = 0; w < windows; w++) {
		for (unsigned i = 0; i < each; i++)
			service_rate_served(&p);
		now += 100;
		service_rate_tick(&p, now);
	}
	return now;
}

Test(pace, nothing_is_known_before_something_was_served_for_a_while)
{
	service_rate_begin(&p, 1000);
	cr_assert_eq(service_rate_wait(&p, 1000), 0);
	service_rate_tick(&p, 9000);
	cr_assert_eq(service_rate_wait(&p, 1000), 0, "nothing was served");
	service_rate_begin(&p, 10000);
	service_rate_served(&p);
	service_rate_tick(&p, 10099);
	cr_assert_eq(service_rate_wait(&p, 1000), 0, "too short a time");
	service_rate_tick(&p, 10100);
	cr_assert_eq(service_rate_wait(&p, 1000), 0, "one window is none");
	service_rate_served(&p);
	service_rate_tick(&p, 10200);
	cr_assert_eq(service_rate_wait(&p, 1000), 100000);
}

/* A few slow jobs held all slots, at first or later: those that wait would have had their turn. */
Test(pace, a_moment_without_a_free_slot_is_not_the_pace)
{
	uint64_t now = 1000;

	service_rate_begin(&p, now);
	service_rate_served(&p);
	now += 1000;
	service_rate_tick(&p, now);
	now = serve(now, 1, 20);
	cr_assert_leq(service_rate_wait(&p, 25), 125, "the quicker one of the first two");
	service_rate_served(&p);
	now += 1000;
	service_rate_tick(&p, now);
	cr_assert_leq(service_rate_wait(&p, 25), 400);
	(void)serve(now, 3, 20);
	cr_assert_leq(service_rate_wait(&p, 25), 200);
}

Test(pace, the_wait_is_what_is_ahead_at_the_pace_it_is_served)
{
	service_rate_begin(&p, 1000);
	(void)serve(1000, 5, 50);
	cr_assert_eq(service_rate_wait(&p, 100), 200);
	cr_assert_eq(service_rate_wait(&p, 0), 0);
}

Test(pace, a_pool_that_serves_seldom_is_measured_over_a_longer_time)
{
	service_rate_begin(&p, 0);
	for (uint64_t now = 25; now <= 10000; now += 25) {
		if (now % 2000 == 0)
			service_rate_served(&p);
		service_rate_tick(&p, now);
	}
	cr_assert_eq(service_rate_wait(&p, 3), 6000);
}

Test(pace, the_pace_follows_a_pool_that_becomes_quicker_or_slower)
{
	uint64_t now;

	service_rate_begin(&p, 0);
	now = serve(0, 10, 1);
	cr_assert_eq(service_rate_wait(&p, 10), 1000);
	now = serve(now, 10, 100);
	cr_assert_leq(service_rate_wait(&p, 10), 11);
	(void)serve(now, 15, 1);
	cr_assert_geq(service_rate_wait(&p, 10), 990);
}

Test(pace, what_was_long_ago_is_forgotten)
{
	uint64_t now;

	service_rate_begin(&p, 0);
	now = serve(0, 5, 1);
	service_rate_begin(&p, now + 4000);
	cr_assert_eq(service_rate_wait(&p, 10), 1000);
	service_rate_begin(&p, now + 6000);
	cr_assert_eq(service_rate_wait(&p, 10), 0);
}
