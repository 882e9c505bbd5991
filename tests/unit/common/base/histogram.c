/* histogram: values by bucket, and quantiles of them. */
#include "histogram.h"

#include <criterion/criterion.h>
#include <math.h>

static struct histogram h;

Test(histogram, empty_has_no_quantile)
{
	cr_assert_eq(histogram_quantile(&h, 0), 0);
	cr_assert_eq(histogram_quantile(&h, 0.5), 0);
	cr_assert_eq(histogram_quantile(&h, 1), 0);
}

Test(histogram, small_values_are_exact)
{
	for (uint64_t v = 0; v < 16; v++) {
		histogram_add(&h, v);
		cr_assert_eq(h.bucket[v], 1);
	}
	for (uint64_t v = 0; v < 16; v++)
		cr_assert_eq(histogram_quantile(&h, (double)(v + 1) / 16), v);
}

/* The quantile of value among values, the largest far above it. */
static void
expect_near(uint64_t value)
{
	uint64_t got;

	h = (struct histogram){0};
	histogram_add(&h, value);
	histogram_add(&h, UINT64_MAX);
	got = histogram_quantile(&h, 0.5);
	cr_assert_geq(got, value);
	cr_assert_leq((got - value) * 16, value, "%lu is too far from %lu", got, value);
	/* It is the top of the bucket: as a value it stands for itself. */
	histogram_add(&h, got);
	cr_assert_eq(histogram_quantile(&h, 0.6), got);
}

Test(histogram, quantiles_are_within_a_sixteenth_over_the_whole_range)
{
	for (unsigned octave = 0; octave < 40; octave++) {
		uint64_t v = (uint64_t)1 << octave;

		expect_near(v - 1);
		expect_near(v);
		expect_near(v + v / 16);
		expect_near(v + v / 3);
	}
	expect_near(((uint64_t)1 << 40) - ((uint64_t)1 << 35) - 1);
}

/* Each bucket is hit by its own values alone, in ascending order, none left out. */
Test(histogram, buckets_follow_each_other_without_a_gap)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t width = i < 32 ? 1 : (uint64_t)1 << (i / 16 - 1);

		histogram_add(&h, v);
		histogram_add(&h, v + width - 1);
		cr_assert_eq(h.bucket[i], 2, "bucket %u", i);
		v += width;
	}
	cr_assert_eq(v, (uint64_t)1 << 40);
}

Test(histogram, values_beyond_the_range_count_in_the_last_bucket)
{
	histogram_add(&h, (uint64_t)1 << 40);
	histogram_add(&h, UINT64_MAX);
	cr_assert_eq(h.bucket[HISTOGRAM_BUCKETS - 1], 2);
	cr_assert_eq(h.count, 2);
	cr_assert_eq(histogram_quantile(&h, 0.5), UINT64_MAX);
}

Test(histogram, a_quantile_is_never_above_the_largest_seen)
{
	histogram_add(&h, 1000000);
	histogram_add(&h, 999999);
	cr_assert_eq(h.max, 1000000);
	for (double q = 0; q <= 1; q += 0.125)
		cr_assert_eq(histogram_quantile(&h, q), 1000000);
}

Test(histogram, a_share_is_rounded_up_to_whole_values)
{
	for (uint64_t v = 1; v <= 10; v++)
		histogram_add(&h, v);
	cr_assert_eq(histogram_quantile(&h, 0.5), 5);
	cr_assert_eq(histogram_quantile(&h, 0.51), 6);
	cr_assert_eq(histogram_quantile(&h, 0.9), 9);
	cr_assert_eq(histogram_quantile(&h, 0.91), 10);
	cr_assert_eq(histogram_quantile(&h, 0.01), 1);
}

Test(histogram, rounding_of_doubles_does_not_shift_a_rank)
{
	for (int v = 0; v < 100; v++)
		histogram_add(&h, v < 7 ? 1 : 2);
	cr_assert_eq(histogram_quantile(&h, 0.07), 1);
	cr_assert_eq(histogram_quantile(&h, 0.071), 2);
}

Test(histogram, shares_outside_0_to_1_are_the_nearest_inside)
{
	histogram_add(&h, 3);
	histogram_add(&h, 9);
	cr_assert_eq(histogram_quantile(&h, 0), 3);
	cr_assert_eq(histogram_quantile(&h, -1), 3);
	cr_assert_eq(histogram_quantile(&h, (double)NAN), 3);
	cr_assert_eq(histogram_quantile(&h, 1), 9);
	cr_assert_eq(histogram_quantile(&h, 7), 9);
}
