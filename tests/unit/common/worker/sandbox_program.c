/* sandbox_program: each call in a process of its own; what is forbidden fails, what a program needs
 * does not, and the filter stays over exec. */
#include "sandbox_program.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_FILTER = 254 };

/* The errno that f leaves behind that filter, 0 where it succeeds. */
static int
try_behind(const struct sandbox_program *p, int (*f)(void))
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (sandbox_program_apply(ISOLATION_AUTO, p) < 0)
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
try(int (*f)(void), bool network)
{
	const pid_t spared[] = {getpid(), -getpgid(0)};
	const struct sandbox_program p = {.network = network, .spared = spared, .n = 2};

	return try_behind(&p, f);
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

/* ---- signals by a descriptor ---- */

static int
owned(int command, void *argument)
{
	int fd[2];

	return pipe(fd) < 0 ? 0 : fcntl(fd[0], command, argument);
}

static int
has_its_master_signalled(void)
{
	return owned(F_SETOWN, (void *)(intptr_t)getppid());
}

static int
has_its_masters_group_signalled(void)
{
	return owned(F_SETOWN, (void *)(intptr_t)-getpgid(getppid()));
}

static int
has_a_thread_signalled(void)
{
	struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = getppid()};

	return owned(F_SETOWN_EX, &owner);
}

static int
has_another_signal_sent(void)
{
	return owned(F_SETSIG, (void *)(intptr_t)SIGKILL);
}

static int
owns_a_socket(unsigned long request)
{
	int fd[2], pid = getppid();

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0 ? 0 : ioctl(fd[0], request, &pid);
}

static int
has_its_master_signalled_by_a_socket(void)
{
	return owns_a_socket(FIOSETOWN);
}

static int
has_its_master_signalled_by_a_group(void)
{
	return owns_a_socket(SIOCSPGRP);
}

/* The kernel has no use for the upper half. */
static int
has_its_master_signalled_by_a_wide_word(void)
{
	int fd[2];

	return pipe(fd) < 0
		       ? 0
		       : (int)syscall(SYS_fcntl, fd[0], (1L << 32) | F_SETOWN, (long)getppid());
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
		     {"its master's limits", limits_its_master, EPERM},
		     {"F_SETOWN", has_its_master_signalled, EPERM},
		     {"F_SETOWN of a group", has_its_masters_group_signalled, EPERM},
		     {"F_SETOWN in a wide word", has_its_master_signalled_by_a_wide_word, EPERM},
		     {"F_SETOWN_EX", has_a_thread_signalled, EPERM},
		     {"F_SETSIG", has_another_signal_sent, EPERM},
		     {"FIOSETOWN", has_its_master_signalled_by_a_socket, EPERM},
		     {"SIOCSPGRP", has_its_master_signalled_by_a_group, EPERM}};

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

/* ---- one that signals itself alone ---- */

static pid_t thread; /* of the process that starts it */
static sem_t begun;

static void *
be_a_thread(void *arg)
{
	(void)arg;
	thread = (pid_t)syscall(SYS_gettid);
	(void)sem_post(&begun);
	for (;;)
		(void)pause();
	return NULL;
}

static int
signals_a_thread(void)
{
	return kill(thread, 0);
}

static int
signals_a_thread_alone(void)
{
	return (int)syscall(SYS_tkill, thread, 0);
}

static int
queues_for_a_thread(void)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	return (int)syscall(SYS_rt_sigqueueinfo, thread, 0, &info);
}

static int
signals_a_thread_of_a_process(void)
{
	return (int)syscall(SYS_tgkill, getppid(), thread, 0);
}

static int
limits_a_thread(void)
{
	const struct rlimit l = {0, 0};

	return prlimit(thread, RLIMIT_CORE, &l, NULL);
}

static int
signals_its_own_group(void)
{
	return kill(0, 0);
}

/* As raise(3), abort(3) and pthread_cancel(3) do, and getrlimit(2). */
static int
signals_itself(void)
{
	struct rlimit l;

	if (kill(getpid(), 0) < 0 || raise(SIGCHLD) != 0 || getrlimit(RLIMIT_CORE, &l) < 0 ||
	    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) < 0)
		return -1;
	return setrlimit(RLIMIT_CORE, &l);
}

Test(sandbox_program, one_that_is_alone_signals_nobody_by_any_of_its_threads)
{
	static const struct {
		const char *what;
		int (*f)(void);
		int error;
	} tried[] = {{"kill", signals_a_thread, EPERM},
		     {"tkill", signals_a_thread_alone, EPERM},
		     {"rt_sigqueueinfo", queues_for_a_thread, EPERM},
		     {"tgkill", signals_a_thread_of_a_process, EPERM},
		     {"prlimit", limits_a_thread, EPERM},
		     {"its master", signals_its_master, EPERM},
		     {"its master's group", signals_its_masters_group, EPERM},
		     {"its own group", signals_its_own_group, EPERM},
		     {"all", signals_all, EPERM},
		     {"F_SETOWN", has_its_master_signalled, EPERM},
		     {"itself", signals_itself, 0}};
	const struct sandbox_program alone = {.network = true, .alone = true};
	pthread_t t;

	if (sandbox_why_not() != NULL)
		return;
	cr_assert_eq(sem_init(&begun, 0, 0), 0);
	cr_assert_eq(pthread_create(&t, NULL, be_a_thread, NULL), 0);
	while (sem_wait(&begun) < 0)
		continue;
	for (size_t i = 0; i < sizeof tried / sizeof *tried; i++)
		cr_expect_eq(try_behind(&alone, tried[i].f), tried[i].error, "%s: %d",
			     tried[i].what, try_behind(&alone, tried[i].f));
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
