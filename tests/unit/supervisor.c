/* supervisor: workers come up, are replaced, and end. */
#include "supervisor_fixture.h"

TestSuite(supervisor, .init = open_world, .fini = close_world, .timeout = 30);

static void
do_nothing(void)
{
}

static void
stop_when_up(void)
{
	if (atomic_load(&world->ups) == 1 && !supervisor_stopping(sup))
		stop();
}

Test(supervisor, workers_come_up_are_told_once_and_drain_at_the_end)
{
	cr_assert_eq(run(stop_when_up), 0);
	cr_assert_eq(world->starts, 2);
	cr_assert_eq(world->ups, 1);
	cr_assert_eq(world->stops, 1);
	cr_assert(world->drains == 2 && world->ends == 2 && world->exits == 2);
	cr_assert_eq(world->messages, 2);
}

/* What was asked for while it came up may wait for this. */
static void
stop_when_there_is_room(void *ctx)
{
	(void)ctx;
	cr_assert_eq(world->ups, 1);
	stop();
}

Test(supervisor, there_is_room_as_soon_as_it_is_up)
{
	ops.on_room = stop_when_there_is_room;
	cr_assert_eq(run(do_nothing), 0);
	cr_assert_eq(world->stops, 1);
}

static void
kill_ten_then_stop(void)
{
	static pid_t last;
	pid_t pid = pid_of(0);

	if (supervisor_stopping(sup) || pid == 0 || pid == last)
		return;
	if (world->exits >= 10) {
		stop();
		return;
	}
	last = pid;
	cr_assert_eq(kill(pid, world->exits % 2 ? SIGKILL : SIGSEGV), 0);
}

Test(supervisor, a_worker_that_dies_is_replaced_each_time_and_its_counts_are_kept)
{
	cr_assert_eq(run(kill_ten_then_stop), 0);
	cr_assert_eq(world->starts, 12);
	cr_assert_eq(world->exits, 12);
	cr_assert_eq(world->ups, 1);
}

static void
nothing(void)
{
}

Test(supervisor, a_daemon_whose_workers_never_come_up_gives_up)
{
	atomic_store(&world->fail_start, true);
	cr_assert_eq(run(nothing), 1);
	cr_assert_eq(world->ups, 0);
	cr_assert_geq(world->exits, 5);
}

static void
fail_then_recover(void)
{
	static bool killed, degraded;
	struct supervisor_view v;

	supervisor_look(sup, &v);
	if (world->ups == 1 && !killed) {
		killed = true;
		atomic_store(&world->fail_start, true);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (!degraded && strcmp(v.state, "degraded") == 0) {
		degraded = true;
		cr_assert_eq(v.ready, 1, "the other one serves on");
		cr_assert_eq(supervisor_death(sup, 0)->end, END_DIED_STARTING);
		atomic_store(&world->fail_start, false);
	}
	if (degraded && count(SLOT_READY) == 2 && !supervisor_stopping(sup))
		stop();
}

Test(supervisor, one_whose_workers_die_while_starting_is_degraded_and_goes_on)
{
	conf.pause_max = 20;
	cr_assert_eq(run(fail_then_recover), 0);
	cr_assert_lt(world->exits, 40, "a storm of forks");
}

Test(supervisor, a_worker_that_ignores_the_order_is_killed_in_time)
{
	uint64_t begin = clock_ms();

	atomic_store(&world->ignore_drain, true);
	cr_assert_eq(run(stop_when_up), 0);
	cr_assert(world->drains == 2 && world->ends == 0);
	cr_assert_geq(clock_ms() - begin, conf.stop_timeout);
}

static void
stop_twice(void)
{
	if (world->ups == 1 && world->stops == 0)
		stop();
	else if (world->drains == 2)
		stop();
}

Test(supervisor, a_second_order_does_not_wait)
{
	uint64_t begin = clock_ms();

	conf.stop_timeout = 20000;
	atomic_store(&world->ignore_drain, true);
	cr_assert_eq(run(stop_twice), 0);
	cr_assert_lt(clock_ms() - begin, 10000);
	cr_assert_eq(world->exits, 2);
}

static void
ping_then_stop(void)
{
	static bool asked;

	if (world->ups == 1 && !asked) {
		asked = true;
		cr_assert_eq(supervisor_tell(sup, 0, span_str("ping")), 0);
		cr_assert_eq(supervisor_tell(sup, 4, span_str("ping")), -1);
		cr_assert_eq(errno, ESRCH);
	}
	if (world->messages == 3)
		stop();
}

Test(supervisor, messages_go_both_ways)
{
	cr_assert_eq(run(ping_then_stop), 0);
}

/* A master killed: its workers end by themselves, seen by the end of a pipe that only they hold. */
Test(supervisor, workers_end_with_a_master_that_is_killed)
{
	struct pollfd held;
	int fd[2], status;
	pid_t master;
	char c;

	cr_assert_eq(pipe(fd), 0);
	master = fork();
	cr_assert_geq(master, 0);
	if (master == 0) {
		(void)close(fd[0]);
		(void)run(nothing);
		_exit(0);
	}
	(void)close(fd[1]);
	while (world->ups == 0) {
		cr_assert_eq(waitpid(master, &status, WNOHANG), 0);
		(void)poll(NULL, 0, 5);
	}
	cr_assert_eq(kill(master, SIGKILL), 0);
	cr_assert_eq(waitpid(master, &status, 0), master);
	held = (struct pollfd){.fd = fd[0], .events = POLLIN};
	cr_assert_eq(poll(&held, 1, 5000), 1, "somebody still holds the pipe");
	cr_assert_eq(read(fd[0], &c, 1), 0);
}
