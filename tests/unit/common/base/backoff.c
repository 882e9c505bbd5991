/* backoff: pauses that grow, within their bounds. */
#include "backoff.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(backoff, doubles_until_the_cap)
{
	struct backoff b = {.min = 100, .max = 1000};
	const uint32_t want[] = {50, 100, 200, 400, 500, 500, 500};

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		cr_assert_eq(b.tries, i);
		cr_assert_eq(backoff_next(&b, 0), want[i]);
	}
}

Test(backoff, jitter_lies_between_half_and_the_whole)
{
	const uint32_t randoms[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX};

	for (uint32_t min = 1; min < 5000; min += 7) {
		for (size_t i = 0; i < sizeof randoms / sizeof randoms[0]; i++) {
			struct backoff b = {.min = min, .max = UINT32_MAX};
			uint32_t pause = backoff_next(&b, randoms[i]);

			cr_assert_geq(pause, min / 2);
			cr_assert_lt(pause, min);
		}
	}
}

Test(backoff, jitter_uses_the_whole_range)
{
	struct backoff low = {.min = 1000, .max = 1000}, middle = low, high = low;

	cr_assert_eq(backoff_next(&low, 0), 500);
	cr_assert_eq(backoff_next(&middle, 0x80000000), 750);
	cr_assert_eq(backoff_next(&high, UINT32_MAX), 999);
}

Test(backoff, success_makes_the_next_pause_short_again)
{
	struct backoff b = {.min = 10, .max = 1000};

	for (int i = 0; i < 5; i++)
		(void)backoff_next(&b, 0);
	cr_assert_eq(backoff_next(&b, 0), 160);
	backoff_reset(&b);
	cr_assert_eq(backoff_next(&b, 0), 5);
}

Test(backoff, never_overflows_however_often_it_fails)
{
	struct backoff b = {.min = 6, .max = UINT32_MAX};

	for (int i = 0; i < 31; i++)
		(void)backoff_next(&b, 0);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(backoff_next(&b, 0), UINT32_MAX / 2);
	b.tries = UINT32_MAX;
	cr_assert_eq(backoff_next(&b, UINT32_MAX), UINT32_MAX - 1);
	cr_assert_eq(b.tries, UINT32_MAX);
}

Test(backoff, bounds_the_wrong_way_round_abort, .signal = SIGABRT)
{
	struct backoff b = {.min = 2, .max = 1};

	(void)backoff_next(&b, 0);
}

Test(backoff, a_pause_of_nothing_aborts, .signal = SIGABRT)
{
	struct backoff b = {.min = 0, .max = 1};

	(void)backoff_next(&b, 0);
}
