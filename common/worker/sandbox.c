/* sandbox.c - see sandbox.h. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"
#include "sandbox_rule.h"

#define SYS(name) SCMP_SYS(name)

/* What every worker's serving consists of. */
static const int allowed[] = {
	/* connections, the channel, the log */
	SYS(read), SYS(readv), SYS(pread64), SYS(write), SYS(writev), SYS(recvfrom), SYS(recvmsg),
	SYS(sendmsg), SYS(accept), SYS(accept4), SYS(close), SYS(getsockname), SYS(getpeername),
	SYS(getsockopt),
	/* the loop */
	SYS(epoll_wait), SYS(epoll_pwait), SYS(epoll_pwait2), SYS(epoll_ctl), SYS(timerfd_settime),
	SYS(poll), SYS(ppoll), SYS(restart_syscall),
	/* memory */
	SYS(brk), SYS(munmap), SYS(mremap), SYS(madvise),
	/* clocks and chance */
	SYS(clock_gettime), SYS(clock_getres), SYS(gettimeofday), SYS(time), SYS(clock_nanosleep),
	SYS(nanosleep), SYS(getrandom),
	/* its own signals and its end */
	SYS(rt_sigaction), SYS(rt_sigprocmask), SYS(rt_sigreturn), SYS(sigreturn), SYS(sigaltstack),
	SYS(exit), SYS(exit_group), SYS(futex), SYS(sched_yield),
	/* its own identity */
	SYS(getpid), SYS(getppid), SYS(gettid), SYS(getuid), SYS(geteuid), SYS(getgid),
	SYS(getegid), SYS(fstat), SYS(getrusage), SYS(sched_getaffinity)};

/* Memory that is not to be executed, and that no file is behind; signals to oneself alone; the
 * questions of stdio about a descriptor; the end of what is sent, and to nobody else than the peer.
 */
static int
allow_by_argument(scmp_filter_ctx filter)
{
	scmp_datum_t self = (scmp_datum_t)getpid();
	const struct sandbox_rule e[] = {
		{SYS(mprotect), sandbox_masked(2, PROT_EXEC, 0)},
		{SYS(tgkill), sandbox_equal(0, self)},
		{SYS(tkill), sandbox_equal(0, self)},
		{SYS(kill), sandbox_equal(0, self)},
		{SYS(ioctl), sandbox_equal(1, TCGETS)},
		{SYS(ioctl), sandbox_equal(1, FIONREAD)}, /* of pipes: asks only */
		{SYS(setitimer),
		 sandbox_equal(0, ITIMER_REAL)},       /* a write to the log, log_sink.h */
		{SYS(prlimit64), sandbox_equal(2, 0)}, /* asks only */
		{SYS(pwritev2), sandbox_equal(5, RWF_NOWAIT)},
		{SYS(shutdown), sandbox_equal(1, SHUT_WR)},
		{SYS(sendto), sandbox_equal(4, 0)},
	};
	int error = sandbox_allow_rules(filter, e, sizeof e / sizeof *e);

	if (error < 0)
		return error;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(mmap), 2,
				sandbox_masked(2, PROT_EXEC, 0),
				sandbox_masked(3, MAP_ANONYMOUS, MAP_ANONYMOUS));
}

/* Flags are looked at, and those of a descriptor set, which are its own process's.  Those of the
 * open file are other processes' too (O_NONBLOCK of a listening socket, O_APPEND of a log), and
 * O_ASYNC with F_SETOWN and F_SETSIG would send signals to others. */
static int
allow_fcntl(scmp_filter_ctx filter)
{
	static const int number[] = {SYS(fcntl), SYS(fcntl64)};
	static const int command[] = {F_GETFD, F_SETFD, F_GETFL};
	int error = 0;

	for (size_t i = 0; i < 2 * sizeof command / sizeof *command && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number[i % 2], 1,
					 sandbox_equal(1, (scmp_datum_t)command[i / 2]));
	return error;
}

static int
allow_socket_options(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(setsockopt), 2,
				sandbox_equal(1, IPPROTO_TCP), sandbox_equal(2, TCP_NODELAY));
}

/* fstat(2) of a newer C library.  The flag does not keep a path out, which no filter can read; what
 * could be learned is that a file exists. */
static int
allow_fstat(scmp_filter_ctx filter)
{
	const struct sandbox_rule e[] = {
		{SYS(newfstatat), sandbox_masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)},
		{SYS(fstatat64), sandbox_masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)},
		{SYS(statx), sandbox_masked(2, AT_EMPTY_PATH, AT_EMPTY_PATH)},
	};

	return sandbox_allow_rules(filter, e, sizeof e / sizeof *e);
}

/* Its own, and not for real time. */
static int
allow_scheduling(scmp_filter_ctx filter)
{
	static const int policy[] = {SCHED_OTHER, SCHED_BATCH};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof policy / sizeof *policy; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(sched_setscheduler), 2,
					 sandbox_equal(0, 0),
					 sandbox_equal(1, (scmp_datum_t)policy[i]));
	return error;
}

/* TCP, Unix sockets, and nothing else that speaks in streams: no multipath TCP, SCTP, SMC. */
static int
allow_connecting(scmp_filter_ctx filter)
{
	static const int family[] = {AF_INET, AF_INET6, AF_UNIX};
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(connect), 0);

	for (size_t i = 0; error == 0 && i < sizeof family / sizeof *family; i++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SYS(socket), 3,
			sandbox_equal(0, (scmp_datum_t)family[i]),
			sandbox_masked(1,
				       (scmp_datum_t) ~(SOCK_NONBLOCK | SOCK_CLOEXEC) & 0xffffffff,
				       SOCK_STREAM),
			sandbox_equal(2, 0));
	return error;
}

static int
fill(scmp_filter_ctx filter, enum sandbox_profile profile)
{
	int error = sandbox_allow(filter, allowed, sizeof allowed / sizeof *allowed);

	if (error == 0)
		error = allow_by_argument(filter);
	if (error == 0)
		error = allow_fcntl(filter);
	if (error == 0)
		error = allow_socket_options(filter);
	if (error == 0)
		error = allow_fstat(filter);
	if (error == 0)
		error = allow_scheduling(filter);
	if (error == 0 && profile == SANDBOX_PROXY)
		error = allow_connecting(filter);
	if (error == 0)
		error = sandbox_allow_counters(filter);
	return error;
}

static bool
kernel_has_it(void)
{
	return seccomp_api_get() >= 3; /* killing the process, logging */
}

const char *
sandbox_why_not(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (SANDBOX_SANITIZED)
		return "built with a sanitizer";
	if (preload != NULL && strstr(preload, "vgpreload_") != NULL)
		return "run by valgrind";
	return NULL;
}

int
sandbox_check(enum isolation level, const char *program, FILE *err)
{
	if (level == ISOLATION_AUTO || level >= ISOLATION_UNFILTERED || sandbox_why_not() != NULL ||
	    kernel_has_it())
		return 0;
	(void)fprintf(err, "%s: isolation: this kernel cannot filter system calls\n", program);
	return -1;
}

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The kernel takes the lower half of the argument alone. */
static int
forbid_at(scmp_filter_ctx filter, uint32_t refusal, int fd)
{
	static const int call[] = {SYS(connect), SYS(shutdown), SYS(setsockopt)};
	int error = 0;

	for (size_t i = 0; error == 0 && is_socket(fd) && i < sizeof call / sizeof *call; i++)
		error = seccomp_rule_add(filter, refusal, call[i], 1,
					 sandbox_masked(0, 0xffffffff, (scmp_datum_t)fd));
	return error == -EEXIST ? 0 : error;
}

/* A filter of its own, of what it says and the other one the kernel takes the stricter: a list of
 * what is allowed can't leave out some descriptors. */
static int
forbid_shared(uint32_t refusal, const struct sandbox_shared *shared)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter == NULL ? -ENOMEM : 0;

	for (int fd = 0; error == 0 && fd <= STDERR_FILENO; fd++)
		error = forbid_at(filter, refusal, fd);
	for (size_t i = 0; error == 0 && i < shared->n; i++)
		if (shared->fd[i] > STDERR_FILENO)
			error = forbid_at(filter, refusal, shared->fd[i]);
	return sandbox_load(filter, error);
}

int
sandbox_apply(enum sandbox_profile profile, enum isolation level,
	      const struct sandbox_shared *shared)
{
	uint32_t refusal = level == ISOLATION_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx filter;
	int error;

	if (level >= ISOLATION_UNFILTERED || sandbox_why_not() != NULL ||
	    (level == ISOLATION_AUTO && !kernel_has_it()))
		return 0;
	filter = seccomp_init(refusal);
	error = filter == NULL ? -ENOMEM : fill(filter, profile);
	if (error == 0)
		error = forbid_shared(refusal, shared);
	/* The last one: no other can be loaded behind it. */
	error = sandbox_load(filter, error);
	if (error == 0)
		return 0;
	errno = -error;
	log_errno(LOG_ERROR, "cannot filter system calls", NULL);
	return -1;
}
