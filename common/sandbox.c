/* sandbox.c - see sandbox.h. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

#define SYS(name) SCMP_SYS(name)

/* What every worker's serving consists of.  A name that an architecture does not have is passed
 * over by libseccomp. */
static const int allowed[] = {
	/* connections, the channel, the log */
	SYS(read), SYS(readv), SYS(pread64), SYS(write), SYS(writev), SYS(recvfrom), SYS(recvmsg),
	SYS(sendto), SYS(sendmsg), SYS(accept), SYS(accept4), SYS(shutdown), SYS(close),
	SYS(getsockname), SYS(getpeername), SYS(getsockopt), SYS(setsockopt), SYS(fcntl),
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
	/* who and what it is */
	SYS(getpid), SYS(getppid), SYS(gettid), SYS(getuid), SYS(geteuid), SYS(getgid),
	SYS(getegid), SYS(fstat), SYS(getrusage), SYS(sched_getaffinity)};

/* An argument that is v, or whose bits under a mask are. */
static struct scmp_arg_cmp
equal(unsigned argument, scmp_datum_t v)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_EQ, .datum_a = v, .datum_b = 0};
}

static struct scmp_arg_cmp
masked(unsigned argument, scmp_datum_t mask, scmp_datum_t v)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = v};
}

/* A call allowed if one argument is as said. */
struct exception {
	int call;
	struct scmp_arg_cmp arg;
};

static int
allow_exceptions(scmp_filter_ctx filter, const struct exception *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, e[i].call, 1, &e[i].arg);
		if (error < 0)
			return error;
	}
	return 0;
}

/* Memory that is not to be executed, and that no file is behind; signals to oneself alone; the
 * questions of stdio about a descriptor. */
static int
allow_by_argument(scmp_filter_ctx filter)
{
	scmp_datum_t self = (scmp_datum_t)getpid();
	const struct exception e[] = {
		{SYS(mprotect), masked(2, PROT_EXEC, 0)},
		{SYS(tgkill), equal(0, self)},
		{SYS(tkill), equal(0, self)},
		{SYS(kill), equal(0, self)},
		{SYS(ioctl), equal(1, TCGETS)},
	};
	int error = allow_exceptions(filter, e, sizeof e / sizeof *e);

	if (error < 0)
		return error;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(mmap), 2, masked(2, PROT_EXEC, 0),
				masked(3, MAP_ANONYMOUS, MAP_ANONYMOUS));
}

/* fstat(2) of a newer C library.  The flag does not keep a path out, which no filter can read; what
 * could be learned is that a file exists. */
static int
allow_fstat(scmp_filter_ctx filter)
{
	const struct exception e[] = {
		{SYS(newfstatat), masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)},
		{SYS(fstatat64), masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)},
		{SYS(statx), masked(2, AT_EMPTY_PATH, AT_EMPTY_PATH)},
	};

	return allow_exceptions(filter, e, sizeof e / sizeof *e);
}

/* Its own, and not for real time. */
static int
allow_scheduling(scmp_filter_ctx filter)
{
	static const int policy[] = {SCHED_OTHER, SCHED_BATCH};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof policy / sizeof *policy; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(sched_setscheduler), 2,
					 equal(0, 0), equal(1, (scmp_datum_t)policy[i]));
	return error;
}

static int
allow_connecting(scmp_filter_ctx filter)
{
	static const int family[] = {AF_INET, AF_INET6};
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(connect), 0);

	for (size_t i = 0; error == 0 && i < sizeof family / sizeof *family; i++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SYS(socket), 2, equal(0, (scmp_datum_t)family[i]),
			masked(1, (scmp_datum_t) ~(SOCK_NONBLOCK | SOCK_CLOEXEC) & 0xffffffff,
			       SOCK_STREAM));
	return error;
}

static int
fill(scmp_filter_ctx filter, enum sandbox_profile profile)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof allowed / sizeof *allowed; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (error == 0)
		error = allow_by_argument(filter);
	if (error == 0)
		error = allow_fstat(filter);
	if (error == 0)
		error = allow_scheduling(filter);
	if (error == 0 && profile == SANDBOX_PROXY)
		error = allow_connecting(filter);
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
sandbox_check(enum sandbox_mode mode, const char *program, FILE *err)
{
	if (mode == SANDBOX_AUTO || mode == SANDBOX_NO || sandbox_why_not() != NULL ||
	    kernel_has_it())
		return 0;
	(void)fprintf(err, "%s: seccomp: this kernel cannot filter system calls\n", program);
	return -1;
}

int
sandbox_apply(enum sandbox_profile profile, enum sandbox_mode mode)
{
	scmp_filter_ctx filter;
	int error;

	if (mode == SANDBOX_NO || sandbox_why_not() != NULL ||
	    (mode == SANDBOX_AUTO && !kernel_has_it()))
		return 0;
	filter = seccomp_init(mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
	error = filter == NULL ? -ENOMEM : fill(filter, profile);
	if (error == 0) /* a tree in place of a list; it does without where the library is older */
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	if (error == 0)
		return 0;
	errno = -error;
	log_errno(LOG_ERROR, "cannot filter system calls", NULL);
	return -1;
}
