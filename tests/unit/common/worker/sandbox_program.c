/* sandbox_program: each call in a process of its own; what is forbidden fails, what a program needs
 * does not, and the filter stays over exec. */
#include "sandbox_program.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_FILTER = 254 };

/* The errno that f leaves behind the filter, 0 where it succeeds. */
static int
try(int (*f)(void), bool network)
{
	const pid_t spared[] = {getpid(), -getpgid(0)};
	const struct sandbox_program p = {.network = network, .spared = spared, .n = 2};
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (sandbox_program_apply(ISOLATION_AUTO, &p) < 0)
			_exit(NO_FILTER);
		errno = 0;
		_exit(f() < 0 ? errno : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "%d", status);
	cr_assert_neq(WEXITSTATUS(status), NO_FILTER);
	return WEXITSTATUS(status);
}

static int
traces(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
mounts(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int
unshares(void)
{
	return unshare(CLONE_NEWUSER);
}

static int
clones(void)
{
	return (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
}

static int
enters(void)
{
	return (int)syscall(SYS_setns, 0, 0);
}

static int
asks_for_keys(void)
{
	return (int)syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}

static int
loads_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int
reads_another(void)
{
	return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static int
sets_up_a_ring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int
makes_a_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
signals_its_master(void)
{
	return kill(getppid(), 0);
}

static int
signals_its_masters_group(void)
{
	return kill(-getpgid(getppid()), 0);
}

static int
signals_all(void)
{
	return kill(-1, 0);
}

static int
limits_its_master(void)
{
	const struct rlimit l = {0, 0};

	return prlimit(getppid(), RLIMIT_CORE, &l, NULL);
}

TestSuite(sandbox_program, .timeout = 60);

Test(sandbox_program, what_reaches_out_of_a_process_fails)
{
	static const struct {
		const char *what;
		int (*f)(void);
		int error;
	} tried[] = {{"ptrace", traces, EPERM},
		     {"mount", mounts, EPERM},
		     {"unshare", unshares, EPERM},
		     {"clone", clones, EPERM},
		     {"setns", enters, EPERM},
		     {"keyctl", asks_for_keys, EPERM},
		     {"bpf", loads_bpf, EPERM},
		     {"process_vm_readv", reads_another, EPERM},
		     {"io_uring", sets_up_a_ring, ENOSYS},
		     {"socket", makes_a_socket, EPERM},
		     {"its master", signals_its_master, EPERM},
		     {"its master's group", signals_its_masters_group, EPERM},
		     {"all", signals_all, EPERM},
		     {"its master's limits", limits_its_master, EPERM}};

	if (sandbox_why_not() != NULL)
		return;
	for (size_t i = 0; i < sizeof tried / sizeof *tried; i++)
		cr_expect_eq(try(tried[i].f, false), tried[i].error, "%s: %d", tried[i].what,
			     try(tried[i].f, false));
}

Test(sandbox_program, sockets_are_made_where_they_are_granted)
{
	cr_expect_eq(try(makes_a_socket, true), 0);
}

/* Forks, waits, signals its own child and itself, a pipe and a pair of sockets, threads' calls. */
static int
works(void)
{
	int fd[2], status, file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	pid_t child = fork();

	if (child == 0)
		for (;;)
			(void)pause();
	if (file < 0 || child < 0 || kill(child, SIGKILL) < 0 ||
	    waitpid(child, &status, 0) != child || kill(getpid(), 0) < 0 || kill(0, 0) < 0)
		return -1;
	return pipe(fd) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0 || setsid() < 0 ? -1 : 0;
}

Test(sandbox_program, what_programs_need_is_left)
{
	cr_expect_eq(try(works, false), 0);
}

static int
executes(void)
{
	(void)execl(
		"/bin/sh", "sh", "-c",
		"kill -s 0 -- -1 2>/dev/null && exit 9; sh -c 'kill -s 0 -- -1' 2>/dev/null && exit 8; "
		"grep -q 'NoNewPrivs:.1' /proc/self/status || exit 7; exit 0",
		(char *)NULL);
	return -1;
}

Test(sandbox_program, it_stays_over_exec)
{
	if (sandbox_why_not() == NULL)
		cr_expect_eq(try(executes, false), 0);
}
