/* process: what one uses, its end, and signals to it alone. */
#include "process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

Test(procstat, memory_that_is_touched_is_counted)
{
	struct procstat before, after;
	enum { BYTES = 32 << 20 };
	char *p;

	cr_assert_eq(procstat_read(getpid(), &before), 0);
	p = malloc(BYTES);
	for (size_t i = 0; i < BYTES; i += 1024)
		((volatile char *)p)[i] = 1; /* a compiler could do without */
	cr_assert_eq(procstat_read(getpid(), &after), 0);
	cr_assert_geq(after.resident - before.resident, BYTES * 9 / 10);
	free(p);
}

Test(procstat, processor_time_grows_with_work)
{
	struct procstat before, after;
	uint64_t until = clock_ms() + 200;

	cr_assert_eq(procstat_read(getpid(), &before), 0);
	while (clock_ms() < until)
		continue;
	cr_assert_eq(procstat_read(getpid(), &after), 0);
	cr_assert_gt(after.cpu_ms, before.cpu_ms);
}

Test(procstat, a_name_with_brackets_and_spaces_misleads_nobody)
{
	struct procstat p;

	cr_assert_eq(prctl(PR_SET_NAME, ") R 1 (x)"), 0);
	cr_assert_eq(procstat_read(getpid(), &p), 0);
	cr_assert_gt(p.resident, 0);
}

Test(procstat, a_process_has_a_parent)
{
	struct procstat p;

	cr_assert_eq(procstat_read(getpid(), &p), 0);
	cr_assert_eq(p.parent, getppid());
}

Test(procstat, a_process_that_is_not_there_is_an_error)
{
	struct procstat p;

	cr_assert_eq(procstat_read(0x3fffffff, &p), -1);
	cr_assert_eq(errno, ENOENT);
}

TestSuite(pidfd, .timeout = 20);

static pid_t
sleeper(void)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)alarm(20);
		(void)pause();
		_exit(0);
	}
	return pid;
}

static bool
has_ended(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};

	return poll(&look, 1, 0) > 0 && (look.revents & POLLIN) != 0;
}

Test(pidfd, a_process_has_not_ended_until_it_has)
{
	pid_t pid = sleeper();
	int fd = pidfd_of(pid), status;

	cr_assert_geq(fd, 0);
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_expect_not(has_ended(fd));
	cr_expect_eq(pidfd_signal(fd, 0), 0);
	cr_expect_eq(pidfd_signal(fd, SIGTERM), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	cr_expect(has_ended(fd));
	cr_expect_eq(pidfd_signal(fd, SIGTERM), -1);
	cr_expect_eq(errno, ESRCH);
	(void)close(fd);
}

Test(pidfd, one_that_is_not_reaped_has_ended_too)
{
	pid_t pid = sleeper();
	int fd = pidfd_of(pid);
	siginfo_t info;

	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_expect(has_ended(fd));
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	(void)close(fd);
}

Test(pidfd, of_nobody_there_is_none)
{
	pid_t pid = sleeper();

	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(pidfd_of(pid), -1);
	cr_expect_eq(errno, ESRCH);
	cr_expect_eq(pidfd_signal(-1, SIGTERM), -1);
}

Test(process, a_child_is_forked_with_all_signals_blocked_and_the_parent_has_its_own_mask)
{
	sigset_t none, now;
	pid_t pid;
	int status;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	pid = process_fork_blocked();
	cr_assert_geq(pid, 0);
	(void)sigprocmask(SIG_SETMASK, NULL, &now);
	if (pid == 0)
		_exit(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGCHLD) == 1 ? 7 : 1);
	cr_assert_eq(sigismember(&now, SIGTERM), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
