/* worker_loop: real events on a real base, both ways of waiting for them. */
#include "worker_loop.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONG_US = 1000000 };

static const unsigned limits[] = {0, 20, LONG_US};
static struct event_base *base;
static unsigned served;

static void
begin(void)
{
	base = event_base_new();
	cr_assert_not_null(base);
	served = 0;
}

static void
end(void)
{
	event_base_free(base);
}

TestSuite(worker_loop, .init = begin, .fini = end, .timeout = 20);

/* Counts, and ends the loop with the event that arg says. */
static void
serve(evutil_socket_t fd, short what, void *arg)
{
	const unsigned *last = arg;

	(void)fd;
	(void)what;
	if (++served == *last)
		(void)event_base_loopbreak(base);
}

/* The loop ends with the first event, which comes in so long. */
static void
come_in(long us)
{
	static unsigned first = 1;
	const struct timeval t = {.tv_usec = us};

	served = 0;
	(void)event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, 1); /* of a loop before */
	cr_assert_eq(event_base_once(base, -1, EV_TIMEOUT, serve, &first, &t), 0);
}

static struct busy_poll
that_looks(unsigned limit, unsigned vain)
{
	return (struct busy_poll){.limit_us = limit, .kind[0].vain = vain};
}

Test(worker_loop, events_are_served_until_it_is_broken_off)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct busy_poll b = {.limit_us = limits[i]};
		const struct timeval often = {.tv_usec = 100};
		unsigned last = 100;
		struct event *e = event_new(base, -1, EV_PERSIST, serve, &last);

		served = 0;
		cr_assert(e != NULL && event_add(e, &often) == 0);
		cr_expect_eq(worker_loop(base, &b, NULL, NULL), 0, "%u us", limits[i]);
		cr_expect_eq(served, last, "%u us", limits[i]);
		event_free(e);
	}
}

static void
pass_on(evutil_socket_t fd, short what, void *arg)
{
	const int *to = arg;
	char c;

	(void)what;
	cr_assert_eq(read(fd, &c, 1), 1);
	cr_assert_eq(write(*to, &c, 1), 1);
}

static void
take(evutil_socket_t fd, short what, void *arg)
{
	char c;

	cr_assert_eq(read(fd, &c, 1), 1);
	serve(fd, what, arg);
}

Test(worker_loop, what_comes_of_an_event_is_served_too)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct busy_poll b = that_looks(limits[i], 0);
		unsigned last = 1;
		int first[2], second[2];

		served = 0;
		cr_assert(pipe(first) == 0 && pipe(second) == 0 && write(first[1], "x", 1) == 1);
		cr_assert_eq(event_base_once(base, second[0], EV_READ, take, &last, NULL), 0);
		cr_assert_eq(event_base_once(base, first[0], EV_READ, pass_on, &second[1], NULL),
			     0);
		cr_expect_eq(worker_loop(base, &b, NULL, NULL), 0, "%u us", limits[i]);
		cr_expect_eq(served, 1, "%u us", limits[i]);
	}
}

Test(worker_loop, what_comes_while_it_looks_is_served_without_sleeping)
{
	/* But for who shares the processor with somebody just then. */
	for (int i = 0; i < 20; i++) {
		struct busy_poll b = that_looks(LONG_US, 8);

		come_in(300);
		cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
		cr_expect_eq(served, 1);
		cr_expect(b.kind[0].vain == 4 || b.left_off_us > 0, "%u", b.kind[0].vain);
	}
}

Test(worker_loop, a_look_in_vain_ends_in_time_and_is_counted)
{
	struct busy_poll b = that_looks(100, 0);

	come_in(100000);
	cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
	cr_expect_eq(served, 1);
	cr_expect_eq(b.kind[0].vain, 1);
	cr_expect_eq(b.kind[0].skip, 1);
}

Test(worker_loop, a_wait_that_is_slept_through_brings_the_next_look_nearer)
{
	struct busy_poll b = {.limit_us = LONG_US, .kind[0] = {.vain = 3, .skip = 3}};

	come_in(1000);
	cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
	cr_expect_eq(b.kind[0].skip, 2);
	cr_expect_eq(b.kind[0].vain, 3, "it did not look");
	cr_expect_eq(b.crowd, 0, "the last turn's are not counted");
}

static unsigned asked;

static bool
expects(void *state)
{
	cr_assert_eq(state, &asked);
	asked++;
	return asked > 1;
}

Test(worker_loop, whether_an_answer_is_expected_is_asked_before_each_wait)
{
	struct busy_poll b = {.limit_us = LONG_US, .kind = {{.vain = 8}, {.vain = 8}}};
	const struct timeval often = {.tv_usec = 100};
	unsigned last = 2;
	struct event *e = event_new(base, -1, EV_PERSIST, serve, &last);

	cr_assert(e != NULL && event_add(e, &often) == 0);
	cr_assert_eq(worker_loop(base, &b, expects, &asked), 0);
	cr_expect_eq(asked, 2);
	cr_expect(b.kind[false].vain == 4 || b.left_off_us > 0);
	cr_expect(b.kind[true].vain == 4 || b.left_off_us > 0);
	event_free(e);
}

Test(worker_loop, events_that_come_at_a_time_are_counted)
{
	struct busy_poll b = {.limit_us = LONG_US};
	const struct timeval now = {0}, later = {.tv_usec = 200000};
	unsigned never = 0;

	for (int i = 0; i < 5; i++)
		cr_assert_eq(event_base_once(base, -1, EV_TIMEOUT, serve, &never, &now), 0);
	cr_assert_eq(event_base_once(base, -1, EV_TIMEOUT, serve, &never, &later), 0);
	cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
	cr_expect_eq(served, 6);
	cr_expect_eq(b.crowd, 5, "five, and then one instead of one");
}

Test(worker_loop, without_a_limit_nothing_is_counted)
{
	struct busy_poll b = {.limit_us = 0};
	const struct timeval often = {.tv_usec = 100};
	unsigned last = 10;
	struct event *e = event_new(base, -1, EV_PERSIST, serve, &last);

	cr_assert(e != NULL && event_add(e, &often) == 0);
	cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
	cr_expect_eq(served, last);
	cr_expect_eq(b.crowd, 0);
	event_free(e);
}

Test(worker_loop, it_ends_when_there_is_nothing_to_wait_for)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct busy_poll b = that_looks(limits[i], 0);
		cr_expect_eq(worker_loop(base, &b, NULL, NULL), 0, "%u us", limits[i]);
	}
}

static void
within(evutil_socket_t fd, short what, void *arg)
{
	struct busy_poll *b = arg;

	(void)fd;
	(void)what;
	cr_expect_eq(worker_loop(base, b, NULL, NULL), -1, "%u us", b->limit_us);
	served++;
}

Test(worker_loop, that_the_loop_fails_is_told)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct busy_poll b = that_looks(limits[i], 0), inner = b;
		struct timeval now = {0};

		served = 0;
		cr_assert_eq(event_base_once(base, -1, EV_TIMEOUT, within, &inner, &now), 0);
		cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
		cr_expect_eq(served, 1);
	}
}

/* A child on the only processor that both may use, which never pauses. */
static pid_t
never_pause(void)
{
	cpu_set_t one;
	pid_t pid;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)alarm(20);
		for (;;)
			;
	}
	return pid;
}

/* Whatever runs for the first time has run then. */
static void
warm_up(void)
{
	struct busy_poll b = that_looks(LONG_US, 0);

	come_in(1000);
	cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
}

static int64_t
used_us(void)
{
	struct timespec t;

	cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

Test(worker_loop, the_processor_is_given_away_between_looks)
{
	struct busy_poll b;
	int64_t used = LONG_US;
	pid_t pid;

	warm_up();
	pid = never_pause();
	/* Its turn would be longer. */
	for (int i = 0; i < 3 && used >= 1000; i++) {
		b = that_looks(LONG_US, 0);
		come_in(200000);
		used = used_us();
		cr_expect_eq(worker_loop(base, &b, NULL, NULL), 0);
		used = used_us() - used;
		cr_expect_gt(b.left_off_us, 0);
		cr_expect_eq(b.kind[0].vain, 1, "and slept then");
	}
	cr_expect_lt(used, 1000, "%lld us", (long long)used);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

/* ---- busy polling ---- */

enum { LIMIT = 20, NOW = 1000000 };

Test(busy_poll, without_a_limit_it_never_looks)
{
	struct busy_poll b = that_looks(LIMIT, 0);

	cr_expect(busy_poll_may(&b, false, NOW));
	b.limit_us = 0;
	cr_expect(!busy_poll_may(&b, false, NOW));
}

Test(busy_poll, waits_for_an_answer_and_for_a_question_are_judged_apart)
{
	struct busy_poll b = {.limit_us = LIMIT};

	busy_poll_slept(&b, true, true);
	cr_expect(!busy_poll_may(&b, true, NOW), "it was in vain");
	cr_expect(busy_poll_may(&b, false, NOW));
	busy_poll_slept(&b, true, false);
	cr_expect(busy_poll_may(&b, true, NOW));
	busy_poll_slept(&b, false, true);
	cr_expect(busy_poll_may(&b, true, NOW));
	cr_expect(!busy_poll_may(&b, false, NOW));
}

static void
find(struct busy_poll *b, unsigned events, unsigned times)
{
	while (times-- > 0)
		busy_poll_found(b, events);
}

Test(busy_poll, where_many_come_at_a_time_it_sleeps)
{
	struct busy_poll b = that_looks(LIMIT, 0);

	find(&b, 2, 1000);
	cr_expect(busy_poll_may(&b, false, NOW));
	find(&b, 3, 1000);
	cr_expect(!busy_poll_may(&b, false, NOW));
	cr_expect(!busy_poll_may(&b, true, NOW));
}

Test(busy_poll, one_crowd_is_no_rule)
{
	struct busy_poll b = that_looks(LIMIT, 0);

	find(&b, 1, 1000);
	find(&b, 10, 1);
	cr_expect(busy_poll_may(&b, false, NOW));
	find(&b, 10, 10);
	cr_expect(!busy_poll_may(&b, false, NOW));
}

Test(busy_poll, a_crowd_is_forgotten_when_few_come_again)
{
	for (unsigned few = 1; few <= 2; few++) {
		struct busy_poll b = that_looks(LIMIT, 0);

		find(&b, 64, 1000);
		cr_expect(!busy_poll_may(&b, false, NOW));
		find(&b, few, 100);
		cr_expect(busy_poll_may(&b, false, NOW), "%u at a time: %u", few, b.crowd);
	}
}

Test(busy_poll, it_leaves_off_for_a_while_when_somebody_wants_the_processor)
{
	struct busy_poll b = that_looks(LIMIT, 0);

	cr_expect(busy_poll_gave_way(&b, 50, NOW));
	cr_expect(busy_poll_may(&b, false, NOW));
	cr_expect(!busy_poll_gave_way(&b, 51, NOW));
	cr_expect(!busy_poll_may(&b, false, NOW));
	cr_expect(!busy_poll_may(&b, true, NOW + 9999));
	cr_expect(busy_poll_may(&b, false, NOW + 10000));
}

/* How many waits are slept through before it looks again. */
static unsigned
slept_through(struct busy_poll *b)
{
	unsigned n = 0;

	for (; !busy_poll_may(b, false, NOW) && n < 1000; n++)
		busy_poll_slept(b, false, false);
	return n;
}

Test(busy_poll, looks_in_vain_become_rare_and_never_end)
{
	static const unsigned wanted[] = {1, 3, 7, 15, 31, 63, 63, 63};
	struct busy_poll b = that_looks(LIMIT, 0);

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		cr_assert(busy_poll_may(&b, false, NOW));
		busy_poll_slept(&b, false, true);
		cr_expect_eq(slept_through(&b), wanted[i]);
	}
}

Test(busy_poll, looks_that_were_not_in_vain_make_up_for_those_that_were)
{
	struct busy_poll b = that_looks(LIMIT, 0);

	for (int i = 0; i < 6; i++) {
		busy_poll_slept(&b, false, true);
		(void)slept_through(&b);
	}
	busy_poll_spared(&b, false);
	busy_poll_spared(&b, false);
	cr_expect(busy_poll_may(&b, false, NOW), "it goes on after one that was not");
	busy_poll_slept(&b, false, true);
	cr_expect_eq(slept_through(&b), 31, "63, 31, 15, and twice that and one");
	for (int i = 0; i < 10; i++)
		busy_poll_spared(&b, false);
	busy_poll_slept(&b, false, true);
	cr_expect_eq(slept_through(&b), 1, "as if there had been none");
}

/* ---- free memory: of glibc's allocator, which AddressSanitizer replaces ---- */

#ifndef __SANITIZE_ADDRESS__
enum { BLOCKS = 512, BLOCK = 32768 };

/* Freed, and kept by the allocator. */
static void
leave_free(void)
{
	static void *block[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		cr_assert_not_null(block[i]);
		memset(block[i], 1, BLOCK);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
}

static size_t
held(void)
{
	return mallinfo2().arena;
}

Test(heap_trim, what_is_free_is_kept_while_there_is_work_and_given_back_afterwards)
{
	struct heap_trim m = {0};
	size_t before, after;

	heap_trim_init();
	before = held();
	leave_free();
	cr_assert_geq(held(), before + BLOCKS / 2 * BLOCK, "it is kept");
	heap_trim(&m, 1);
	heap_trim(&m, 2);
	cr_assert_geq(held(), before + BLOCKS / 2 * BLOCK, "there is work");
	heap_trim(&m, 2);
	after = held();
	cr_expect_lt(after, before + BLOCKS / 2 * BLOCK);
	leave_free();
	heap_trim(&m, 2);
	cr_expect_geq(held(), before + BLOCKS / 2 * BLOCK, "once, until there is work again");
	heap_trim(&m, 3);
	heap_trim(&m, 3);
	cr_expect_lt(held(), before + BLOCKS / 2 * BLOCK);
}
#endif
