/* links: common/busypoll */
#include "busypoll.h"

#include <criterion/criterion.h>

enum { LIMIT = 20, SHORT = 4 * LIMIT, NOW = 1000000 };

/* One whose last wait was short, whatever was expected. */
static struct busypoll
after_a_short_wait(void)
{
	struct busypoll b = {.limit_us = LIMIT};

	busypoll_slept(&b, false, false, SHORT);
	busypoll_slept(&b, true, false, SHORT);
	return b;
}

Test(busypoll, without_a_limit_it_never_looks)
{
	struct busypoll b = after_a_short_wait();

	cr_expect(busypoll_may(&b, false, NOW));
	b.limit_us = 0;
	cr_expect(!busypoll_may(&b, false, NOW));
	busypoll_slept(&b, false, false, 0);
	cr_expect(!busypoll_may(&b, false, NOW));
}

Test(busypoll, it_looks_only_after_a_wait_that_was_short)
{
	struct busypoll b = {.limit_us = LIMIT};

	cr_expect(!busypoll_may(&b, false, NOW), "nothing is known yet");
	busypoll_slept(&b, false, false, SHORT);
	cr_expect(busypoll_may(&b, false, NOW));
	busypoll_slept(&b, false, false, SHORT + 1);
	cr_expect(!busypoll_may(&b, false, NOW));
	busypoll_slept(&b, false, false, 0);
	cr_expect(busypoll_may(&b, false, NOW));
}

Test(busypoll, what_is_short_goes_by_the_limit)
{
	struct busypoll b = {.limit_us = 1000};

	busypoll_slept(&b, false, false, 4000);
	cr_expect(busypoll_may(&b, false, NOW));
}

Test(busypoll, waits_for_an_answer_and_for_a_question_are_judged_apart)
{
	struct busypoll b = {.limit_us = LIMIT};

	busypoll_slept(&b, true, false, SHORT);
	cr_expect(busypoll_may(&b, true, NOW));
	cr_expect(!busypoll_may(&b, false, NOW));
	busypoll_slept(&b, false, false, SHORT);
	busypoll_slept(&b, true, true, SHORT);
	cr_expect(!busypoll_may(&b, true, NOW), "it was in vain");
	cr_expect(busypoll_may(&b, false, NOW));
	busypoll_slept(&b, true, false, SHORT + 1);
	cr_expect(busypoll_may(&b, false, NOW));
}

static void
find(struct busypoll *b, unsigned events, unsigned times)
{
	while (times-- > 0)
		busypoll_found(b, events);
}

Test(busypoll, where_many_come_at_a_time_it_sleeps)
{
	struct busypoll b = after_a_short_wait();

	find(&b, 2, 1000);
	cr_expect(busypoll_may(&b, false, NOW));
	find(&b, 3, 1000);
	cr_expect(!busypoll_may(&b, false, NOW));
	cr_expect(!busypoll_may(&b, true, NOW));
}

Test(busypoll, one_crowd_is_no_rule)
{
	struct busypoll b = after_a_short_wait();

	find(&b, 1, 1000);
	find(&b, 10, 1);
	cr_expect(busypoll_may(&b, false, NOW));
	find(&b, 10, 10);
	cr_expect(!busypoll_may(&b, false, NOW));
}

Test(busypoll, a_crowd_is_forgotten_when_few_come_again)
{
	for (unsigned few = 1; few <= 2; few++) {
		struct busypoll b = after_a_short_wait();

		find(&b, 64, 1000);
		cr_expect(!busypoll_may(&b, false, NOW));
		find(&b, few, 100);
		cr_expect(busypoll_may(&b, false, NOW), "%u at a time: %u", few, b.crowd);
	}
}

Test(busypoll, it_leaves_off_for_a_while_when_somebody_wants_the_processor)
{
	struct busypoll b = after_a_short_wait();

	cr_expect(busypoll_gave_way(&b, 50, NOW));
	cr_expect(busypoll_may(&b, false, NOW));
	cr_expect(!busypoll_gave_way(&b, 51, NOW));
	cr_expect(!busypoll_may(&b, false, NOW));
	cr_expect(!busypoll_may(&b, true, NOW + 9999));
	cr_expect(busypoll_may(&b, false, NOW + 10000));
}

/* How many waits are slept through before it looks again. */
static unsigned
slept_through(struct busypoll *b)
{
	unsigned n = 0;

	for (; !busypoll_may(b, false, NOW) && n < 1000; n++)
		busypoll_slept(b, false, false, SHORT);
	return n;
}

Test(busypoll, looks_in_vain_become_rare_and_never_end)
{
	static const unsigned wanted[] = {1, 3, 7, 15, 31, 63, 63, 63};
	struct busypoll b = after_a_short_wait();

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		cr_assert(busypoll_may(&b, false, NOW));
		busypoll_slept(&b, false, true, SHORT);
		cr_expect_eq(slept_through(&b), wanted[i]);
	}
}

Test(busypoll, looks_that_were_not_in_vain_make_up_for_those_that_were)
{
	struct busypoll b = after_a_short_wait();

	for (int i = 0; i < 6; i++) {
		busypoll_slept(&b, false, true, SHORT);
		(void)slept_through(&b);
	}
	busypoll_spared(&b, false);
	busypoll_spared(&b, false);
	cr_expect(busypoll_may(&b, false, NOW), "it goes on after one that was not");
	busypoll_slept(&b, false, true, SHORT);
	cr_expect_eq(slept_through(&b), 31, "63, 31, 15, and twice that and one");
	for (int i = 0; i < 10; i++)
		busypoll_spared(&b, false);
	busypoll_slept(&b, false, true, SHORT);
	cr_expect_eq(slept_through(&b), 1, "as if there had been none");
}
