/* checkup: workers that are not well, and how they are replaced. */
#include "supervisor_fixture.h"

TestSuite(checkup, .init = open_world, .fini = close_world, .timeout = 30);

static void
stop_one_then_wait(void)
{
	static bool stopped;
	const struct supervisor_death *d = supervisor_death(sup, 0);

	if (world->ups == 1 && !stopped) {
		stopped = true;
		cr_assert_eq(supervisor_signal(sup, 1, SIGSTOP), 0);
	}
	if (d == NULL || count(SLOT_READY) < 2 || supervisor_stopping(sup))
		return;
	cr_assert_eq(d->end, END_HUNG);
	cr_assert_eq(d->slot, 1);
	stop();
}

Test(checkup, a_worker_that_hangs_is_killed_and_replaced)
{
	conf.worker_timeout = 1200;
	cr_assert_eq(run(stop_one_then_wait), 0);
	cr_assert_eq(world->starts, 3);
}

static void
spin_then_wait(void)
{
	static bool told;
	const struct supervisor_death *d = supervisor_death(sup, 0);
	struct supervisor_member m;

	if (world->ups == 1 && !told) {
		told = true;
		cr_assert_eq(supervisor_tell(sup, 1, span_str("spin")), 0);
	}
	if (d == NULL || count(SLOT_READY) < 2 || supervisor_stopping(sup))
		return;
	cr_assert(d->end == END_HUNG && d->slot == 1 && WTERMSIG(d->status) == SIGKILL);
	supervisor_look_at(sup, 1, &m);
	cr_assert(m.deaths == 1 && m.last_end == END_HUNG && m.last_status == d->status);
	stop();
}

Test(checkup, a_worker_that_spins_in_its_handler_is_killed_and_replaced)
{
	conf.worker_timeout = 1200;
	cr_assert_eq(run(spin_then_wait), 0);
	cr_assert_eq(world->starts, 3);
}

static void
trespass_then_stop(void)
{
	static bool told;
	const struct supervisor_death *d = supervisor_death(sup, 0);
	char text[SUPERVISOR_EXIT];

	if (world->ups == 1 && !told) {
		told = true;
		cr_assert_eq(supervisor_tell(sup, 0, span_str("trespass")), 0);
	}
	if (d == NULL || count(SLOT_READY) < 2 || supervisor_stopping(sup))
		return;
	cr_assert_eq(d->end, END_SANDBOX);
	cr_assert_str_eq(supervisor_exit_text(d->status, text), "signal 31 SYS");
	cr_assert_str_eq(supervisor_end_text(d->end), "sandbox violation");
	stop();
}

Test(checkup, a_worker_that_leaves_its_sandbox_dies_of_it_and_is_replaced)
{
	conf.sandbox = SANDBOX_AUTO;
	cr_assert_eq(run(trespass_then_stop), 0);
	cr_assert_eq(world->starts, 3);
}

static void
hang_then_recover(void)
{
	static bool killed, late;
	const struct supervisor_death *d = supervisor_death(sup, 0);

	if (world->ups == 1 && !killed) {
		killed = true;
		atomic_store(&world->hang_start, true);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (!late && d != NULL && d->end == END_LATE) {
		late = true;
		cr_assert_eq(WTERMSIG(d->status), SIGKILL);
		atomic_store(&world->hang_start, false);
	}
	if (late && count(SLOT_READY) == 2 && !supervisor_stopping(sup))
		stop();
}

Test(checkup, a_worker_that_is_not_ready_in_time_is_killed_and_replaced)
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

Test(checkup, pauses_before_restarts_grow_and_forks_are_few)
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
		gap[i] = supervisor_death(sup, i + 1)->at - supervisor_death(sup, i + 2)->at;
	cr_expect_gt(gap[0] + gap[1] + gap[2], 4 * (gap[5] + gap[6] + gap[7]));
	cr_expect_leq(world->forks, 13, "%u forks", world->forks);
	supervisor_free(sup);
	event_free(step_timer);
	event_base_free(base);
}
