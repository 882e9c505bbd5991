/* double_fork: whose child a process is, and how its end is told. */
#include "double_fork.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int gate[2]; /* what the process waits for */

static void
open_gate(void)
{
	cr_assert_eq(pipe2(gate, O_CLOEXEC), 0);
}

TestSuite(double_fork, .init = open_gate, .timeout = 20);

static void
wait_at_gate(void *ctx)
{
	char byte;

	(void)close(gate[1]);
	(void)!read(gate[0], &byte, 1);
	_exit(*(int *)ctx);
}

static void
die(void *ctx)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(*(int *)ctx, SIG_DFL);
	end_as(*(int *)ctx);
}

static int
reap(struct double_fork *d)
{
	pid_t intermediate = d->intermediate;
	int status;

	cr_assert_eq(waitpid(intermediate, &status, 0), intermediate);
	double_fork_end(d);
	return status;
}

Test(double_fork, a_process_that_is_let_go_gets_the_nearest_subreaper_as_its_parent)
{
	struct double_fork d;
	int status, code = 7;

	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	cr_assert_eq(double_fork(&d, wait_at_gate, &code), 0);
	cr_assert_eq(double_fork_parent_of(d.pid), d.intermediate);
	double_fork_release(&d);
	cr_assert_eq(reap(&d), 0);
	cr_assert_eq(double_fork_parent_of(d.pid), getpid());
	(void)close(gate[1]);
	cr_assert_eq(waitpid(d.pid, &status, 0), d.pid);
	cr_assert_eq(WEXITSTATUS(status), 7);
}

Test(double_fork, until_then_the_intermediate_ends_as_the_process_does)
{
	struct double_fork d;
	int code = 3, sig = SIGSEGV, status;

	cr_assert_eq(double_fork(&d, wait_at_gate, &code), 0);
	(void)close(gate[1]);
	status = reap(&d);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	cr_assert_eq(double_fork(&d, die, &sig), 0);
	status = reap(&d);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	cr_assert_not(WCOREDUMP(status));
}

Test(double_fork, a_process_is_killed_through_the_intermediate)
{
	struct double_fork d;
	int code = 0, status;

	cr_assert_eq(double_fork(&d, wait_at_gate, &code), 0);
	double_fork_kill(&d);
	status = reap(&d);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	cr_assert_eq(kill(d.pid, 0), -1);
}

Test(double_fork, a_process_is_killed_though_the_intermediate_was)
{
	struct double_fork d;
	int code = 0, status;

	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	cr_assert_eq(double_fork(&d, wait_at_gate, &code), 0);
	cr_assert_eq(kill(d.intermediate, SIGKILL), 0);
	cr_assert_eq(waitpid(d.intermediate, NULL, 0), d.intermediate);
	double_fork_kill(&d);
	cr_assert_eq(waitpid(d.pid, &status, 0), d.pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	double_fork_end(&d);
}

Test(double_fork, a_process_that_was_let_go_is_killed)
{
	struct double_fork d;
	int code = 0, status;

	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	cr_assert_eq(double_fork(&d, wait_at_gate, &code), 0);
	double_fork_release(&d);
	cr_assert_eq(waitpid(d.intermediate, NULL, 0), d.intermediate);
	double_fork_kill(&d);
	cr_assert_eq(waitpid(d.pid, &status, 0), d.pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	double_fork_end(&d);
}

Test(double_fork, the_intermediate_holds_nothing_of_the_callers)
{
	struct double_fork d;
	int code = 0, line[2];
	struct pollfd look;

	cr_assert_eq(pipe2(line, O_CLOEXEC), 0);
	cr_assert_eq(double_fork(&d, wait_at_gate, &code), 0);
	(void)close(gate[1]); /* the process ends, and with it the last that holds line[1] */
	(void)close(line[1]);
	look = (struct pollfd){.fd = line[0], .events = POLLIN};
	cr_assert_eq(poll(&look, 1, 10000), 1);
	cr_assert_neq(look.revents & POLLHUP, 0);
	(void)reap(&d);
}

Test(double_fork, a_caller_that_ends_leaves_the_process_and_no_intermediate)
{
	int told[2], code = 0;
	struct double_fork d;
	pid_t caller;

	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	cr_assert_eq(pipe2(told, O_CLOEXEC), 0);
	caller = fork();
	if (caller == 0) {
		if (double_fork(&d, wait_at_gate, &code) == 0)
			(void)!write(told[1], &d, sizeof d);
		_exit(0);
	}
	cr_assert_eq(waitpid(caller, NULL, 0), caller);
	cr_assert_eq(read(told[0], &d, sizeof d), (ssize_t)sizeof d);
	cr_assert_eq(waitpid(d.intermediate, NULL, 0), d.intermediate, "an orphan, ended");
	cr_assert_eq(double_fork_parent_of(d.pid), getpid());
	(void)close(gate[1]);
	cr_assert_eq(waitpid(d.pid, NULL, 0), d.pid);
}
