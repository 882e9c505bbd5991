/* exposition: the text that monitoring reads. */
#include "exposition.h"

#include <criterion/criterion.h>
#include <string.h>

static struct evbuffer *out;
static struct exposition e;

static void
begin(void)
{
	out = evbuffer_new();
	e = (struct exposition){.out = out};
}

static void
end(void)
{
	evbuffer_free(out);
}

TestSuite(exposition, .init = begin, .fini = end);

static void
check(const char *wanted)
{
	size_t n = evbuffer_get_length(out);

	cr_assert_eq(e.error, 0);
	cr_assert_eq(n, strlen(wanted), "%.*s", (int)n, (char *)evbuffer_pullup(out, -1));
	cr_assert_eq(memcmp(evbuffer_pullup(out, -1), wanted, n), 0, "%.*s", (int)n,
		     (char *)evbuffer_pullup(out, -1));
}

Test(exposition, a_family_is_announced_and_its_samples_follow)
{
	const struct exposition_label l[] = {{"policy", "111"}, {"server", "3"}, {NULL, NULL}};

	exposition_family(&e, "a_total", EXPOSITION_COUNTER, "All of them.");
	exposition_number(&e, NULL, UINT64_MAX);
	exposition_number(&e, l, 7);
	check("# HELP a_total All of them.\n# TYPE a_total counter\na_total 18446744073709551615\n"
	      "a_total{policy=\"111\",server=\"3\"} 7\n");
}

Test(exposition, label_values_are_escaped_and_what_is_no_character_is_replaced)
{
	const struct exposition_label l[] = {{"a", "\"\\\n\xc3\xa9\xff\xc3"}, {NULL, NULL}};

	e.family = "b";
	exposition_number(&e, l, 1);
	check("b{a=\"\\\"\\\\\\n\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"} 1\n");
}

Test(exposition, times_are_exact_seconds)
{
	e.family = "t";
	exposition_us(&e, NULL, 1);
	exposition_ms(&e, NULL, 61005);
	check("t 0.000001\nt 61.005000\n");
}

Test(exposition, a_histogram_is_cumulative_and_ends_with_infinity)
{
	const uint64_t le[] = {64, 128}, count[] = {2, 3};
	const struct exposition_histogram h = {
		.n = 2, .le_us = le, .count = count, .more = 4, .sum_us = 1500000};
	const struct exposition_label l[] = {{"x", "y"}, {NULL, NULL}};

	exposition_family(&e, "h", EXPOSITION_HISTOGRAM, "H.");
	exposition_histogram(&e, l, &h);
	exposition_histogram(&e, NULL, &h);
	check("# HELP h H.\n# TYPE h histogram\n"
	      "h_bucket{x=\"y\",le=\"0.000064\"} 2\nh_bucket{x=\"y\",le=\"0.000128\"} 5\n"
	      "h_bucket{x=\"y\",le=\"+Inf\"} 9\nh_sum{x=\"y\"} 1.500000\nh_count{x=\"y\"} 9\n"
	      "h_bucket{le=\"0.000064\"} 2\nh_bucket{le=\"0.000128\"} 5\n"
	      "h_bucket{le=\"+Inf\"} 9\nh_sum 1.500000\nh_count 9\n");
}
