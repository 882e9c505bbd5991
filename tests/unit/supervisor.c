/* supervisor: real forks; each test's process is the master. */
#include "supervisor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

/* Shared with the workers: what they are to do, and what has happened. */
struct world {
	_Atomic unsigned starts, drains, ends, exits, ups, stops;
	_Atomic unsigned forks;
	_Atomic bool fail_start, hang_start, ignore_drain;
	_Atomic unsigned messages;
};

static struct world *world;
static struct event_base *base;
static struct supervisor *sup;
static struct supervisor_ops ops;
static struct supervisor_conf conf = {.workers = 2,
				      .slots = 5,
				      .stop_timeout = 300,
				      .start_timeout = 5000,
				      .leave_timeout = 200,
				      .pause_min = 5,
				      .pause_max = 40};
static struct event *step_timer;
static void (*step)(void); /* called every few ms in the master */

/* ---- workers ---- */

static void *
start(struct worker *w, void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&world->forks, 1);
	if (atomic_load(&world->fail_start))
		return NULL;
	while (atomic_load(&world->hang_start))
		(void)poll(NULL, 0, 10);
	atomic_fetch_add(&world->starts, 1);
	scoreboard_add(&worker_row(w)->requests, 10);
	cr_assert_eq(worker_tell(w, span_str("hello")), 0);
	worker_ready(w);
	return w;
}

static void
on_message(void *state, struct span message)
{
	volatile unsigned turns = 0;

	if (span_eq_str(message, "ping"))
		(void)!worker_tell(state, span_str("pong"));
	while (span_eq_str(message, "spin"))
		turns++;
	if (span_eq_str(message, "trespass")) {
		(void)!open("/dev/null", O_WRONLY);
		(void)raise(SIGSYS); /* where there is no filter */
	}
}

static void
drain(void *state)
{
	atomic_fetch_add(&world->drains, 1);
	if (!atomic_load(&world->ignore_drain))
		worker_done(state);
}

static void
end(void *state)
{
	(void)state;
	atomic_fetch_add(&world->ends, 1);
}

/* ---- master ---- */

static void
on_up(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&world->ups, 1);
}

static void
from_worker(unsigned slot, struct span message, void *ctx)
{
	(void)slot;
	(void)ctx;
	cr_assert(span_eq_str(message, "hello") || span_eq_str(message, "pong"));
	atomic_fetch_add(&world->messages, 1);
}

static void
on_exit_of(unsigned slot, void *ctx)
{
	(void)slot;
	(void)ctx;
	atomic_fetch_add(&world->exits, 1);
}

static void
on_stop(bool at_once, void *ctx)
{
	(void)at_once;
	(void)ctx;
	atomic_fetch_add(&world->stops, 1);
	supervisor_stop_workers(sup);
}

static void
after_fork(void *ctx)
{
	(void)ctx;
	if (step_timer != NULL)
		event_free(step_timer);
	step_timer = NULL;
}

static void
on_step(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	step();
}

static void
open_world(void)
{
	world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	cr_assert_neq(world, MAP_FAILED);
	base = event_base_new();
	ops = (struct supervisor_ops){.after_fork = after_fork,
				      .worker = {start, on_message, drain, end, NULL},
				      .on_up = on_up,
				      .from_worker = from_worker,
				      .on_exit = on_exit_of,
				      .on_stop = on_stop};
}

static void
close_world(void)
{
	int status;

	cr_assert_eq(waitpid(-1, &status, WNOHANG), -1, "a child is left");
	cr_assert_eq(errno, ECHILD);
}

TestSuite(supervisor, .init = open_world, .fini = close_world, .timeout = 30);

static int
run(void (*each)(void))
{
	struct timeval tv = clock_timeval(5);
	int status;

	step = each;
	step_timer = event_new(base, -1, EV_PERSIST, on_step, NULL);
	cr_assert_eq(event_add(step_timer, &tv), 0);
	sup = supervisor_new(base, &conf, &ops, NULL);
	cr_assert_not_null(sup);
	status = supervisor_run(sup);
	supervisor_free(sup);
	event_free(step_timer);
	event_base_free(base);
	return status;
}

static unsigned
count(enum slot_state state)
{
	struct supervisor_member m;
	unsigned n = 0;

	for (unsigned i = 0; i < supervisor_slots(sup); i++) {
		supervisor_look_at(sup, i, &m);
		n += m.state == state;
	}
	return n;
}

static pid_t
pid_of(unsigned slot)
{
	struct supervisor_member m;

	supervisor_look_at(sup, slot, &m);
	return m.state == SLOT_READY ? m.pid : 0;
}

static void
stop(void)
{
	cr_assert_eq(kill(getpid(), SIGTERM), 0);
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
recycle_then_stop(void)
{
	static bool asked;

	if (supervisor_stopping(sup))
		return;
	if (world->ups == 1 && !asked) {
		asked = true;
		cr_assert_eq(supervisor_recycle(sup, 99), -1);
		cr_assert_eq(errno, ESRCH);
		cr_assert_eq(supervisor_recycle(sup, 0), 0);
	}
	if (asked)
		cr_assert_geq(count(SLOT_READY), 2, "the successor comes first");
	if (world->exits == 1 && count(SLOT_READY) == 2)
		stop();
}

Test(supervisor, a_recycled_worker_stays_until_its_successor_serves)
{
	cr_assert_eq(run(recycle_then_stop), 0);
	cr_assert(world->starts == 3 && world->exits == 3);
}

static void
scale_then_stop(void)
{
	static unsigned at;
	static const unsigned wanted[] = {4, 1, 3};
	struct supervisor_view v;

	supervisor_look(sup, &v);
	if (world->ups == 0 || supervisor_stopping(sup))
		return;
	if (at > 0 && (v.ready != wanted[at - 1] || count(SLOT_VACANT) != 5 - wanted[at - 1]))
		return;
	if (at == 3) {
		stop();
		return;
	}
	cr_assert_eq(supervisor_scale(sup, wanted[at++]), 0);
	cr_assert_eq(supervisor_scale(sup, 0), -1);
	cr_assert_eq(supervisor_scale(sup, 5), -1, "a slot stays free for a successor");
	cr_assert_eq(errno, ERANGE);
}

Test(supervisor, the_number_of_workers_can_be_changed)
{
	cr_assert_eq(run(scale_then_stop), 0);
	cr_assert_eq(world->exits, world->starts);
}

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

Test(supervisor, a_worker_that_hangs_is_killed_and_replaced)
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

Test(supervisor, a_worker_that_spins_in_its_handler_is_killed_and_replaced)
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

Test(supervisor, a_worker_that_leaves_its_sandbox_dies_of_it_and_is_replaced)
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

Test(supervisor, a_worker_that_is_not_ready_in_time_is_killed_and_replaced)
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

Test(supervisor, pauses_before_restarts_grow_and_forks_are_few)
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

/* ---- generations ---- */

static struct supervisor_conf next;
static _Atomic unsigned renewed, failed;

static void
on_renewed(bool up, const char *why, void *ctx)
{
	(void)ctx;
	if (up)
		atomic_fetch_add(&renewed, 1);
	else
		atomic_fetch_add(&failed, 1);
	cr_assert_eq(up, why == NULL);
}

static unsigned
of_generation(unsigned generation, enum slot_state state)
{
	struct supervisor_member m;
	unsigned n = 0;

	for (unsigned i = 0; i < supervisor_slots(sup); i++) {
		supervisor_look_at(sup, i, &m);
		n += m.generation == generation && m.state == state;
	}
	return n;
}

static void
renew_then_stop(void)
{
	static bool asked, retired;

	if (world->ups == 1 && !asked) {
		asked = true;
		next = conf;
		next.workers = 3;
		cr_assert(supervisor_may_renew(sup, 3));
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
		cr_assert_not(supervisor_may_renew(sup, 1), "one at a time");
		cr_assert_eq(supervisor_scale(sup, 1), -1);
		cr_assert_eq(errno, EBUSY);
	}
	if (asked && !retired)
		cr_assert_eq(of_generation(1, SLOT_READY), 2, "the old serve until they are told");
	if (renewed == 1 && !retired) {
		cr_assert_eq(of_generation(2, SLOT_READY), 3);
		cr_assert_eq(supervisor_former(sup), 2);
		retired = true;
		supervisor_retire(sup, true);
	}
	if (retired && supervisor_former(sup) == 0 && !supervisor_stopping(sup)) {
		cr_assert_eq(count(SLOT_READY), 3);
		stop();
	}
}

Test(supervisor, a_new_generation_is_up_before_the_old_one_leaves)
{
	cr_assert_eq(run(renew_then_stop), 0);
	cr_assert_eq(world->starts, 5);
	cr_assert_eq(world->ups, 1, "told once");
}

static void
renew_in_vain(void)
{
	static bool asked;
	struct supervisor_view v;

	if (world->ups == 1 && !asked) {
		asked = true;
		atomic_store(&world->fail_start, true);
		next = conf;
		next.workers = 1;
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
	}
	if (failed == 1 && count(SLOT_VACANT) == conf.slots - 2 && !supervisor_stopping(sup)) {
		supervisor_look(sup, &v);
		cr_assert(v.wanted == 2 && v.ready == 2 && v.generation == 1);
		stop();
	}
}

Test(supervisor, a_generation_that_does_not_start_leaves_the_old_one)
{
	cr_assert_eq(run(renew_in_vain), 0);
	cr_assert_eq(world->starts, 2);
	cr_assert_eq(renewed, 0);
}

static void
kill_while_renewing(void)
{
	static unsigned stage;

	if (world->ups == 1 && stage == 0) {
		stage = 1;
		next = conf;
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
		cr_assert_eq(kill(pid_of(0), SIGKILL), 0);
	}
	if (stage == 1 && renewed == 1) {
		stage = 2;
		supervisor_retire(sup, true);
	}
	if (stage == 2 && count(SLOT_VACANT) == conf.slots - 2 && !supervisor_stopping(sup)) {
		cr_assert_eq(of_generation(2, SLOT_READY), 2);
		stop();
	}
}

Test(supervisor, an_old_worker_that_dies_meanwhile_is_not_replaced_by_one_of_the_old_settings)
{
	cr_assert_eq(run(kill_while_renewing), 0);
	cr_assert_eq(world->starts, 4);
}

static void
renew_with_few_slots(void)
{
	static unsigned stage;

	if (world->ups == 1 && stage == 0) {
		stage = 1;
		cr_assert_eq(supervisor_scale(sup, 4), 0);
	}
	if (stage == 1 && count(SLOT_READY) == 4) {
		stage = 2;
		next = conf;
		next.workers = 4;
		cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
	}
	if (stage == 2 && renewed == 1) {
		stage = 3;
		cr_assert_eq(of_generation(2, SLOT_READY), 1, "as many as slots were free");
		cr_assert_not(supervisor_may_renew(sup, 4));
		supervisor_retire(sup, true);
	}
	if (stage == 3 && of_generation(2, SLOT_READY) == 4 && !supervisor_stopping(sup))
		stop();
}

Test(supervisor, where_slots_are_few_the_rest_follows_as_the_old_leave)
{
	cr_assert_eq(run(renew_with_few_slots), 0);
}

static void
stop_while_renewing(void)
{
	static bool asked;

	if (world->ups != 1 || asked)
		return;
	asked = true;
	next = conf;
	cr_assert_eq(supervisor_renew(sup, &next, on_renewed, NULL), 0);
	supervisor_stop(sup, false);
	cr_assert_eq(failed, 1, "it is told that it is off");
}

Test(supervisor, a_stop_ends_what_was_coming_up)
{
	cr_assert_eq(run(stop_while_renewing), 0);
	cr_assert_eq(renewed, 0);
}
