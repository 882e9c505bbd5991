/* supervisor_fixture.h - a master and workers that do as they are told; each test's process is the
 * master, and the forks are real. */
#ifndef POLICYPOOL_TESTS_SUPERVISOR_FIXTURE_H
#define POLICYPOOL_TESTS_SUPERVISOR_FIXTURE_H

#include "supervisor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

/* Shared with the workers: what they are to do, and what has happened. */
struct world {
	_Atomic unsigned starts, drains, yields, ends, exits, ups, stops;
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
				      .isolation = {.level = ISOLATION_NONE},
				      .pause_min = 5,
				      .pause_max = 40};
static struct event *step_timer;
static bool keep_sup;	   /* run() leaves it for a look */
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
	counter_add(&worker_row(w)->requests, 10);
	cr_assert_eq(worker_send(w, span_str("hello")), 0);
	worker_ready(w);
	return w;
}

static void
on_message(void *state, struct span message)
{
	volatile unsigned turns = 0;

	if (span_eq_str(message, "ping"))
		(void)!worker_send(state, span_str("pong"));
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
	if (worker_yields(state))
		atomic_fetch_add(&world->yields, 1);
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
after_fork(unsigned slot, void *ctx)
{
	(void)slot;
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
				      .worker = {start, on_message, drain, end, NULL, NULL},
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
	if (!keep_sup)
		supervisor_free(sup);
	event_free(step_timer);
	event_base_free(base);
	return status;
}

static inline unsigned
count(enum slot_state state)
{
	struct supervisor_child m;
	unsigned n = 0;

	for (unsigned i = 0; i < supervisor_slots(sup); i++) {
		supervisor_child_snapshot(sup, i, &m);
		n += m.state == state;
	}
	return n;
}

static inline pid_t
pid_of(unsigned slot)
{
	struct supervisor_child m;

	supervisor_child_snapshot(sup, slot, &m);
	return m.state == SLOT_READY ? m.pid : 0;
}

static void
stop(void)
{
	cr_assert_eq(kill(getpid(), SIGTERM), 0);
}

#endif
