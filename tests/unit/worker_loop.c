/* worker_loop: real events on a real base, both ways of waiting for them. */
#include "worker_loop.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
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

/* As after a short wait. */
static struct busypoll
that_looks(unsigned limit, unsigned vain)
{
	return (struct busypoll){.limit_us = limit, .kind[0] = {.soon = true, .vain = vain}};
}

Test(worker_loop, events_are_served_until_it_is_broken_off)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct busypoll b = {.limit_us = limits[i]};
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
		struct busypoll b = that_looks(limits[i], 0);
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
		struct busypoll b = that_looks(LONG_US, 8);

		come_in(300);
		cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
		cr_expect_eq(served, 1);
		cr_expect(b.kind[0].vain == 4 || b.left_off_us > 0, "%u", b.kind[0].vain);
	}
}

Test(worker_loop, a_look_in_vain_ends_in_time_and_is_counted)
{
	struct busypoll b = that_looks(100, 0);

	come_in(100000);
	cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
	cr_expect_eq(served, 1);
	cr_expect_eq(b.kind[0].vain, 1);
	cr_expect_eq(b.kind[0].skip, 1);
	cr_expect(!b.kind[0].soon);
}

Test(worker_loop, a_wait_that_was_slept_through_is_judged_by_its_length)
{
	struct busypoll b = {.limit_us = LONG_US};

	come_in(1000);
	cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
	cr_expect(b.kind[0].soon);
	cr_expect_eq(b.kind[0].vain, 0, "it did not look");
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
	struct busypoll b = {.limit_us = LONG_US};
	const struct timeval often = {.tv_usec = 100};
	unsigned last = 2;
	struct event *e = event_new(base, -1, EV_PERSIST, serve, &last);

	cr_assert(e != NULL && event_add(e, &often) == 0);
	cr_assert_eq(worker_loop(base, &b, expects, &asked), 0);
	cr_expect_eq(asked, 2);
	cr_expect(b.kind[false].soon);
	cr_expect(b.kind[true].soon);
	event_free(e);
}

Test(worker_loop, events_that_come_at_a_time_are_counted)
{
	struct busypoll b = {.limit_us = LONG_US};
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
	struct busypoll b = {.limit_us = 0};
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
		struct busypoll b = that_looks(limits[i], 0);
		cr_expect_eq(worker_loop(base, &b, NULL, NULL), 0, "%u us", limits[i]);
	}
}

static void
within(evutil_socket_t fd, short what, void *arg)
{
	struct busypoll *b = arg;

	(void)fd;
	(void)what;
	cr_expect_eq(worker_loop(base, b, NULL, NULL), -1, "%u us", b->limit_us);
	served++;
}

Test(worker_loop, that_the_loop_fails_is_told)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct busypoll b = that_looks(limits[i], 0), inner = b;
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
	struct busypoll b = that_looks(LONG_US, 0);

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
	struct busypoll b;
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

Test(worker_loop, time_in_which_others_had_the_processor_is_no_wait)
{
	struct busypoll b = {.limit_us = 0};
	pid_t pid;

	warm_up();
	pid = never_pause();
	/* It comes while the other has its turn, which is longer than a wait that is short. */
	for (int i = 0; i < 100 && !(b.left_off_us > 0 && b.kind[0].soon); i++) {
		b = that_looks(100, 0);
		come_in(1000);
		cr_assert_eq(worker_loop(base, &b, NULL, NULL), 0);
	}
	cr_expect_gt(b.left_off_us, 0);
	cr_expect(b.kind[0].soon);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}
