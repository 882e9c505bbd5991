/* watchdog: workers that are not well, and how they are replaced. */
#include "watchdog.h"
#include "supervisor_fixture.h"

TestSuite(watchdog, .init = open_world, .fini = close_world, .timeout = 30);

static void
stop_one_then_wait(void)
{
	static bool stopped;
	const struct exit_record *d = exit_history_last(supervisor_exits(sup), 0);

	if (world->ups == 1 && !stopped) {
		stopped = true;
		cr_assert_eq(kill(pid_of(1), SIGSTOP), 0);
	}
	if (d == NULL || count(SLOT_READY) < 2 || supervisor_stopping(sup))
		return;
	cr_assert_eq(d->cause, EXIT_HUNG);
	cr_assert_eq(d->slot, 1);
	stop();
}

Test(watchdog, a_worker_that_hangs_is_killed_and_replaced)
{
	conf.worker_timeout = 1200;
	cr_assert_eq(run(stop_one_then_wait), 0);
	cr_assert_eq(world->starts, 3);
}

static void
spin_then_wait(void)
{
	static bool told;
	const struct exit_record *d = exit_history_last(supervisor_exits(sup), 0);
	struct supervisor_child m;

	if (world->ups == 1 && !told) {
		told = true;
		cr_assert_eq(supervisor_send(sup, 1, span_str("spin")), 0);
	}
	if (d == NULL || count(SLOT_READY) < 2 || supervisor_stopping(sup))
		return;
	cr_assert(d->cause == EXIT_HUNG && d->slot == 1 && WTERMSIG(d->status) == SIGKILL);
	supervisor_child_snapshot(sup, 1, &m);
	cr_assert(m.deaths == 1 && m.last_cause == EXIT_HUNG && m.last_status == d->status);
	stop();
}

Test(watchdog, a_worker_that_spins_in_its_handler_is_killed_and_replaced)
{
	conf.worker_timeout = 1200;
	cr_assert_eq(run(spin_then_wait), 0);
	cr_assert_eq(world->starts, 3);
}

static void
trespass_then_stop(void)
{
	static bool told;
	const struct exit_record *d = exit_history_last(supervisor_exits(sup), 0);
	char text[EXIT_STATUS_TEXT];

	if (world->ups == 1 && !told) {
		told = true;
		cr_assert_eq(supervisor_send(sup, 0, span_str("trespass")), 0);
	}
	if (d == NULL || count(SLOT_READY) < 2 || supervisor_stopping(sup))
		return;
	cr_assert_eq(d->cause, EXIT_SANDBOX);
	cr_assert_str_eq(exit_status_text(d->status, text), "signal 31 SYS");
	cr_assert_str_eq(exit_cause_text(d->cause), "sandbox violation");
	stop();
}

Test(watchdog, a_worker_that_leaves_its_sandbox_dies_of_it_and_is_replaced)
{
	conf.isolation.level = ISOLATION_AUTO;
	cr_assert_eq(run(trespass_then_stop), 0);
	cr_assert_eq(world->starts, 3);
}

static void
hang_then_recover(void)
{
	static bool killed, late;
	const struct exit_record *d = exit_history_last(supervisor_exits(sup), 0);

	if (world->ups == 1 && !killed) {
		killed = true;
		atomic_store(&world->hang_start, true);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (!late && d != NULL && d->cause == EXIT_LATE) {
		late = true;
		cr_assert_eq(WTERMSIG(d->status), SIGKILL);
		atomic_store(&world->hang_start, false);
	}
	if (late && count(SLOT_READY) == 2 && !supervisor_stopping(sup))
		stop();
}

Test(watchdog, a_worker_that_is_not_ready_in_time_is_killed_and_replaced)
{
	conf.start_timeout = 300;
	cr_assert_eq(run(hang_then_recover), 0);
}

/* Dying while starting, one after the other, until ten have. */
static void
fail_for_long(void)
{
	static bool killed;

	if (world->ups == 1 && !killed) {
		killed = true;
		atomic_store(&world->fail_start, true);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (world->exits >= 10 && !supervisor_stopping(sup))
		stop();
}

Test(watchdog, pauses_before_restarts_grow_and_forks_are_few)
{
	uint64_t gap[9];

	conf.pause_min = 10;
	conf.pause_max = 1000;
	step = fail_for_long;
	step_timer = event_new(base, -1, EV_PERSIST, on_step, NULL);
	cr_assert_eq(event_add(step_timer, &(struct timeval){0, 5000}), 0);
	sup = supervisor_new(base, &conf, &ops, NULL);
	cr_assert_eq(supervisor_run(sup), 0);
	/* The newest is the worker that was asked to end; before it the tenth death, and so on. */
	for (unsigned i = 0; i < 8; i++)
		gap[i] = exit_history_last(supervisor_exits(sup), i + 1)->at -
			 exit_history_last(supervisor_exits(sup), i + 2)->at;
	cr_expect_gt(gap[0] + gap[1] + gap[2], 4 * (gap[5] + gap[6] + gap[7]));
	cr_expect_leq(world->forks, 13, "%u forks", world->forks);
	supervisor_free(sup);
	event_free(step_timer);
	event_base_free(base);
}

/* Two workers that have turned their loops, of which one then stands still for a second. */
Test(watchdog, all_hang_when_none_has_turned_for_that_long)
{
	struct child child[2] = {{.index = 0, .pid = 1}, {.index = 1, .pid = 2}};
	struct child_set set = {.child = child, .slots = 2};
	struct counters *board = scoreboard_new(2);
	struct watchdog w = {.set = &set, .scoreboard = board};
	uint64_t now = 1000;

	cr_assert_not(watchdog_all_hang(&w, 500), "they have not served yet");
	counter_set(&scoreboard_row(board, 0)->heartbeat, now);
	for (; now < 3000; now += WATCHDOG_MS) {
		counter_set(&scoreboard_row(board, 1)->heartbeat, now);
		watchdog_turn(&w, now);
	}
	cr_assert_not(watchdog_all_hang(&w, 500), "one turns");
	for (; now < 5000; now += WATCHDOG_MS)
		watchdog_turn(&w, now);
	cr_assert(watchdog_all_hang(&w, 500));
	cr_assert_not(watchdog_all_hang(&w, 0), "where nothing says how long a turn may take");
	counters_free(board);
}
