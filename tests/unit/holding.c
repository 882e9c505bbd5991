/* holding: bytes held for clients. */
#include "holding.h"

#include <criterion/criterion.h>

static struct meter *m;
static struct holding h;
static struct share a, b;

static void
open_holding(void)
{
	m = meter_new(1, 1);
	h = (struct holding){.limit = 1000, .meter = meter_row(m, 0)};
	holding_join(&h);
	holding_join(&h);
}

static void
close_holding(void)
{
	meter_free(m);
}

TestSuite(holding, .init = open_holding, .fini = close_holding);

Test(holding, packets_and_what_is_unsent_add_up)
{
	a.packets = 300;
	holding_count(&h, &a, 200);
	holding_count(&h, &b, 100);
	cr_assert_eq(h.held, 600);
	a.packets = 0;
	holding_count(&h, &a, 0);
	cr_assert_eq(h.held, 100);
	holding_leave(&h, &b);
	cr_assert(h.held == 0 && h.clients == 1);
	cr_assert_eq(scoreboard_get(&h.meter->buffered), 0);
	cr_assert_eq(scoreboard_get(&h.meter->buffered_max), 600);
}

Test(holding, over_the_limit_who_holds_more_than_others_is_greedy)
{
	holding_count(&h, &a, 900);
	holding_count(&h, &b, 100);
	cr_assert(!holding_is_full(&h) && !holding_is_greedy(&h, &a));
	holding_count(&h, &b, 101);
	cr_assert(holding_is_full(&h) && holding_is_greedy(&h, &a) && !holding_is_greedy(&h, &b));
	h.limit = 0;
	cr_assert(!holding_is_full(&h) && !holding_is_greedy(&h, &a));
}
