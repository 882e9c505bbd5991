/* sandbox_job.c - see sandbox_job.h. */
#include "sandbox_job.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox.h"
#include "sandbox_rule.h"

#define SYS(name) SCMP_SYS(name)

static const int pipe_calls[] = {SYS(read), SYS(write), SYS(exit), SYS(exit_group),
				 SYS(rt_sigreturn)};

/* What the C library calls on its own account is there too: sysinfo(2) for qsort(3), tgkill(2) for
 * abort(3), fstat(2) for stdio. */
static const int module_calls[] = {
	SYS(readv), SYS(pread64), SYS(writev), SYS(lseek), SYS(_llseek), SYS(close), SYS(fstat),
	/* memory */
	SYS(brk), SYS(munmap), SYS(mremap), SYS(madvise), SYS(sysinfo),
	/* clocks and chance */
	SYS(clock_gettime), SYS(clock_getres), SYS(gettimeofday), SYS(time), SYS(clock_nanosleep),
	SYS(nanosleep), SYS(getrandom), SYS(restart_syscall), SYS(getrusage),
	/* its own signals, its end */
	SYS(rt_sigaction), SYS(rt_sigprocmask), SYS(sigreturn), SYS(sigaltstack), SYS(futex),
	SYS(sched_yield), SYS(sched_getaffinity), SYS(getpid), SYS(gettid)};

static int
allow_module(scmp_filter_ctx filter)
{
	scmp_datum_t self = (scmp_datum_t)getpid();
	const struct sandbox_rule rules[] = {
		{SYS(mprotect), sandbox_masked(2, PROT_EXEC, 0)},
		{SYS(tgkill), sandbox_equal(0, self)},
		{SYS(ioctl), sandbox_equal(1, TCGETS)},
		{SYS(newfstatat), sandbox_masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)},
	};
	int error = sandbox_allow(filter, module_calls, sizeof module_calls / sizeof *module_calls);

	if (error == 0)
		error = sandbox_allow_rules(filter, rules, sizeof rules / sizeof *rules);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SYS(mmap), 2,
					 sandbox_masked(2, PROT_EXEC, 0),
					 sandbox_masked(3, MAP_ANONYMOUS, MAP_ANONYMOUS));
	return error;
}

/* ---- what is told of a call that is not allowed ---- */

enum { NAMES = 512 };

/* By number, for a signal handler can't look them up. */
static char *name_of[NAMES];

static void
on_forbidden(int sig, siginfo_t *info, void *context)
{
	const char *name = info->si_syscall >= 0 && info->si_syscall < NAMES
				   ? name_of[info->si_syscall]
				   : NULL;
	char text[160] = "<3>a system call that is not allowed here: ";

	(void)sig;
	(void)context;
	strncat(text, name != NULL ? name : "of an unknown number", 64);
	strcat(text, ": see handler_seccomp\n");
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		name = NULL; /* nobody reads it */
	_exit(SANDBOX_JOB_STATUS);
}

/* 0, or -1 with errno. */
static int
watch_forbidden(void)
{
	struct sigaction act = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};
	sigset_t set;

	for (int i = 0; i < NAMES; i++)
		name_of[i] = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), i);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGSYS);
	return sigaction(SIGSYS, &act, NULL) < 0 ? -1 : sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int
sandbox_job_apply(enum sandbox_job profile)
{
	scmp_filter_ctx filter;
	int error;

	if (profile == SANDBOX_JOB_NONE || sandbox_why_not() != NULL)
		return 0;
	if (watch_forbidden() < 0)
		return -1;
	filter = seccomp_init(SCMP_ACT_TRAP);
	error = filter == NULL
			? -ENOMEM
			: sandbox_allow(filter, pipe_calls, sizeof pipe_calls / sizeof *pipe_calls);
	if (error == 0 && (profile == SANDBOX_JOB_MODULE || SANDBOX_COUNTS))
		error = allow_module(filter);
	if (error == 0)
		error = sandbox_allow_counters(filter);
	error = sandbox_load(filter, error);
	errno = -error;
	return error == 0 ? 0 : -1;
}
