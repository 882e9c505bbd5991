/* deferred_cmds: who gave an order is told what has come of it, when it has; the supervisor is a
 * stand-in. */
#include "deferred_cmds.h"

#include "control_fixture.h"

#include "clock.h"
#include "log_fixture.h"
#include "supervisor_fake.h"

static struct event_base *base;

static void
open_outcome(void)
{
	log_to_memory();
	base = event_base_new();
	fake = (struct supervisor){.base = base,
				   .view = {.state = "running",
					    .wanted = 2,
					    .ready = 2,
					    .generation = 1,
					    .start_timeout = 60000,
					    .stop_timeout = 60000}};
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		fake.child[i] = (struct supervisor_child){
			.replaces = -1, .last_status = -1, .last_cause = -1};
	for (unsigned i = 0; i < 2; i++) {
		fake.child[i].state = SLOT_READY;
		fake.child[i].generation = 1;
		fake.child[i].pid = 100 + (pid_t)i;
	}
}

static void
close_outcome(void)
{
	forget_answers();
	event_base_free(base);
}

TestSuite(outcome, .init = open_outcome, .fini = close_outcome, .timeout = 20);

static void
scale(unsigned workers)
{
	const char *error = "";

	fake.view.wanted = workers;
	cr_assert_null(deferred_cmds_scale(call_as(0, NULL, NULL), &fake, workers, &error));
	cr_assert_not_null(answer[0].waits, "%s", error);
}

/* Of the worker in slot 0, which that in slot 2 follows. */
static void
recycle(void)
{
	const char *error = "";

	fake.child[2].state = SLOT_STARTING;
	fake.child[2].generation = 1;
	fake.child[2].pid = 102;
	fake.child[2].replaces = 0;
	cr_assert_null(deferred_cmds_recycle(call_as(0, NULL, NULL), &fake, 0, &error));
	cr_assert_not_null(answer[0].waits, "%s", error);
}

/* It has been looked at since; not answered then. */
static void
nothing_yet(void)
{
	for (int i = 0; i < 3; i++)
		(void)event_base_loop(base, EVLOOP_ONCE);
	cr_assert_eq(answer[0].n, 0, "%s", answer[0].error);
}

static void
answered(void)
{
	while (answer[0].n == 0)
		(void)event_base_loop(base, EVLOOP_ONCE);
}

static void
failed(const char *why)
{
	answered();
	cr_expect_null(answer[0].data);
	cr_expect_str_eq(answer[0].error, why);
	expect_logged("order not carried out");
}

/* ---- how many ---- */

Test(outcome, more_workers_are_told_of_when_they_serve)
{
	scale(3);
	nothing_yet();
	fake.child[2].state = SLOT_STARTING;
	fake.child[2].generation = 1;
	nothing_yet();
	fake.child[2].state = SLOT_READY;
	fake.view.ready = 3;
	answered();
	cr_expect_str_eq(told(answer[0].data, "done"), "3 workers serve");
	cr_expect_str_eq(told(answer[0].data, "workers"), "3");
	expect_logged("order=scale by_uid=1234");
}

Test(outcome, fewer_workers_are_told_of_when_those_too_many_have_ended)
{
	scale(1);
	fake.view.ready = 1;
	fake.child[1].state = SLOT_DRAINING;
	nothing_yet();
	fake.child[1].state = SLOT_VACANT;
	answered();
	cr_expect_str_eq(told(answer[0].data, "done"), "1 workers serve");
}

Test(outcome, workers_of_former_settings_are_not_counted)
{
	fake.child[1].generation = 0;
	scale(1);
	fake.view.ready = 1;
	answered();
	cr_expect_not_null(answer[0].data);
}

Test(outcome, another_order_ends_the_wait)
{
	scale(3);
	nothing_yet();
	fake.view.wanted = 1;
	failed("another order came: 1 workers");
}

Test(outcome, workers_that_cannot_start_are_told_of_with_how_the_last_one_ended)
{
	scale(3);
	fake_exit((struct exit_record){
		.at = clock_ms() + 1, .status = 256, .cause = EXIT_DIED_STARTING});
	fake.view.state = "degraded";
	failed("2 of 3 workers serve, one died while starting (code 1)");
}

Test(outcome, that_none_can_be_forked_is_told)
{
	scale(3);
	fake_exit((struct exit_record){.at = clock_ms() + 1, .cause = EXIT_NO_FORK});
	fake.view.state = "degraded";
	failed("2 of 3 workers serve, one cannot be forked");
}

Test(outcome, a_death_before_the_order_is_none_of_its_reasons)
{
	fake_exit((struct exit_record){.at = 1, .cause = EXIT_DIED_STARTING});
	scale(3);
	fake.view.state = "degraded";
	failed("2 of 3 workers serve");
}

Test(outcome, nobody_waits_longer_than_a_start_may_take)
{
	fake.view.start_timeout = 0;
	scale(3);
	failed("2 of 3 workers serve");
}

Test(outcome, nor_longer_than_an_end_may_take)
{
	scale(1);
	fake.view.start_timeout = fake.view.stop_timeout = 0;
	fake.child[1].state = SLOT_DRAINING;
	failed("those too many have not ended yet");
}

Test(outcome, a_daemon_that_stops_tells_so)
{
	scale(3);
	nothing_yet();
	fake.stopping = true;
	failed("the daemon stops");
}

Test(outcome, a_caller_that_leaves_is_forgotten)
{
	scale(3);
	nothing_yet();
	caller_leaves(0);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	cr_expect_eq(answer[0].n, 0);
	cr_expect_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

/* ---- one for another ---- */

Test(outcome, a_recycled_worker_is_told_of_when_its_successor_serves_and_it_has_ended)
{
	recycle();
	nothing_yet();
	fake.child[2].state = SLOT_READY;
	fake.child[2].replaces = -1;
	fake.child[0].state = SLOT_DRAINING;
	nothing_yet();
	fake.child[0] = (struct supervisor_child){.replaces = -1};
	answered();
	cr_expect_str_eq(told(answer[0].data, "done"), "recycled");
	cr_expect_str_eq(told(answer[0].data, "slot"), "2");
	cr_expect_str_eq(told(answer[0].data, "pid"), "102");
	expect_logged("order=recycle");
}

Test(outcome, a_successor_that_dies_is_told_of_and_the_worker_stays)
{
	recycle();
	fake.child[2] = (struct supervisor_child){
		.replaces = -1, .last_status = 256, .last_cause = EXIT_DIED_STARTING};
	failed("the successor did not start (code 1); the worker stays");
}

Test(outcome, where_the_worker_has_died_too_that_is_not_said)
{
	recycle();
	fake.child[0].pid = 0;
	fake.child[2] = (struct supervisor_child){
		.replaces = -1, .last_status = -1, .last_cause = EXIT_NO_FORK};
	failed("the successor did not start (cannot be forked)");
}

Test(outcome, a_successor_that_is_tried_again_is_told_of)
{
	recycle();
	fake.child[2].state = SLOT_COOLING;
	failed("the successor cannot be started; it is tried again");
}

Test(outcome, a_worker_that_does_not_end_in_time_is_told_of)
{
	recycle();
	fake.view.stop_timeout = 0;
	fake.child[2].state = SLOT_READY;
	fake.child[2].replaces = -1;
	failed("the former worker has not ended yet");
}

Test(outcome, without_a_successor_the_order_is_refused_at_once)
{
	const char *error = NULL;

	cr_expect_null(deferred_cmds_recycle(call_as(0, NULL, NULL), &fake, 0, &error));
	cr_expect_null(answer[0].waits);
	cr_expect_str_eq(error, "the successor could not be started; the worker stays");
}
