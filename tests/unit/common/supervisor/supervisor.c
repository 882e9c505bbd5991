/* supervisor: workers come up, are replaced, and end. */
#include "supervisor_fixture.h"

#include <sys/resource.h>

TestSuite(supervisor, .init = open_world, .fini = close_world, .timeout = 30);

static void
do_nothing(void)
{
}

/* Once: a second order would not wait. */
static void
stop_when_up(void)
{
	static bool told;

	if (atomic_load(&world->ups) == 1 && !told)
		stop();
	told = told || world->ups == 1;
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

/* ---- starts that fail, and those that others make fail ---- */

static unsigned kills;

/* The first of the workers that are starting; forked long enough to be in start(). */
static void
kill_a_starting_one(void)
{
	struct supervisor_child m;

	for (unsigned i = 0; i < supervisor_slots(sup); i++) {
		supervisor_child_snapshot(sup, i, &m);
		if (m.state != SLOT_STARTING)
			continue;
		kills++;
		cr_assert_eq(kill(m.pid, SIGKILL), 0);
		return;
	}
}

static void
kill_starting_ones_then_stop(void)
{
	if (kills < 24)
		kill_a_starting_one();
	else
		atomic_store(&world->hang_start, false);
	if (world->ups == 1 && !supervisor_stopping(sup))
		stop();
}

Test(supervisor, workers_that_others_kill_while_they_start_are_tried_again_at_once)
{
	uint64_t begin = clock_ms();

	conf.pause_max = 20000; /* which twelve failures of each would reach */
	atomic_store(&world->hang_start, true);
	cr_assert_eq(run(kill_starting_ones_then_stop), 0, "it gave up");
	cr_assert_geq(kills, 24);
	cr_assert_lt(clock_ms() - begin, 12000);
}

static void
fail_while_nobody_serves(void)
{
	static bool killed;

	if (world->ups == 1 && !killed) {
		killed = true;
		atomic_store(&world->fail_start, true);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (world->exits >= 15 && !supervisor_stopping(sup))
		stop();
}

Test(supervisor, where_nobody_serves_one_is_tried_again_soon)
{
	uint64_t gap = UINT64_MAX, between;

	conf.workers = 1;
	conf.pause_max = 4000;
	keep_sup = true;
	cr_assert_eq(run(fail_while_nobody_serves), 0);
	for (unsigned i = 0; i < 3; i++) {
		between = exit_history_last(supervisor_exits(sup), i)->at -
			  exit_history_last(supervisor_exits(sup), i + 1)->at;
		gap = between < gap ? between : gap;
	}
	cr_assert_lt(gap, 1900, "%llu ms", (unsigned long long)gap);
}

Test(supervisor, a_daemon_that_cannot_fork_gives_up)
{
	struct rlimit few = {.rlim_cur = 0};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* The supervisor's own descriptors, and none for a worker's channel. */
	few.rlim_cur = few.rlim_max = (rlim_t)fd + 1;
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	cr_assert_eq(run(nothing), 1);
	cr_assert_eq(world->ups, 0);
	cr_assert_eq(world->forks, 0);
}

static void
fail_then_recover(void)
{
	static bool killed, degraded;
	struct supervisor_view v;

	supervisor_snapshot(sup, &v);
	if (world->ups == 1 && !killed) {
		killed = true;
		atomic_store(&world->fail_start, true);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (!degraded && strcmp(v.state, "degraded") == 0) {
		degraded = true;
		cr_assert_eq(v.ready, 1, "the other one serves on");
		cr_assert_eq(exit_history_last(supervisor_exits(sup), 0)->cause,
			     EXIT_DIED_STARTING);
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

/* It says good-bye for long: its proxy does not answer. */
static void
leave_slowly(bool at_once, void *ctx)
{
	(void)at_once;
	(void)ctx;
	atomic_fetch_add(&world->stops, 1);
}

static void
stop_twice_while_leaving(void)
{
	static bool told, again;

	if (world->ups == 1 && !told) {
		told = true;
		stop();
	} else if (world->stops == 1 && !again) {
		cr_assert_eq(world->drains, 0, "it is still leaving");
		again = true;
		stop();
	}
}

Test(supervisor, a_second_order_does_not_wait_for_the_leave_either)
{
	uint64_t begin = clock_ms();

	conf.leave_timeout = 20000;
	ops.on_stop = leave_slowly;
	cr_assert_eq(run(stop_twice_while_leaving), 0);
	cr_assert_lt(clock_ms() - begin, 10000);
	cr_assert_eq(world->stops, 1);
	cr_assert_eq(world->exits, 2);
}

static void
ping_then_stop(void)
{
	static bool asked;

	if (world->ups == 1 && !asked) {
		asked = true;
		cr_assert_eq(supervisor_send(sup, 0, span_str("ping")), 0);
		cr_assert_eq(supervisor_send(sup, 4, span_str("ping")), -1);
		cr_assert_eq(errno, ESRCH);
	}
	if (world->messages == 3)
		stop();
}

Test(supervisor, messages_go_both_ways)
{
	cr_assert_eq(run(ping_then_stop), 0);
}

/* ---- what belongs to a worker ---- */

/* A worker gets the writing end of a pipe as soon as it is forked, and writes its name into it. */
static int pipe_of_worker[2];
static unsigned forked;

static void
on_file(void *state, struct span body, int fd)
{
	(void)state;
	cr_assert_eq(write(fd, body.p, body.n), (ssize_t)body.n);
	cr_assert_eq(close(fd), 0);
}

static void
give_pipe(unsigned slot, void *ctx)
{
	(void)ctx;
	forked++;
	if (slot == 0)
		cr_assert_eq(supervisor_pass_to(sup, 0, span_str("yours"), pipe_of_worker[1]), 0);
}

static void
stop_when_written(void)
{
	char text[8];

	if (world->ups == 1 && read(pipe_of_worker[0], text, sizeof text) == 5) {
		cr_assert(span_eq_str(span_of(text, 5), "yours"));
		stop();
	}
}

Test(supervisor, a_worker_is_given_a_file_with_a_message)
{
	cr_assert_eq(pipe2(pipe_of_worker, O_NONBLOCK), 0);
	ops.on_forked = give_pipe;
	ops.worker.on_file = on_file;
	cr_assert_eq(run(stop_when_written), 0);
	cr_assert_eq(forked, 2);
}

/* Another child: it is reaped by its own, and waited for at the end. */
static pid_t other;

static bool
on_child(pid_t pid, int status, void *ctx)
{
	(void)ctx;
	cr_assert_eq(pid, other);
	cr_assert(WIFSIGNALED(status));
	other = 0;
	(void)event_base_loopbreak(base);
	return true;
}

static bool
lingers(void *ctx)
{
	(void)ctx;
	if (other > 0)
		cr_assert_eq(kill(other, SIGKILL), 0);
	return other > 0;
}

Test(supervisor, a_child_that_is_no_worker_is_waited_for)
{
	ops.on_child = on_child;
	ops.lingers = lingers;
	other = fork();
	if (other == 0)
		for (;;)
			(void)pause();
	cr_assert_eq(run(stop_when_up), 0);
	cr_assert_eq(other, 0);
}

/* ---- starts that are refused ---- */

static void
refuse_start(void)
{
	struct supervisor_child m;

	for (unsigned i = 0; i < supervisor_slots(sup); i++) {
		supervisor_child_snapshot(sup, i, &m);
		if (m.state == SLOT_STARTING)
			supervisor_refuse_start(sup, i, "it cannot");
	}
}

Test(supervisor, a_daemon_is_given_up_at_once_where_its_start_is_refused)
{
	atomic_store(&world->hang_start, true);
	conf.stop_timeout = 20;
	cr_assert_eq(run(refuse_start), 1);
	cr_assert_eq(world->starts, 0);
	cr_assert_leq(world->forks, 2);
}

static void
refuse_once(void)
{
	static unsigned refused;

	if (world->ups != 1)
		return;
	if (refused == 0 && count(SLOT_READY) == 2) {
		atomic_store(&world->hang_start, true);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
		refused = 1;
	} else if (refused == 1 && count(SLOT_STARTING) == 1 && world->forks == 3) {
		refuse_start();
		atomic_store(&world->hang_start, false);
		refused = 2;
	} else if (refused == 2 && count(SLOT_READY) == 2 && !supervisor_stopping(sup)) {
		stop();
	}
}

Test(supervisor, one_that_serves_tries_a_refused_start_again)
{
	cr_assert_eq(run(refuse_once), 0);
	cr_assert_geq(world->exits, 4);
}

/* In the place of libc's, for the master's next call; workers receive in another way.  Not static:
 * with _FORTIFY_SOURCE it is an inline function. */
int recv_fails_with;

ssize_t
recv(int fd, void *space, size_t n, int flags)
{
	errno = recv_fails_with;
	recv_fails_with = 0;
	return errno != 0 ? -1 : recvfrom(fd, space, n, flags, NULL, NULL);
}

static void
ping_unheard(int error)
{
	static bool asked;

	if (world->ups == 1 && world->messages == 2 && !asked) {
		asked = true;
		recv_fails_with = error;
		cr_assert_eq(supervisor_send(sup, 0, span_str("ping")), 0);
	}
}

static void
ping_unheard_for_good(void)
{
	static bool told;

	ping_unheard(EIO);
	if (count(SLOT_READY) == 2 && world->starts == 3 && !told) {
		told = true;
		stop();
	}
}

static void
ping_unheard_for_now(void)
{
	ping_unheard(ENOMEM);
	if (world->messages == 3)
		stop();
}

Test(supervisor, a_worker_that_cannot_be_heard_is_replaced)
{
	cr_assert_eq(run(ping_unheard_for_good), 0);
	cr_assert_eq(world->starts, 3);
	cr_assert_geq(world->messages, 3, "the new one's first");
}

Test(supervisor, a_worker_that_cannot_be_heard_for_want_of_memory_is_heard_again)
{
	cr_assert_eq(run(ping_unheard_for_now), 0);
	cr_assert_eq(world->starts, 2);
	cr_assert_eq(world->messages, 3, "the answer");
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
