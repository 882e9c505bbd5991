/* drain: the stages of taking leave. */
#include "drain.h"

#include <criterion/criterion.h>

#include "clock.h"

static struct event_base *base;
static struct drain *d;
static unsigned turns;
static bool grace = true;
static enum drain_phase wanted;
static uint64_t heard, seen[DRAIN_OVER + 1], due_at;

static void
on_turn(void *ctx)
{
	enum drain_phase phase = drain_phase(d);

	(void)ctx;
	turns++;
	if (seen[phase] == 0)
		seen[phase] = clock_ms();
	if (due_at == 0 && drain_is_due(d, heard, -1))
		due_at = clock_ms();
	if (phase == wanted)
		(void)event_base_loopbreak(base);
}

static void
open_drain(void)
{
	base = event_base_new();
	d = drain_new(base, on_turn, NULL);
	cr_assert_not_null(d);
}

static void
close_drain(void)
{
	drain_free(d);
	drain_free(NULL);
	event_base_free(base);
}

TestSuite(drain, .init = open_drain, .fini = close_drain, .timeout = 20);

static uint64_t
run_to(enum drain_phase phase, uint64_t limit)
{
	uint64_t begun = clock_ms();

	wanted = phase;
	drain_begin(d, limit, grace);
	cr_assert_eq(event_base_dispatch(base), 0);
	return begun;
}

Test(drain, nothing_happens_before_it_begins)
{
	cr_assert_eq(drain_phase(d), DRAIN_NOT);
	cr_assert_not(drain_is_due(d, 0, -1));
	cr_assert_eq(event_base_loop(base, EVLOOP_NONBLOCK), 1, "no event is pending");
}

Test(drain, grace_then_quiet_then_the_last)
{
	uint64_t begun = run_to(DRAIN_LAST, 1000);

	cr_assert(seen[DRAIN_GRACE] >= begun && seen[DRAIN_QUIET] >= begun + 200);
	cr_assert(seen[DRAIN_LAST] >= begun + 750,
		  "a quarter of the limit, at most two seconds, is left");
	cr_assert_gt(turns, 10);
}

Test(drain, a_connection_that_was_silent_is_due_once_the_grace_is_over)
{
	uint64_t begun = run_to(DRAIN_LAST, 2000);

	cr_assert_geq(due_at, begun + 200);
	cr_assert_lt(due_at, seen[DRAIN_LAST]);
}

Test(drain, one_that_keeps_speaking_is_due_when_it_is_over)
{
	uint64_t begun;

	heard = clock_ms() + 100000;
	begun = run_to(DRAIN_OVER, 600);
	cr_assert(seen[DRAIN_OVER] >= begun + 525, "an eighth of the limit is left");
	cr_assert(due_at + 50 > seen[DRAIN_OVER], "%llu ms too early",
		  (unsigned long long)(seen[DRAIN_OVER] - due_at));
}

/* It waits for a pause at the last as before. */
Test(drain, one_that_has_paused_is_due_at_the_last)
{
	grace = false;
	heard = clock_ms() + 460;
	run_to(DRAIN_OVER, 600);
	cr_assert_geq(due_at, heard + 50);
	cr_assert_lt(due_at, seen[DRAIN_OVER]);
}

Test(drain, a_limit_of_nothing_is_over_at_once)
{
	run_to(DRAIN_OVER, 0);
	cr_assert_eq(seen[DRAIN_GRACE] + seen[DRAIN_QUIET] + seen[DRAIN_LAST], 0);
	cr_assert(drain_is_due(d, 0, -1));
}

Test(drain, without_grace_it_is_quiet_at_once)
{
	grace = false;
	run_to(DRAIN_QUIET, 5000);
	cr_assert_eq(seen[DRAIN_GRACE], 0);
}
