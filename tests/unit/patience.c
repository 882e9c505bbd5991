/* patience: clients that owe something for too long. */
#include "patience.h"

#include <criterion/criterion.h>

#include "clock.h"

static struct event_base *base;
static struct patience *p;
static struct debtor first, second;
static unsigned told;
static void *who[4];
static enum conn_debt what[4];

static void
too_long(void *client, enum conn_debt debt, void *ctx)
{
	cr_assert_eq(ctx, &told);
	who[told] = client;
	what[told++] = debt;
}

static void
open_patience(void)
{
	base = event_base_new();
	p = patience_new(base, 100, 200, too_long, &told);
	cr_assert_not_null(p);
}

static void
close_patience(void)
{
	patience_forget(p, &first);
	patience_forget(p, &second);
	patience_free(p);
	event_base_free(base);
}

TestSuite(patience, .init = open_patience, .fini = close_patience, .timeout = 30);

Test(patience, each_debt_has_its_own_limit_and_is_told_once)
{
	uint64_t began = clock_ms();

	patience_note(p, &first, &first, CONN_TAKING, true);
	patience_note(p, &second, &second, CONN_REST, true);
	cr_assert_eq(event_base_dispatch(base), 1, "it looks no more when nobody owes anything");
	cr_assert(told == 2 && who[0] == &second && what[0] == CONN_REST && who[1] == &first &&
		  what[1] == CONN_TAKING);
	cr_assert_geq(clock_ms() - began, 200);
}

Test(patience, who_has_paid_is_left_alone)
{
	patience_note(p, &first, &first, CONN_REST, true);
	patience_note(p, &first, &first, CONN_REST, false);
	patience_note(p, &second, &second, CONN_TAKING, true);
	patience_forget(p, &second);
	cr_assert_eq(event_base_dispatch(base), 1);
	cr_assert_eq(told, 0);
}

Test(patience, without_a_limit_nobody_is_waited_for)
{
	patience_free(p);
	p = patience_new(base, 0, 0, too_long, &told);
	patience_note(p, &first, &first, CONN_REST, true);
	cr_assert_eq(event_base_dispatch(base), 1);
	cr_assert_eq(told, 0);
}
