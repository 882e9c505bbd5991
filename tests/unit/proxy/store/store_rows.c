/* What the store has, and what is wanted of it. */
#include "store_rows.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_msg.h"

static struct store_rows *rows;

static void
setup(void)
{
	rows = store_rows_new();
	cr_assert_not_null(rows);
}

static void
teardown(void)
{
	store_rows_free(rows);
}

TestSuite(store_rows, .init = setup, .fini = teardown);

static struct store_row *
take(const char *key, const char *value, uint64_t mod_rev, bool *changed)
{
	struct store_row *r = store_rows_take(rows, span_str(key), span_str(value), 1, mod_rev, 7,
					      changed);

	cr_assert_not_null(r);
	return r;
}

static struct store_row *
want(const char *key, enum store_want what, const char *value, uint64_t over)
{
	struct store_row *r = store_rows_want(rows, span_str(key), what, span_str(value), over);

	cr_assert_not_null(r);
	return r;
}

Test(store_rows, a_row_is_another_with_another_revision)
{
	bool changed;

	(void)take("a", "1", 2, &changed);
	cr_assert(changed);
	(void)take("a", "1", 2, &changed);
	cr_assert_not(changed);
	(void)take("a", "1", 3, &changed);
	cr_assert(changed);
	cr_assert_eq(store_rows_newest(rows), 3);
}

Test(store_rows, what_a_reading_does_not_see_is_gone)
{
	struct store_row *r;
	bool changed;

	(void)take("a", "1", 2, &changed);
	(void)take("b", "1", 3, &changed);
	(void)take("c", "1", 4, &changed);
	store_rows_read(rows);
	(void)take("b", "1", 3, &changed);
	cr_assert_not(changed);
	for (int i = 0; i < 2; i++) {
		r = store_rows_swept(rows);
		cr_assert_not_null(r);
		cr_assert_not(span_eq_str(store_row_key(r), "b"));
		cr_assert(store_rows_gone(rows, store_row_key(r)));
	}
	cr_assert_null(store_rows_swept(rows));
	cr_assert_null(store_rows_find(rows, span_str("a")));
	cr_assert_not_null(store_rows_find(rows, span_str("b")));
	cr_assert_not(store_rows_gone(rows, span_str("a")));
}

Test(store_rows, a_key_that_is_too_long_is_counted_and_not_told)
{
	static char value[STORE_VALUE_MAX + 2], key[STORE_KEY_MAX + 2];
	struct store_rows_count n;
	bool changed;

	memset(value, 'v', sizeof value - 1);
	cr_assert_not(take("a", value, 2, &changed)->ignored);
	memset(key, 'k', sizeof key - 2);
	cr_assert_not(take(key, "1", 3, &changed)->ignored);
	memset(key, 'k', sizeof key - 1);
	cr_assert(take(key, "1", 4, &changed)->ignored);
	store_rows_count(rows, &n);
	cr_assert_eq(n.there, 3);
	cr_assert_eq(n.ignored, 1);
	cr_assert(store_rows_gone(rows, span_str(key)));
	store_rows_count(rows, &n);
	cr_assert_eq(n.ignored, 0);
}

Test(store_rows, a_row_lives_while_it_is_there_or_wanted)
{
	struct store_row *r = want("a", STORE_WANT_KEPT, "1", 0);
	struct store_rows_count n;
	bool changed;

	cr_assert_eq(take("a", "1", 2, &changed), r);
	cr_assert(store_rows_gone(rows, span_str("a")));
	cr_assert_eq(store_rows_find(rows, span_str("a")), r);
	store_rows_count(rows, &n);
	cr_assert_eq(n.wanted, 1);
	store_rows_unwant(rows, r);
	cr_assert_null(store_rows_find(rows, span_str("a")));
	store_rows_count(rows, &n);
	cr_assert_eq(n.wanted, 0);
}

Test(store_rows, the_same_again_changes_nothing)
{
	struct store_row *r = want("a", STORE_WANT_KEPT, "1", 0);
	unsigned serial = r->serial;

	(void)want("a", STORE_WANT_KEPT, "1", 0);
	cr_assert_eq(r->serial, serial);
	(void)want("a", STORE_WANT_KEPT, "1", 9);
	cr_assert_neq(r->serial, serial);
	serial = r->serial;
	(void)want("a", STORE_WANT_GONE, "1", 9);
	cr_assert_neq(r->serial, serial);
	cr_assert_eq(LIST_FIRST(store_rows_wanted(rows)), r);
	cr_assert_null(LIST_NEXT(r, wanted_link));
}

Test(store_rows, after_a_reset_what_is_wanted_stays)
{
	bool changed;

	(void)take("a", "1", 2, &changed);
	(void)take("b", "1", 2, &changed);
	(void)want("b", STORE_WANT_KEPT, "1", 0);
	store_rows_forget(rows);
	cr_assert_null(store_rows_find(rows, span_str("a")));
	cr_assert_not(store_rows_find(rows, span_str("b"))->there);
	cr_assert_eq(store_rows_newest(rows), 0);
	(void)take("b", "1", 2, &changed);
	cr_assert(changed);
}

Test(store_rows, there_are_so_many_and_no_more)
{
	char key[16];
	bool changed;

	for (int i = 0; i < STORE_ROWS_MAX; i++) {
		(void)snprintf(key, sizeof key, "k%d", i);
		(void)take(key, "", 2, &changed);
	}
	cr_assert_null(store_rows_take(rows, span_str("more"), span_str(""), 1, 2, 0, &changed));
	cr_assert_eq(errno, EMFILE);
	store_rows_read(rows);
	for (struct store_row *r; (r = store_rows_swept(rows)) != NULL;)
		cr_assert(store_rows_gone(rows, store_row_key(r)));
	(void)take("more", "", 2, &changed);
}
