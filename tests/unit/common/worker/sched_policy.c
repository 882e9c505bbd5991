/* sched_policy: the judgement, and what becomes of processes that go by it.  Each is a child, which
 * then has a policy of its own. */
#include "sched_policy.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIN = 10000, MAX = 640000, NOW = 5000 };

TestSuite(scheduling, .timeout = 30);

/* ---- the judgement ---- */

Test(scheduling, waits_that_are_long_on_the_average_end_batch)
{
	struct sched_policy s = {.batch = true, .pause = MIN};

	cr_expect(sched_policy_decide(&s, 100, 100 * 500000, NOW));
	cr_expect_eq(s.other_until, 0);
	cr_expect(!sched_policy_decide(&s, 100, 100 * 500001, NOW));
	cr_expect_eq(s.other_until, NOW + MIN);
}

Test(scheduling, few_runs_say_nothing)
{
	struct sched_policy s = {.batch = true, .pause = MIN};

	cr_expect(sched_policy_decide(&s, 0, 0, NOW));
	cr_expect(sched_policy_decide(&s, 31, 30000000000, NOW));
	cr_expect_eq(s.pause, MIN);
	cr_expect(!sched_policy_decide(&s, 32, 30000000000, NOW));
	cr_expect(sched_policy_decide(&s, 31, 0, NOW));
	cr_expect_eq(s.pause, 2 * MIN, "nor that all is well again");
}

Test(scheduling, batch_is_tried_again_when_the_pause_is_over)
{
	struct sched_policy s = {.other_until = NOW, .pause = MIN};

	cr_expect(!sched_policy_decide(&s, 0, 0, NOW - 1));
	cr_expect(sched_policy_decide(&s, 0, 0, NOW));
	cr_expect(sched_policy_decide(&s, 100, 3000000000, NOW),
		  "waits under SCHED_OTHER are none of batch");
	cr_expect_eq(s.other_until, NOW);
	cr_expect_eq(s.pause, MIN);
}

Test(scheduling, pauses_grow_each_time_it_comes_to_the_same)
{
	struct sched_policy s;

	sched_policy_open(&s, SCHED_POLICY_INHERIT);
	s.batch = true;
	for (uint64_t wanted = MIN; wanted <= MAX; wanted *= 2) {
		cr_expect(!sched_policy_decide(&s, 40, 30000000000, NOW));
		cr_expect_eq(s.other_until, NOW + wanted);
	}
	cr_expect(!sched_policy_decide(&s, 40, 30000000000, NOW));
	cr_expect_eq(s.other_until, NOW + MAX, "no further");
	cr_expect(sched_policy_decide(&s, 40, 0, NOW));
	cr_expect(!sched_policy_decide(&s, 40, 30000000000, NOW));
	cr_expect_eq(s.other_until, NOW + MIN, "all was well in between");
}

/* ---- in force ---- */

struct trial {
	int before; /* the policy that the child is started with */
	enum sched_policy_mode mode;
	const char *counts[3]; /* what the kernel tells at further looks, 20 s apart */
};

static bool
tell(int fd, const char *text)
{
	return ftruncate(fd, 0) == 0 && pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text);
}

/* In the child: the policy that it ends with. */
static int
go_by(const struct trial *t)
{
	const struct sched_param none = {0};
	struct sched_policy s;
	int fd = memfd_create("counts", MFD_CLOEXEC);

	if (fd < 0 || sched_setscheduler(0, t->before, &none) < 0)
		return 99;
	sched_policy_open(&s, t->mode);
	if (s.fd >= 0 && dup2(fd, s.fd) < 0)
		return 98;
	s.delay_ns = 5000000000;
	s.runs = 1000;
	for (size_t i = 0; i < 3 && t->counts[i] != NULL; i++) {
		if (!tell(fd, t->counts[i]))
			return 97;
		sched_policy_tick(&s, i * 20000);
	}
	sched_policy_close(&s);
	return s.fd == -1 ? sched_getscheduler(0) : 96;
}

static int
policy_after(struct trial t, int (*f)(const struct trial *))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(f(&t));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define UNDER(b, m) policy_after((struct trial){.before = b, .mode = m}, go_by)
#define AFTER(b, m, ...) \
	policy_after((struct trial){.before = b, .mode = m, .counts = {__VA_ARGS__}}, go_by)

Test(scheduling, a_worker_is_under_batch_unless_it_inherits)
{
	cr_expect_eq(UNDER(SCHED_OTHER, SCHED_POLICY_AUTO), SCHED_BATCH);
	cr_expect_eq(UNDER(SCHED_OTHER, SCHED_POLICY_BATCH), SCHED_BATCH);
	cr_expect_eq(UNDER(SCHED_OTHER, SCHED_POLICY_INHERIT), SCHED_OTHER);
	cr_expect_eq(UNDER(SCHED_BATCH, SCHED_POLICY_INHERIT), SCHED_BATCH);
}

/* Of waits since the former look, which told of 5 s in 1000 runs, or MUCH. */
#define LITTLE	  "1 5000001000 1100\n"
#define MUCH	  "1 9000000000 1100\n"
#define MUCH_MORE "1 13000000000 1200\n"

Test(scheduling, auto_keeps_what_the_daemon_was_started_with)
{
	cr_expect_eq(AFTER(SCHED_IDLE, SCHED_POLICY_AUTO, MUCH), SCHED_IDLE);
	cr_expect_eq(AFTER(SCHED_BATCH, SCHED_POLICY_AUTO, MUCH), SCHED_BATCH);
}

Test(scheduling, auto_goes_by_what_came_since_the_last_look)
{
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, MUCH), SCHED_OTHER);
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, MUCH, MUCH), SCHED_BATCH);
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, MUCH, MUCH, MUCH), SCHED_BATCH);
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, MUCH, MUCH, MUCH_MORE), SCHED_OTHER);
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, LITTLE), SCHED_BATCH);
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, LITTLE, "1 9000000000 1131\n"),
		     SCHED_BATCH, "few runs since then");
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, LITTLE, "1 5048001000 1116\n",
			   "1 5096001000 1132\n"),
		     SCHED_OTHER, "few runs count at the next look");
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, MUCH, MUCH, "1 9000001000 1200\n"),
		     SCHED_BATCH, "short waits since then");
}

Test(scheduling, what_is_no_count_is_passed_over)
{
	static const char *const none[] = {"", "1 ", "1 9000000000", "x y z\n", "0 0 0\n"};

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, none[i], LITTLE), SCHED_BATCH,
			     "'%s' is no beginning", none[i]);
		cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_AUTO, none[i], MUCH), SCHED_OTHER,
			     "'%s' is no end", none[i]);
	}
}

Test(scheduling, batch_and_inherit_stand_whatever_is_counted)
{
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_BATCH, MUCH), SCHED_BATCH);
	cr_expect_eq(AFTER(SCHED_OTHER, SCHED_POLICY_INHERIT, MUCH, MUCH), SCHED_OTHER);
}

/* Where nothing is counted, nobody would notice programs that never pause. */
static int
without_descriptors(const struct trial *t)
{
	const struct rlimit none = {0};
	struct sched_policy s;

	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return 99;
	sched_policy_open(&s, t->mode);
	sched_policy_tick(&s, 20000);
	sched_policy_close(&s);
	return sched_getscheduler(0);
}

Test(scheduling, without_descriptors_auto_changes_nothing)
{
	cr_expect_eq(policy_after((struct trial){.mode = SCHED_POLICY_AUTO}, without_descriptors),
		     SCHED_OTHER);
	cr_expect_eq(policy_after((struct trial){.mode = SCHED_POLICY_BATCH}, without_descriptors),
		     SCHED_BATCH);
}

/* Who is no root, and may not better his niceness, does not get out of SCHED_IDLE. */
static int
refused(const struct trial *t)
{
	const struct rlimit no = {0};
	const struct sched_param none = {0};
	struct sched_policy s;
	uid_t self = geteuid();

	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0 || setrlimit(RLIMIT_NICE, &no) < 0 ||
	    (self == 0 && seteuid(65534) < 0))
		return 99;
	sched_policy_open(&s, t->mode);
	if (seteuid(self) < 0)
		return 97;
	return !s.batch && s.mode == SCHED_POLICY_INHERIT ? sched_getscheduler(0) : 98;
}

Test(scheduling, what_is_not_allowed_is_done_without)
{
	cr_expect_eq(policy_after((struct trial){.mode = SCHED_POLICY_BATCH}, refused), SCHED_IDLE);
}
