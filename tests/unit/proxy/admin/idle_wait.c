/* idle_wait: it is answered when nothing is in flight any more, and not before. */
#include "idle_wait.h"

#include <criterion/criterion.h>
#include <string.h>

#include "control_fixture.h"
#include "registry_fixture.h"

enum { SERVERS = 2, WORKERS = 2, LONG_MS = 60000 };

static struct event_base *base;
static struct registry *registry;
static struct counters *tally;
static struct idle_wait *quiet;

static void
open_quiet(void)
{
	base = event_base_new();
	registry = registry_new(SERVERS, 1);
	tally = server_stats_new(WORKERS, SERVERS);
	join(registry, "a");
	join(registry, "b");
	quiet = idle_wait_new(base, registry, tally);
	cr_assert_not_null(quiet);
}

static void
close_quiet(void)
{
	idle_wait_free(quiet);
	forget_answers();
	counters_free(tally);
	registry_free(registry);
	event_base_free(base);
}

TestSuite(quiet, .init = open_quiet, .fini = close_quiet, .timeout = 60);

static void
set_in_flight(unsigned worker, unsigned server, uint64_t n)
{
	counter_set(&server_stats_cell(tally, worker, server)->in_flight, n);
}

static void
wait_for(unsigned number, unsigned server, uint64_t limit)
{
	cr_assert_eq(idle_wait_begin(quiet, call_as(number, NULL, NULL), server, limit), 0);
}

static void
look(void)
{
	cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

/* Nobody waits: there is nothing to look at. */
static void
is_idle(void)
{
	cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 1);
}

Test(quiet, it_takes_two_looks_on_end_that_find_nothing)
{
	wait_for(0, 0, LONG_MS);
	look();
	cr_assert_eq(answer[0].n, 0, "one more may be on its way");
	set_in_flight(1, 0, 1);
	look();
	set_in_flight(1, 0, 0);
	look();
	cr_assert_eq(answer[0].n, 0);
	look();
	cr_assert_eq(answer[0].n, 1);
	cr_assert_str_eq(told(answer[0].data, "id"), "a");
	cr_assert_str_eq(told(answer[0].data, "in_flight"), "0");
	is_idle();
}

Test(quiet, what_any_worker_has_in_flight_counts)
{
	set_in_flight(0, 0, 2);
	set_in_flight(1, 0, 3);
	wait_for(0, 0, 1);
	for (int i = 0; i < 3 && answer[0].n == 0; i++)
		look();
	cr_assert_eq(answer[0].n, 1);
	cr_assert_null(answer[0].data);
	cr_assert_str_eq(answer[0].error, "time is up, 5 still in flight");
	is_idle();
}

Test(quiet, everybody_waits_for_his_own_server)
{
	set_in_flight(0, 1, 1);
	wait_for(0, 0, LONG_MS);
	wait_for(1, 1, LONG_MS);
	wait_for(2, 0, LONG_MS);
	look();
	look();
	cr_assert(answer[0].n == 1 && answer[1].n == 0 && answer[2].n == 1);
	set_in_flight(0, 1, 0);
	look();
	look();
	cr_assert_str_eq(told(answer[1].data, "id"), "b");
	is_idle();
}

Test(quiet, who_leaves_is_not_answered)
{
	wait_for(0, 0, LONG_MS);
	wait_for(1, 0, LONG_MS);
	caller_leaves(0);
	look();
	look();
	cr_assert(answer[0].n == 0 && answer[1].n == 1);
	wait_for(0, 0, LONG_MS);
	caller_leaves(0);
	look();
	is_idle();
}

Test(quiet, a_server_that_has_left_meanwhile_is_told_of_by_its_name)
{
	set_in_flight(0, 0, 1);
	wait_for(0, 0, LONG_MS);
	registry_remove(registry, 0);
	set_in_flight(0, 0, 0);
	look();
	look();
	cr_assert_str_eq(told(answer[0].data, "id"), "a");
}

Test(quiet, its_end_is_told_to_who_waits)
{
	set_in_flight(0, 0, 1);
	wait_for(0, 0, LONG_MS);
	wait_for(1, 0, LONG_MS);
	idle_wait_free(quiet);
	quiet = NULL;
	for (int i = 0; i < 2; i++)
		cr_assert_str_eq(answer[i].error, "the proxy ends");
}
