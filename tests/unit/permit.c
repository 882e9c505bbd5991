/* permit: few connections, many workers, nobody starved, nothing lost with the dead. */
#include "permit.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 4, SERVERS = 3 };

static struct permits *p;

static void
open_permits(void)
{
	p = permits_new(SERVERS, WORKERS);
	cr_assert_not_null(p);
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
	struct pollfd f = {.fd = permit_descriptor(p, worker), .events = POLLIN};

	if (poll(&f, 1, 0) != 1)
		return false;
	permit_heard(p, worker);
	return true;
}

Test(permit, as_many_are_given_as_there_are_slots)
{
	int first = permit_take(p, 0, 2, 0), second = permit_take(p, 0, 2, 1);

	cr_assert(first >= 0 && second >= 0 && first != second);
	cr_assert_eq(permit_take(p, 0, 2, 2), PERMIT_NONE);
	cr_assert_geq(permit_take(p, 1, 1, 2), 0, "another server is another matter");
	cr_assert_eq(permit_held(p, 0), 2);
	permit_give(p, 0, first, 0);
	cr_assert_geq(permit_take(p, 0, 2, 2), 0);
}

Test(permit, who_only_tries_does_not_wait)
{
	int held = permit_try(p, 0, 1, 0);

	cr_assert_geq(held, 0);
	cr_assert_eq(permit_try(p, 0, 1, 1), PERMIT_NONE);
	cr_assert(!told(0), "nobody is asked to hurry");
	permit_give(p, 0, held, 0);
	cr_assert(!told(1), "it is told though it does not wait");
	cr_assert_geq(permit_try(p, 0, 1, 2), 0);
	cr_assert_eq(permit_try(p, 0, PERMIT_MAX, 3), PERMIT_UNBOUNDED);
}

Test(permit, many_slots_are_not_bounded)
{
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(permit_take(p, 0, PERMIT_MAX, 0), PERMIT_UNBOUNDED);
	permit_give(p, 0, PERMIT_UNBOUNDED, 0);
	cr_assert_eq(permit_held(p, 0), 0);
}

Test(permit, workers_that_could_exceed_the_slots_together_are_bounded)
{
	unsigned slots = permit_slots(p, 100, 26); /* 4 workers with 26 each */

	cr_assert_lt(slots, PERMIT_MAX);
	for (unsigned i = 0; i < slots; i++)
		cr_assert_geq(permit_take(p, 0, slots, i % WORKERS), 0);
	cr_assert_eq(permit_take(p, 0, slots, 0), PERMIT_NONE);
	cr_assert_eq(permit_slots(p, 100, 25), 100, "they can't");
	cr_assert_eq(permit_slots(p, 2, 100), 2);
}

Test(permit, it_is_handed_to_those_who_wait_in_turn)
{
	int held = permit_take(p, 0, 1, 0);

	for (unsigned w = 1; w < WORKERS; w++)
		cr_assert_eq(permit_take(p, 0, 1, w), PERMIT_NONE);
	cr_assert(told(0), "the holder is told that it is wanted");
	for (unsigned w = 1; w < WORKERS; w++) {
		permit_give(p, 0, held, w - 1);
		for (unsigned other = 0; other < WORKERS; other++)
			cr_assert_eq(told(other), other == w, "%u was told, not only %u", other, w);
		held = permit_take(p, 0, 1, w);
		cr_assert_geq(held, 0);
	}
	cr_assert_eq(permit_take(p, 0, 1, 0), PERMIT_NONE);
}

Test(permit, one_that_was_handed_over_is_nobody_elses)
{
	int held = permit_take(p, 0, 1, 0);

	cr_assert_eq(permit_take(p, 0, 1, 1), PERMIT_NONE);
	permit_give(p, 0, held, 0);
	cr_assert_eq(permit_take(p, 0, 1, 2), PERMIT_NONE);
	cr_assert_geq(permit_take(p, 0, 1, 1), 0);
}

Test(permit, who_gives_and_waits_gets_its_turn_after_the_others)
{
	int held = permit_take(p, 0, 1, 0);

	cr_assert_eq(permit_take(p, 0, 1, 1), PERMIT_NONE);
	cr_assert_eq(permit_take(p, 0, 1, 0), PERMIT_NONE, "it wants a second one");
	cr_assert(permit_wanted(p, 0, 0));
	permit_give(p, 0, held, 0);
	cr_assert_eq(permit_take(p, 0, 1, 0), PERMIT_NONE);
	cr_assert_geq(permit_take(p, 0, 1, 1), 0);
}

Test(permit, one_handed_to_a_worker_that_waits_no_more_goes_on)
{
	int held = permit_take(p, 0, 1, 0);

	cr_assert_eq(permit_take(p, 0, 1, 1), PERMIT_NONE);
	cr_assert_eq(permit_take(p, 0, 1, 2), PERMIT_NONE);
	permit_give(p, 0, held, 0);
	permit_forget(p, 0, 1);
	cr_assert_geq(permit_take(p, 0, 1, 2), 0);
	cr_assert(!permit_wanted(p, 0, 2));
}

Test(permit, what_a_dead_worker_held_or_was_handed_is_free_again)
{
	cr_assert_geq(permit_take(p, 0, 2, 3), 0);
	cr_assert_geq(permit_take(p, 0, 2, 3), 0);
	cr_assert_eq(permit_take(p, 0, 2, 1), PERMIT_NONE);
	permit_release_all(p, 3);
	cr_assert(told(1));
	cr_assert_geq(permit_take(p, 0, 2, 1), 0);
	cr_assert_geq(permit_take(p, 0, 2, 2), 0);
	cr_assert_eq(permit_take(p, 0, 2, 0), PERMIT_NONE);
	permit_release_all(p, 1); /* handed to 0, which dies before it takes it up */
	permit_release_all(p, 0);
	cr_assert_eq(permit_held(p, 0), 1);
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
	while (atomic_load(&a->turns[worker]) < n) {
		int got = permit_take(p, 0, 1, worker);
		if (got == PERMIT_NONE) {
			struct pollfd f = {.fd = permit_descriptor(p, worker), .events = POLLIN};
			if (poll(&f, 1, 5000) != 1)
				_exit(3); /* never told: a lost wake-up */
			permit_heard(p, worker);
			continue;
		}
		if (atomic_fetch_add(&a->inside, 1) != 0)
			atomic_fetch_add(&a->violations, 1);
		atomic_fetch_sub(&a->inside, 1);
		atomic_fetch_add(&a->turns[worker], 1);
		permit_give(p, 0, got, worker);
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
	cr_assert_eq(permit_held(p, 0), 0);
}
