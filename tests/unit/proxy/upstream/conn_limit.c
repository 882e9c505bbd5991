/* conn_limit: few connections, many workers, nobody starved, nothing lost with the dead. */
#include "conn_limit.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taken_over_fixture.h"

enum { WORKERS = 4, SERVERS = 3 };

static struct permits *p;

static void
open_permits(void)
{
	p = permits_new(SERVERS, WORKERS);
	cr_assert_not_null(p);
	for (unsigned w = 0; w < WORKERS; w++)
		permits_admit(p, w);
}

static void
close_permits(void)
{
	permits_free(p);
}

TestSuite(permit, .init = open_permits, .fini = close_permits, .timeout = 60);

static bool
told(unsigned worker)
{
	struct pollfd f = {.fd = conn_limit_descriptor(p, worker), .events = POLLIN};

	if (poll(&f, 1, 0) != 1)
		return false;
	conn_limit_heard(p, worker);
	return true;
}

Test(permit, as_many_are_given_as_there_are_slots)
{
	int first = conn_limit_take(p, 0, 2, 0), second = conn_limit_take(p, 0, 2, 1);

	cr_assert(first >= 0 && second >= 0);
	cr_assert_eq(conn_limit_take(p, 0, 2, 2), CONN_LIMIT_NONE);
	cr_assert_geq(conn_limit_take(p, 1, 1, 2), 0, "another server is another matter");
	cr_assert_eq(conn_limit_held(p, 0), 2);
	conn_limit_give(p, 0, first, 0);
	cr_assert_geq(conn_limit_take(p, 0, 2, 2), 0);
}

Test(permit, what_is_held_and_who_waits_is_told_of_all_servers)
{
	int held = conn_limit_take(p, 0, 1, 0);

	cr_assert(conn_limit_take(p, 1, 2, 0) >= 0 && conn_limit_take(p, 1, 2, 1) >= 0);
	cr_assert(conn_limit_take(p, 0, 1, 1) == CONN_LIMIT_NONE &&
		  conn_limit_take(p, 0, 1, 2) == CONN_LIMIT_NONE);
	struct conn_limit_use use = permits_use(p, SERVERS);
	cr_assert(use.held == 3 && use.waiting == 2, "%u, %u", use.held, use.waiting);
	cr_assert_eq(permits_use(p, 1).held, 1, "that of the first alone");
	conn_limit_forget(p, 0, 1);
	conn_limit_forget(p, 0, 2);
	conn_limit_give(p, 0, held, 0);
	use = permits_use(p, SERVERS);
	cr_assert(use.held == 2 && use.waiting == 0, "%u, %u", use.held, use.waiting);
}

Test(permit, who_only_tries_does_not_wait)
{
	int held = conn_limit_try(p, 0, 1, 0);

	cr_assert_geq(held, 0);
	cr_assert_eq(conn_limit_try(p, 0, 1, 1), CONN_LIMIT_NONE);
	cr_assert(!told(0), "nobody is asked to hurry");
	conn_limit_give(p, 0, held, 0);
	cr_assert(!told(1), "it is told though it does not wait");
	cr_assert_geq(conn_limit_try(p, 0, 1, 2), 0);
	cr_assert_eq(conn_limit_try(p, 0, CONN_LIMIT_MAX, 3), CONN_LIMIT_UNBOUNDED);
}

Test(permit, many_slots_are_not_bounded)
{
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(conn_limit_take(p, 0, CONN_LIMIT_MAX, 0), CONN_LIMIT_UNBOUNDED);
	conn_limit_give(p, 0, CONN_LIMIT_UNBOUNDED, 0);
	cr_assert_eq(conn_limit_held(p, 0), 0);
}

Test(permit, workers_that_could_exceed_the_slots_together_are_bounded)
{
	unsigned slots = conn_limit_slots(p, 100, 26); /* 4 workers with 26 each */

	cr_assert_lt(slots, CONN_LIMIT_MAX);
	for (unsigned i = 0; i < slots; i++)
		cr_assert_geq(conn_limit_take(p, 0, slots, i % WORKERS), 0);
	cr_assert_eq(conn_limit_take(p, 0, slots, 0), CONN_LIMIT_NONE);
	cr_assert_eq(conn_limit_slots(p, 100, 25), 100, "they can't");
	cr_assert_eq(conn_limit_slots(p, 2, 100), 2);
}

Test(permit, it_is_handed_to_those_who_wait_in_turn)
{
	int held = conn_limit_take(p, 0, 1, 0);

	for (unsigned w = 1; w < WORKERS; w++)
		cr_assert_eq(conn_limit_take(p, 0, 1, w), CONN_LIMIT_NONE);
	cr_assert(told(0), "the holder is told that it is wanted");
	for (unsigned w = 1; w < WORKERS; w++) {
		conn_limit_give(p, 0, held, w - 1);
		for (unsigned other = 0; other < WORKERS; other++)
			cr_assert_eq(told(other), other == w, "%u was told, not only %u", other, w);
		held = conn_limit_take(p, 0, 1, w);
		cr_assert_geq(held, 0);
	}
	cr_assert_eq(conn_limit_take(p, 0, 1, 0), CONN_LIMIT_NONE);
}

Test(permit, one_that_was_handed_over_is_nobody_elses)
{
	int held = conn_limit_take(p, 0, 1, 0);

	cr_assert_eq(conn_limit_take(p, 0, 1, 1), CONN_LIMIT_NONE);
	conn_limit_give(p, 0, held, 0);
	cr_assert_eq(conn_limit_take(p, 0, 1, 2), CONN_LIMIT_NONE);
	cr_assert_geq(conn_limit_take(p, 0, 1, 1), 0);
}

Test(permit, who_gives_and_waits_gets_its_turn_after_the_others)
{
	int held = conn_limit_take(p, 0, 1, 0);

	cr_assert_eq(conn_limit_take(p, 0, 1, 1), CONN_LIMIT_NONE);
	cr_assert_eq(conn_limit_take(p, 0, 1, 0), CONN_LIMIT_NONE, "it wants a second one");
	cr_assert(conn_limit_wanted(p, 0, 0));
	conn_limit_give(p, 0, held, 0);
	cr_assert_eq(conn_limit_take(p, 0, 1, 0), CONN_LIMIT_NONE);
	cr_assert_geq(conn_limit_take(p, 0, 1, 1), 0);
}

Test(permit, one_is_owed_to_a_worker_that_waits_and_has_fewer)
{
	cr_assert_geq(conn_limit_take(p, 0, 3, 0), 0);
	cr_assert_geq(conn_limit_take(p, 0, 3, 1), 0);
	cr_assert_geq(conn_limit_take(p, 0, 3, 1), 0);
	cr_assert(!conn_limit_owed(p, 0, 1), "nobody waits");
	cr_assert_eq(conn_limit_take(p, 0, 3, 1), CONN_LIMIT_NONE);
	cr_assert(!conn_limit_owed(p, 0, 0) && conn_limit_wanted(p, 0, 0));
	cr_assert_eq(conn_limit_take(p, 0, 3, 0), CONN_LIMIT_NONE);
	cr_assert(conn_limit_owed(p, 0, 1) && !conn_limit_owed(p, 0, 0));
	cr_assert_eq(conn_limit_take(p, 0, 3, 2), CONN_LIMIT_NONE);
	cr_assert(conn_limit_owed(p, 0, 0), "the third has none, though others wait for longer");
	conn_limit_give(p, 0, 0, 1);
	cr_assert_eq(conn_limit_take(p, 0, 3, 2), CONN_LIMIT_NONE);
	cr_assert_geq(conn_limit_take(p, 0, 3, 0), 0);
}

Test(permit, one_handed_to_a_worker_that_waits_no_more_goes_on)
{
	int held = conn_limit_take(p, 0, 1, 0);

	cr_assert_eq(conn_limit_take(p, 0, 1, 1), CONN_LIMIT_NONE);
	cr_assert_eq(conn_limit_take(p, 0, 1, 2), CONN_LIMIT_NONE);
	conn_limit_give(p, 0, held, 0);
	conn_limit_forget(p, 0, 1);
	cr_assert_geq(conn_limit_take(p, 0, 1, 2), 0);
	cr_assert(!conn_limit_wanted(p, 0, 2));
}

Test(permit, what_a_dead_worker_held_or_was_handed_is_free_again)
{
	cr_assert_geq(conn_limit_take(p, 0, 2, 3), 0);
	cr_assert_geq(conn_limit_take(p, 0, 2, 3), 0);
	cr_assert_eq(conn_limit_take(p, 0, 2, 1), CONN_LIMIT_NONE);
	conn_limit_release_all(p, 3);
	cr_assert(told(1));
	cr_assert_geq(conn_limit_take(p, 0, 2, 1), 0);
	cr_assert_geq(conn_limit_take(p, 0, 2, 2), 0);
	cr_assert_eq(conn_limit_take(p, 0, 2, 0), CONN_LIMIT_NONE);
	conn_limit_release_all(p, 1); /* handed to 0, which dies before it takes it up */
	conn_limit_release_all(p, 0);
	cr_assert_eq(conn_limit_held(p, 0), 1);
}

/* ---- many at once ---- */

struct arena {
	_Atomic int inside;
	_Atomic int violations;
	_Atomic unsigned long turns[WORKERS];
};

static void
take_turns(struct arena *a, unsigned worker, unsigned long n)
{
	if (permits_enter(p, worker) < 0)
		_exit(4);
	while (atomic_load(&a->turns[worker]) < n) {
		int got = conn_limit_take(p, 0, 1, worker);
		if (got == CONN_LIMIT_NONE) {
			struct pollfd f = {.fd = conn_limit_descriptor(p, worker),
					   .events = POLLIN};
			if (poll(&f, 1, 5000) != 1)
				_exit(3); /* never told: a lost wake-up */
			conn_limit_heard(p, worker);
			continue;
		}
		if (atomic_fetch_add(&a->inside, 1) != 0)
			atomic_fetch_add(&a->violations, 1);
		atomic_fetch_sub(&a->inside, 1);
		atomic_fetch_add(&a->turns[worker], 1);
		conn_limit_give(p, 0, got, worker);
	}
	_exit(0);
}

Test(permit, four_processes_never_hold_the_same_one_and_never_wait_for_ever)
{
	struct arena *a = mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	pid_t pid[WORKERS];

	cr_assert_neq(a, MAP_FAILED);
	for (unsigned w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		cr_assert_geq(pid[w], 0);
		if (pid[w] == 0)
			take_turns(a, w, 20000);
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		int status;
		cr_assert_eq(waitpid(pid[w], &status, 0), pid[w]);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "worker %u: %x", w,
			  (unsigned)status);
	}
	cr_assert_eq(atomic_load(&a->violations), 0);
	cr_assert_eq(conn_limit_held(p, 0), 0);
}

/* ---- a worker that was taken over ---- */

static int
enter(void)
{
	return permits_enter(p, 3);
}

/* As many as there are, or fewer. */
static unsigned
taken_by_others(unsigned slots)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 12; i++)
		n += conn_limit_take(p, 0, slots, i % 3) == CONN_LIMIT_TAKEN;
	return n;
}

Test(permit, whatever_a_taken_over_worker_says_others_never_hold_more_than_there_are)
{
	for (unsigned i = 0; i < HOSTILE; i++) {
		cr_assert_eq(conn_limit_take(p, 0, 2, 0), CONN_LIMIT_TAKEN);
		take_over(enter, hostile[i]);
		cr_assert_leq(taken_by_others(2), 1);
		for (unsigned w = 0; w < 3; w++)
			conn_limit_release_all(p, w);
		for (unsigned w = 0; w < 3; w++)
			permits_admit(p, w);
		conn_limit_restate(p, 3);
	}
}

Test(permit, what_a_taken_over_worker_claimed_is_free_once_it_is_dead)
{
	for (unsigned i = 0; i < HOSTILE; i++) {
		int held = conn_limit_take(p, 1, 1, 0);
		cr_assert_eq(held, CONN_LIMIT_TAKEN);
		take_over(enter, hostile[i]);
		conn_limit_release_all(p, 3);
		cr_assert_eq(conn_limit_held(p, 1), 1, "that of the other worker");
		cr_assert_eq(conn_limit_held(p, 2), 0);
		conn_limit_give(p, 1, held, 0);
		permits_admit(p, 3);
	}
}

Test(permit, a_row_that_was_overwritten_is_put_right_by_its_worker)
{
	cr_assert_eq(conn_limit_take(p, 0, 2, 3), CONN_LIMIT_TAKEN);
	for (unsigned i = 0; i < HOSTILE; i++) {
		take_over(enter, hostile[i]);
		conn_limit_restate(p, 3);
		cr_assert_eq(conn_limit_held(p, 0), 1);
		cr_assert_eq(conn_limit_held(p, 2), 0);
	}
	conn_limit_give(p, 0, CONN_LIMIT_TAKEN, 3);
	cr_assert_eq(conn_limit_held(p, 0), 0);
}

/* Takes turns as long as it is let, and tries again without being told. */
static void
take_in_vain(struct arena *a, unsigned worker, unsigned tries)
{
	if (permits_enter(p, worker) < 0)
		_exit(4);
	while (tries-- > 0) {
		int got = conn_limit_take(p, 0, 1, worker);
		if (got != CONN_LIMIT_TAKEN)
			continue;
		if (atomic_fetch_add(&a->inside, 1) != 0)
			atomic_fetch_add(&a->violations, 1);
		(void)sched_yield();
		atomic_fetch_sub(&a->inside, 1);
		conn_limit_give(p, 0, got, worker);
	}
	conn_limit_forget(p, 0, worker);
	_exit(0);
}

/* It claims and waits for what it likes, as quickly as it can. */
static void
rave(void)
{
	uint64_t word = 1;

	if (enter() < 0)
		_exit(1);
	for (;;) {
		word ^= word << 13;
		word ^= word >> 7;
		word ^= word << 17;
		(void)overwrite_all(word % 3 == 0 ? word : hostile[word % HOSTILE]);
	}
}

Test(permit, beside_a_worker_that_raves_no_two_others_hold_the_same_one)
{
	struct arena *a = mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	pid_t mad, pid[WORKERS - 1];

	cr_assert_neq(a, MAP_FAILED);
	mad = fork();
	cr_assert_geq(mad, 0);
	if (mad == 0) {
		(void)munmap(a, sizeof *a); /* the judge's */
		rave();
	}
	for (unsigned w = 0; w < WORKERS - 1; w++) {
		pid[w] = fork();
		cr_assert_geq(pid[w], 0);
		if (pid[w] == 0)
			take_in_vain(a, w, 3000);
	}
	for (unsigned w = 0; w < WORKERS - 1; w++) {
		int status;
		cr_assert_eq(waitpid(pid[w], &status, 0), pid[w]);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	}
	(void)kill(mad, SIGKILL);
	cr_assert_eq(waitpid(mad, NULL, 0), mad);
	cr_assert_eq(atomic_load(&a->violations), 0);
	cr_assert_eq(conn_limit_held(p, 0) <= CONN_LIMIT_MAX, 1);
	conn_limit_release_all(p, WORKERS - 1);
	cr_assert_eq(conn_limit_held(p, 0), 0);
}
