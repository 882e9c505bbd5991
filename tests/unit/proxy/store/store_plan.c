/* What is done about a row of the store. */
#include "store_plan.h"

#include <criterion/criterion.h>

static struct store_rows *rows;
static struct store_row *row;
static uint64_t expected, again;

enum { LEASE = 7, OTHER = 8, NOW = 100000 };

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

TestSuite(store_plan, .init = setup, .fini = teardown);

static void
want(enum store_want what, const char *value, uint64_t over)
{
	row = store_rows_want(rows, span_str("k"), what, span_str(value), over);
	cr_assert_not_null(row);
}

static void
there(const char *value, uint64_t mod_rev, uint64_t lease)
{
	bool changed;

	row = store_rows_take(rows, span_str("k"), span_str(value), 1, mod_rev, lease, &changed);
	cr_assert_not_null(row);
	store_plan_heard(row, NOW, 0);
}

static void
deleted(uint32_t jitter)
{
	cr_assert(store_rows_gone(rows, span_str("k")));
	store_plan_heard(row, NOW, jitter);
}

static enum store_step
plan(uint64_t now)
{
	return store_plan(row, LEASE, now, &expected, &again);
}

static void
tried(bool did)
{
	store_plan_tried(row, did, store_plan_try(row), LEASE, NOW);
}

Test(store_plan, what_is_absent_is_created)
{
	want(STORE_WANT_KEPT, "v", 0);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 0);
	cr_assert(store_plan_is_missing(row));
	(void)store_plan_try(row);
	cr_assert_eq(plan(NOW), STORE_STEP_NONE);
}

Test(store_plan, what_was_put_is_waited_for_but_not_for_ever)
{
	want(STORE_WANT_KEPT, "v", 0);
	tried(true);
	cr_assert_not(store_plan_is_missing(row));
	cr_assert_eq(plan(NOW), STORE_STEP_WAIT);
	cr_assert_eq(again, NOW + STORE_PLAN_HOLD_MS);
	cr_assert_eq(plan(NOW + STORE_PLAN_HOLD_MS), STORE_STEP_PUT);
	there("v", 5, LEASE);
	cr_assert_eq(plan(NOW), STORE_STEP_NONE);
}

Test(store_plan, an_answer_that_comes_after_the_watch_holds_nothing_up)
{
	unsigned serial;

	want(STORE_WANT_KEPT, "v", 0);
	serial = store_plan_try(row);
	there("v", 5, LEASE);
	store_plan_tried(row, true, serial, LEASE, NOW);
	want(STORE_WANT_KEPT, "w", 0);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 5);
}

Test(store_plan, ours_is_replaced_and_anothers_stays)
{
	want(STORE_WANT_KEPT, "new", 0);
	there("old", 5, LEASE);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 5);
	there("old", 6, OTHER);
	cr_assert_eq(plan(NOW), STORE_STEP_NONE);
	cr_assert_not(store_plan_is_missing(row));
}

Test(store_plan, anothers_is_replaced_if_it_is_as_it_was_judged)
{
	there("theirs", 5, OTHER);
	want(STORE_WANT_KEPT, "mine", 5);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 5);
	there("theirs again", 6, OTHER);
	cr_assert_eq(plan(NOW), STORE_STEP_NONE);
}

Test(store_plan, what_was_deleted_is_put_again_after_a_moment)
{
	want(STORE_WANT_KEPT, "v", 0);
	there("v", 5, LEASE);
	deleted(250);
	cr_assert_eq(plan(NOW), STORE_STEP_WAIT);
	cr_assert_eq(again, NOW + 250);
	cr_assert_eq(plan(NOW + 250), STORE_STEP_PUT);
	cr_assert_eq(expected, 0);
}

Test(store_plan, the_moment_is_short)
{
	want(STORE_WANT_KEPT, "v", 0);
	for (uint32_t i = 1; i != 0; i *= 3) {
		there("v", 5, LEASE);
		deleted(i);
		(void)plan(NOW);
		cr_assert_leq(again, NOW + STORE_PLAN_JITTER_MS);
		if (i > 1000000000)
			break;
	}
}

Test(store_plan, a_predecessors_row_moves_to_this_lease_once)
{
	want(STORE_WANT_KEPT, "v", 0);
	there("v", 5, OTHER);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 5);
	tried(true);
	there("v", 6, LEASE);
	cr_assert_eq(plan(NOW), STORE_STEP_NONE);
	there("v", 7, OTHER); /* another proxy has the same value: not for ever */
	cr_assert_eq(plan(NOW), STORE_STEP_NONE);
}

Test(store_plan, what_leaves_is_replaced_by_a_farewell_once)
{
	unsigned serial;

	want(STORE_WANT_KEPT, "v", 0);
	there("v", 5, LEASE);
	want(STORE_WANT_GONE, "gone", 0);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 5);
	serial = store_plan_try(row);
	store_plan_tried(row, true, serial, LEASE, NOW);
	there("gone", 6, OTHER);
	cr_assert_eq(plan(NOW), STORE_STEP_OVER);
}

Test(store_plan, a_farewell_over_anothers_row_is_not_said)
{
	there("theirs", 5, OTHER);
	want(STORE_WANT_GONE, "gone", 0);
	cr_assert_eq(plan(NOW), STORE_STEP_OVER);
	want(STORE_WANT_GONE, "gone", 5);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	deleted(0);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 0);
}

Test(store_plan, what_is_dropped_is_removed_if_it_is_ours)
{
	want(STORE_WANT_REMOVED, "", 0);
	cr_assert_eq(plan(NOW), STORE_STEP_OVER);
	there("theirs", 5, OTHER);
	cr_assert_eq(plan(NOW), STORE_STEP_OVER);
	there("ours", 6, LEASE);
	cr_assert_eq(plan(NOW), STORE_STEP_REMOVE);
	cr_assert_eq(expected, 6);
}

Test(store_plan, what_is_dropped_while_it_is_being_put_is_removed_after_all)
{
	unsigned serial;

	want(STORE_WANT_KEPT, "v", 0);
	serial = store_plan_try(row);
	want(STORE_WANT_REMOVED, "", 0);
	cr_assert_eq(plan(NOW), STORE_STEP_NONE);
	store_plan_tried(row, true, serial, LEASE, NOW);
	cr_assert_eq(plan(NOW), STORE_STEP_WAIT); /* and is not over, though it is absent */
	there("v", 5, LEASE);
	cr_assert_eq(plan(NOW), STORE_STEP_REMOVE);
}

Test(store_plan, what_was_put_under_a_lease_that_has_ended_is_still_ours)
{
	want(STORE_WANT_KEPT, "old", 0);
	(void)store_plan_try(row);
	store_plan_tried(row, true, row->serial, OTHER, NOW);
	there("old", 5, OTHER);
	want(STORE_WANT_KEPT, "new", 0);
	cr_assert_eq(plan(NOW), STORE_STEP_PUT);
	cr_assert_eq(expected, 5);
}
