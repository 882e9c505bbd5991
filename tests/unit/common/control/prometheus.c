/* prometheus: the text that monitoring reads. */
#include "prometheus.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct evbuffer *out;
static struct prometheus e;

static void
begin(void)
{
	out = evbuffer_new();
	e = (struct prometheus){.out = out};
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
	const struct prometheus_label l[] = {{"policy", "111"}, {"server", "3"}, {NULL, NULL}};

	prometheus_family(&e, "a_total", PROMETHEUS_COUNTER, "All of them.");
	prometheus_number(&e, NULL, UINT64_MAX);
	prometheus_number(&e, l, 7);
	check("# HELP a_total All of them.\n# TYPE a_total counter\na_total 18446744073709551615\n"
	      "a_total{policy=\"111\",server=\"3\"} 7\n");
}

Test(exposition, label_values_are_escaped_and_what_is_no_character_is_replaced)
{
	const struct prometheus_label l[] = {{"a", "\"\\\n\xc3\xa9\xff\xc3"}, {NULL, NULL}};

	(void)snprintf(e.family, sizeof e.family, "b");
	prometheus_number(&e, l, 1);
	check("b{a=\"\\\"\\\\\\n\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"} 1\n");
}

Test(exposition, times_are_exact_seconds)
{
	(void)snprintf(e.family, sizeof e.family, "t");
	prometheus_us(&e, NULL, 1);
	prometheus_ms(&e, NULL, 61005);
	check("t 0.000001\nt 61.005000\n");
}

/* ---- counters ---- */

static const char *
side_text(unsigned i)
{
	return (const char *const[]){"left", NULL, "right"}[i];
}

#define SAMPLE(X, A)                                                              \
	X(COUNTER, served, "served", "served_total", "All.")                      \
	X(COUNTER_MAX, most, "most", NULL, NULL)                                  \
	X(COUNTER_GAUGE, held, NULL, "held", "Now.")                              \
	A(COUNTER_SPARSE, by, 3, "by", "by_total", "By side.", "side", side_text) \
	A(COUNTER_LATENCY, took, COUNTERS_LATENCY, NULL, "took_seconds", "T.", NULL, NULL)

COUNTERS_DECLARE(sample, SAMPLE);
COUNTERS_DEFINE(sample, SAMPLE);

static struct sample sum = {.served = 3, .most = 9, .held = 2, .by = {4, 5, 0}};

Test(exposition, counters_are_told_by_their_table)
{
	struct counters_type without = sample_type;

	without.fields--;
	prometheus_counters(&e, "a_", &without, &sum);
	check("# HELP a_served_total All.\n# TYPE a_served_total counter\na_served_total 3\n"
	      "# HELP a_held Now.\n# TYPE a_held gauge\na_held 2\n"
	      "# HELP a_by_total By side.\n# TYPE a_by_total counter\n"
	      "a_by_total{side=\"left\"} 4\na_by_total{side=\"right\"} 0\n");
}

static void
has(const char *line)
{
	char *text = (char *)evbuffer_pullup(out, -1), *at;

	cr_assert_not_null(text);
	at = memmem(text, evbuffer_get_length(out), line, strlen(line));
	cr_assert_not_null(at, "%s is not in %.*s", line, (int)evbuffer_get_length(out), text);
}

Test(exposition, a_latency_is_cumulative_by_octaves_and_ends_with_infinity)
{
	const struct prometheus_label l[] = {{"x", "y"}, {NULL, NULL}};
	const struct counters_field *f = &sample_type.field[sample_type.fields - 1];
	static const uint64_t us[] = {0, 64, 65, 128, 1 << 24, (1 << 24) + 1, UINT64_C(1) << 40};

	for (size_t i = 0; i < sizeof us / sizeof *us; i++)
		counters_latency(sum.took, us[i]);
	prometheus_field(&e, "h_", f);
	prometheus_words(&e, l, f, counters_words(&sample_type, f, &sum));
	has("# HELP h_took_seconds T.\n# TYPE h_took_seconds histogram\n"
	    "h_took_seconds_bucket{x=\"y\",le=\"0.000064\"} 2\n"
	    "h_took_seconds_bucket{x=\"y\",le=\"0.000128\"} 4\n"
	    "h_took_seconds_bucket{x=\"y\",le=\"0.000256\"} 4\n");
	has("h_took_seconds_bucket{x=\"y\",le=\"16.777216\"} 5\n"
	    "h_took_seconds_bucket{x=\"y\",le=\"+Inf\"} 7\n"
	    "h_took_seconds_sum{x=\"y\"} 1099545.182466\n"
	    "h_took_seconds_count{x=\"y\"} 7\n");
	cr_assert_eq(e.error, 0);
}
