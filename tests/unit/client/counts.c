/* counts: what a client counts of its requests. */
#include "counts.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void
add_numbered(struct counts *c, unsigned i)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%u", i);
	counts_add(c, span_str(text), 1);
}

Test(counts, of_nothing_is_nothing)
{
	struct counts c;

	counts_init(&c, 4);
	cr_assert_eq(c.n, 0);
	cr_assert_eq(c.other, 0);
	cr_assert_eq(counts_sum(&c), 0);
	counts_free(&c);
}

Test(counts, adds_up_what_is_the_same_and_keeps_the_order_of_appearance)
{
	struct counts c;

	counts_init(&c, 4);
	counts_add(&c, span_str("b"), 1);
	counts_add(&c, span_str("a"), 2);
	counts_add(&c, span_str("b"), 3);
	cr_assert_eq(c.n, 2);
	cr_assert_str_eq(c.entry[0].text, "b");
	cr_assert_eq(c.entry[0].n, 4);
	cr_assert_str_eq(c.entry[1].text, "a");
	cr_assert_eq(c.entry[1].n, 2);
	cr_assert_eq(counts_sum(&c), 6);
	counts_free(&c);
}

Test(counts, beyond_the_limit_are_summed)
{
	struct counts c;

	counts_init(&c, 2);
	counts_add(&c, span_str("a"), 1);
	counts_add(&c, span_str("b"), 1);
	counts_add(&c, span_str("c"), 5);
	counts_add(&c, span_str("d"), 6);
	counts_add(&c, span_str("a"), 1);
	cr_assert_eq(c.n, 2);
	cr_assert_eq(c.other, 11);
	cr_assert_eq(c.entry[0].n, 2);
	cr_assert_eq(counts_sum(&c), 14);
	counts_free(&c);
}

Test(counts, holds_as_many_as_there_may_be)
{
	struct counts c;

	counts_init(&c, COUNTS_MAX);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < COUNTS_MAX + 10; i++)
			add_numbered(&c, i);
	cr_assert_eq(c.n, COUNTS_MAX);
	cr_assert_eq(c.other, 30);
	for (unsigned i = 0; i < COUNTS_MAX; i++) {
		char text[16];

		(void)snprintf(text, sizeof text, "%u", i);
		cr_assert_str_eq(c.entry[i].text, text);
		cr_assert_eq(c.entry[i].n, 3);
	}
	counts_free(&c);
}

Test(counts, an_empty_text_is_a_text)
{
	struct counts c;

	counts_init(&c, 2);
	counts_add(&c, span_of(NULL, 0), 1);
	counts_add(&c, span_str(""), 1);
	cr_assert_eq(c.n, 1);
	cr_assert_str_eq(c.entry[0].text, "");
	cr_assert_eq(c.entry[0].n, 2);
	counts_free(&c);
}

Test(counts, long_texts_are_cut_and_then_the_same)
{
	struct counts c;
	char text[COUNTS_TEXT + 10];

	memset(text, 'x', sizeof text);
	counts_init(&c, 4);
	counts_add(&c, span_of(text, sizeof text), 1);
	counts_add(&c, span_of(text, COUNTS_TEXT), 1);
	counts_add(&c, span_of(text, COUNTS_TEXT - 1), 1);
	counts_add(&c, span_of(text, COUNTS_TEXT - 2), 1);
	cr_assert_eq(c.n, 2);
	cr_assert_eq(c.entry[0].n, 3);
	cr_assert_eq(strlen(c.entry[0].text), COUNTS_TEXT - 1);
	counts_free(&c);
}

Test(counts, a_nul_ends_a_text)
{
	struct counts c;

	counts_init(&c, 4);
	counts_add(&c, span_of("a\0b", 3), 1);
	counts_add(&c, span_str("a"), 1);
	cr_assert_eq(c.n, 1);
	cr_assert_eq(c.entry[0].n, 2);
	counts_free(&c);
}
