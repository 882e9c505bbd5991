/* log_rate: lines of a kind, as many as may be told. */
#include "log_rate.h"

#include <criterion/criterion.h>

static struct log_rate r;
static unsigned long suppressed;

static void
begin(void)
{
	r = (struct log_rate){.per_second = 5};
}

TestSuite(log_rate, .init = begin);

static unsigned
told(const char *msg, unsigned n, uint64_t now)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += log_rate_admits(&r, msg, 1, now, &suppressed);
	return count;
}

Test(log_rate, a_burst_then_so_many_a_second)
{
	cr_assert_eq(told("a", 100000, 1000000), LOG_RATE_BURST);
	cr_assert_eq(told("a", 100000, 2000000), 5);
	cr_assert_eq(told("a", 1, 2199999), 0);
	cr_assert(log_rate_admits(&r, "a", 1, 2200000, &suppressed));
	cr_assert_eq(suppressed, 100000 - 5 + 1);
	cr_assert_eq(told("a", 100000, 1000000000), LOG_RATE_BURST, "after a long while, whole");
}

Test(log_rate, the_next_line_has_the_count_once)
{
	cr_assert_eq(told("a", LOG_RATE_BURST + 7, 1000000), LOG_RATE_BURST);
	cr_assert(log_rate_admits(&r, "a", 1, 5000000, &suppressed));
	cr_assert_eq(suppressed, 7);
	cr_assert(log_rate_admits(&r, "a", 1, 5000000, &suppressed));
	cr_assert_eq(suppressed, 0);
}

Test(log_rate, kinds_do_not_take_from_each_other)
{
	static char name[2 * LOG_RATE_KINDS];

	cr_assert_eq(told("a", 1000, 1000000), LOG_RATE_BURST);
	cr_assert_eq(told("b", 1000, 1000000), LOG_RATE_BURST);
	for (size_t i = 0; i < sizeof name; i++)
		(void)told(&name[i], 1, 1000000);
	cr_assert_eq(told("a", 1, 1000000), 0);
	cr_assert_leq(told("one more", 1000, 1000000), LOG_RATE_BURST);
}

Test(log_rate, the_same_words_at_another_level_are_another_kind)
{
	cr_assert_eq(told("a", 1000, 1000000), LOG_RATE_BURST);
	cr_assert(log_rate_admits(&r, "a", 0, 1000000, &suppressed),
		  "debug lines without end hide no warning");
	cr_assert_eq(suppressed, 0);
}

Test(log_rate, what_no_further_line_tells_can_be_told_later)
{
	size_t at = 0;

	cr_assert_eq(told("a", LOG_RATE_BURST + 9, 1000000), LOG_RATE_BURST);
	cr_assert_null(log_rate_next(&r, &at, 1000000, &suppressed));
	at = 0;
	cr_assert_str_eq(log_rate_next(&r, &at, 1300000, &suppressed)->msg, "a");
	cr_assert_eq(suppressed, 9);
	cr_assert_null(log_rate_next(&r, &at, 1300000, &suppressed));
	at = 0;
	cr_assert_null(log_rate_next(&r, &at, 9000000, &suppressed));
}

Test(log_rate, nought_is_no_limit)
{
	r.per_second = 0;
	cr_assert_eq(told("a", 100000, 1000000), 100000);
}
