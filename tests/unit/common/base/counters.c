/* counters: how a table's words are added up, outlive their worker and are forgotten, by kind. */
#include "counters.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "taken_over_fixture.h"

enum { KINDS = 3, WORKERS = 2, COLUMNS = 4 };

static const char *
kind_text(unsigned i)
{
	return i == 0 ? NULL : i == 1 ? "hot" : "cold";
}

#define SAMPLE(X, A)                                                             \
	X(COUNTER, done, "done", "done_total", "Done.")                          \
	X(COUNTER_GAUGE, held, "held", "held", "Held.")                          \
	A(COUNTER_SPARSE, of, KINDS, "of", "of_total", "Of.", "kind", kind_text) \
	X(COUNTER_MAX, most, "most", NULL, NULL)                                 \
	X(COUNTER_INSTANT, last, NULL, NULL, NULL)                               \
	A(COUNTER_LATENCY, took, COUNTERS_LATENCY, NULL, "took_seconds", "Took.", NULL, NULL)

COUNTERS_DECLARE(sample, SAMPLE);
COUNTERS_DEFINE(sample, SAMPLE);

static struct counters *c;
static struct sample sum;

static void
open_counters(void)
{
	c = counters_new(&sample_type, WORKERS, COLUMNS);
	cr_assert_not_null(c);
}

static void
close_counters(void)
{
	counters_free(c);
	counters_free(NULL);
}

TestSuite(counters, .init = open_counters, .fini = close_counters);

/* Every word of a cell. */
static void
count(unsigned worker, unsigned column, uint64_t n)
{
	struct sample *s = counters_own(c, worker, column);

	counter_add(&s->done, n);
	counter_gauge(&s->held, &s->most, n);
	counter_add(&s->of[1], n);
	counter_set(&s->last, 100 + n);
	counters_latency(s->took, n);
}

static void
check(unsigned column, uint64_t counted, uint64_t held, uint64_t most, uint64_t last)
{
	uint64_t replies = 0;

	counters_sum(c, column, &sum);
	cr_assert_eq(counter_get(&sum.done), counted);
	cr_assert(counter_get(&sum.of[0]) == 0 && counter_get(&sum.of[1]) == counted);
	cr_assert_eq(counter_get(&sum.held), held);
	cr_assert_eq(counter_get(&sum.most), most);
	cr_assert_eq(counter_get(&sum.last), last);
	cr_assert_eq(counter_get(&sum.took[0]), counted);
	for (unsigned i = 0; i < COUNTERS_BUCKETS; i++)
		replies += counters_bucket(sum.took, i);
	cr_assert_eq(replies > 0, counted > 0);
}

static size_t
resident_pages(const void *at, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page, n = 0;
	unsigned char *in = calloc(pages, 1);

	cr_assert_not_null(in);
	cr_assert_eq(mincore((void *)(uintptr_t)at, bytes, in), 0);
	for (size_t i = 0; i < pages; i++)
		n += in[i] & 1;
	free(in);
	return n;
}

Test(counters, cells_that_no_worker_has_used_take_no_memory)
{
	enum { MANY = 4096, ROWS = 8 };
	struct counters *many = counters_new(&sample_type, ROWS, MANY);

	cr_assert_not_null(many);
	for (unsigned i = 0; i < MANY; i++) {
		counters_forget(many, i);
		counters_sum(many, i, &sum);
	}
	for (unsigned w = 0; w < ROWS; w++)
		counters_fold(many, w, MANY);
	cr_expect_leq(resident_pages(many->rows.own, ROWS * many->rows.stride), ROWS,
		      "the marks alone");
	counter_add(&((struct sample *)counters_own(many, 2, MANY - 1))->done, 3);
	counters_sum(many, MANY - 1, &sum);
	cr_expect_eq(counter_get(&sum.done), 3);
	cr_expect(counters_used(many, 2, MANY - 1) && !counters_used(many, 2, MANY - 2));
	counters_fold(many, 2, MANY);
	cr_expect(!counters_used(many, 2, MANY - 1));
	counters_sum(many, MANY - 1, &sum);
	cr_expect_eq(counter_get(&sum.done), 3, "it is dead, and kept");
	counters_forget(many, MANY - 1);
	counters_sum(many, MANY - 1, &sum);
	cr_expect_eq(counter_get(&sum.done), 0);
	cr_expect_leq(resident_pages(many->rows.own, ROWS * many->rows.stride), ROWS + 2);
	counters_free(many);
}

Test(counters, a_cell_begins_with_zeros_whatever_stands_there)
{
	struct sample *left = counters_own(c, 0, 2);

	counters_fold(c, 0, COLUMNS);
	counter_set(&left->held, 7); /* by a worker that was taken over, and marked nothing */
	check(2, 0, 0, 0, 0);
	cr_assert_eq(counter_get(&((const struct sample *)counters_cell(c, 0, 2))->held), 0);
	cr_assert_eq(counter_get(&((struct sample *)counters_own(c, 0, 2))->held), 0);
	check(2, 0, 0, 0, 0);
}

Test(counters, workers_cells_of_a_column_are_made_one)
{
	count(0, 1, 3);
	count(1, 1, 4);
	count(1, 2, 100);
	check(0, 0, 0, 0, 0);
	check(1, 7, 7, 4, 104);
	check(2, 100, 100, 100, 200);
}

Test(counters, one_field_alone_can_be_added_up)
{
	count(0, 1, 3);
	count(1, 1, 4);
	memset(&sum, 0, sizeof sum);
	for (const struct counters_field *f = sample_type.field; f->kind != COUNTER_MAX; f++)
		if (f->kind == COUNTER_SPARSE) {
			counters_sum_field(c, f, 1, &sum);
			cr_assert_eq(counters_words(&sample_type, f, &sum), sum.of);
		}
	cr_assert(counter_get(&sum.of[1]) == 7 && counter_get(&sum.done) == 0);
}

Test(counters, what_a_dead_worker_has_counted_stays_and_what_it_held_goes)
{
	for (uint64_t life = 1; life <= 2; life++) {
		count(0, 3, 6 - life);
		counters_fold(c, 0, COLUMNS);
	}
	check(3, 9, 0, 5, 0);
	count(0, 2, 1);
	counters_fold(c, 0, 2);
	check(2, 1, 1, 1, 101);
	cr_assert_eq(counter_get(&((const struct sample *)counters_dead(c, 3))->done), 9);
}

Test(counters, what_is_held_in_a_column_outlasts_its_subject)
{
	count(0, 1, 2);
	counters_fold(c, 0, COLUMNS);
	count(0, 1, 3);
	count(1, 1, 4);
	counters_forget(c, 1);
	check(1, 0, 7, 0, 0);
	counter_set(&((struct sample *)counters_own(c, 0, 1))->held, 0);
	check(1, 0, 4, 0, 0);
}

Test(counters, counters_are_taken_away_to_nothing_at_least)
{
	struct sample more;

	count(0, 0, 3);
	counters_sum(c, 0, &sum);
	count(0, 0, 5);
	counters_sum(c, 0, &more);
	counters_minus(&sample_type, &more, &sum);
	cr_assert(counter_get(&more.done) == 5 && counter_get(&more.of[1]) == 5);
	cr_assert(counter_get(&more.took[0]) == 5 && counter_get(&more.most) == 5);
	counters_plus(&sample_type, &more, &sum);
	cr_assert(counter_get(&more.done) == 8 && counter_get(&more.held) == 5);
	counters_minus(&sample_type, &sum, &more);
	cr_assert_eq(counter_get(&sum.done), 0);
}

/* ---- latencies ---- */

Test(counters, quantiles_are_within_a_quarter_octave_and_never_below)
{
	for (uint64_t us = 1; us < (uint64_t)1 << 31; us = us * 3 / 2 + 1) {
		uint64_t got;
		counters_forget(c, 0);
		count(0, 0, us);
		counters_sum(c, 0, &sum);
		got = counters_quantile(sum.took, 0.99);
		cr_assert(us <= got && got <= us + us / 4 + 1, "%llu for %llu",
			  (unsigned long long)got, (unsigned long long)us);
	}
	count(0, 0, UINT64_MAX);
}

Test(counters, a_power_of_two_ends_its_bucket)
{
	for (unsigned octave = 0; octave <= 32; octave++) {
		memset(&sum, 0, sizeof sum);
		counters_latency(sum.took, (uint64_t)1 << octave);
		cr_assert_eq(counters_quantile(sum.took, 1), (uint64_t)1 << octave);
	}
}

Test(counters, a_share_of_the_latencies_decides_the_quantile)
{
	cr_assert_eq(counters_quantile(sum.took, 0.5), 0);
	for (int i = 0; i < 99; i++)
		count((unsigned)i % 2, 2, 10);
	count(0, 2, 1000000);
	counters_sum(c, 2, &sum);
	cr_assert_leq(counters_quantile(sum.took, 0.99), 12);
	cr_assert_geq(counters_quantile(sum.took, 1.0), 1000000);
}

Test(counters, more_latencies_than_fit_in_half_a_word_are_told)
{
	struct sample *s = counters_own(c, 0, 0);

	counters_latency(s->took, 10);
	for (unsigned i = 0; i < COUNTERS_BUCKETS; i++)
		if (counters_bucket(s->took, i) == 1)
			counter_set(&s->took[1 + i], (uint64_t)1 << 33);
	counters_fold(c, 0, 1);
	counters_latency(s->took, 1);
	counters_sum(c, 0, &sum);
	cr_assert_geq(counters_quantile(sum.took, 0.5), 10);
}

/* ---- a worker that was taken over ---- */

static int
enter(void)
{
	return counters_enter(c, 0);
}

Test(counters, what_a_taken_over_worker_says_stays_within_bounds_and_ends_with_it)
{
	for (unsigned i = 0; i < HOSTILE; i++) {
		counter_set(&((struct sample *)counters_own(c, 1, 1))->held, 5);
		take_over(enter, hostile[i]);
		for (unsigned after = 0; after < 2; after++) {
			counters_sum(c, 1, &sum);
			cr_assert_leq(counter_get(&sum.done), INT64_MAX);
			cr_assert_leq(counter_get(&sum.held), SHM_COUNT_MAX + 5);
			cr_assert_leq(counter_get(&sum.most), SHM_COUNT_MAX);
			cr_assert_leq(counter_get(&sum.took[0]), INT64_MAX);
			counters_fold(c, 0, COLUMNS);
		}
		cr_assert_eq(counter_get(&sum.held), 5, "the other worker's own");
	}
}
