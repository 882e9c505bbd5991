/* sandbox_domain: in a process of its own, against another of the same user. */
#include "sandbox_domain.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The errno that f leaves in a domain, 0 where it succeeds. */
static int
in_domain(int (*f)(void))
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		sandbox_domain_enter();
		errno = 0;
		_exit(f() < 0 ? errno : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "%d", status);
	return WEXITSTATUS(status);
}

static pid_t other;
static int ends[2]; /* of a pipe that the other one has */

static void
begin(void)
{
	cr_assert_eq(pipe(ends), 0);
	other = fork();
	cr_assert_geq(other, 0);
	if (other == 0)
		for (;;)
			(void)pause();
}

static void
end(void)
{
	(void)kill(other, SIGKILL);
	(void)waitpid(other, NULL, 0);
}

TestSuite(sandbox_domain, .init = begin, .fini = end, .timeout = 60);

static int
open_pipe_of(pid_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, ends[0]);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static int
steals(void)
{
	return open_pipe_of(other);
}

static int
signals(void)
{
	return kill(other, 0);
}

/* Its own pipe, its child's, a child's end, a file moved to another folder. */
static int
works(void)
{
	char dir[] = "/tmp/domain-XXXXXX", from[64], to[64];
	pid_t child;
	int fd, status;

	if (open_pipe_of(getpid()) < 0 || mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(from, sizeof from, "%s/file", dir);
	(void)snprintf(to, sizeof to, "%s.moved", dir);
	fd = open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || close(fd) < 0 || rename(from, to) < 0 || unlink(to) < 0 || rmdir(dir) < 0)
		return -1;
	child = fork();
	if (child == 0)
		for (;;)
			(void)pause();
	return child < 0 || open_pipe_of(child) < 0 || kill(child, SIGKILL) < 0 ||
			       waitpid(child, &status, 0) != child
		       ? -1
		       : 0;
}

Test(sandbox_domain, the_descriptors_of_another_cannot_be_opened)
{
	cr_assert_geq(open_pipe_of(other), 0, "%s", strerror(errno));
	if (sandbox_domain_can())
		cr_expect_eq(in_domain(steals), EACCES);
	else
		cr_expect_eq(in_domain(steals), 0);
}

Test(sandbox_domain, another_is_signalled_only_where_the_kernel_is_old)
{
	int error = in_domain(signals);

	cr_expect(error == EPERM || error == 0, "%s", strerror(error));
}

Test(sandbox_domain, what_is_its_own_stays_so)
{
	int error = in_domain(works);

	cr_expect_eq(error, 0, "%s", strerror(error));
}
