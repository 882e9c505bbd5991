/* process_init.c - see process_init.h. */
#include "process_init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "log.h"

/* Death is what they bring where nobody handles them, and nobody means them for us. */
static const int unmeant[] = {SIGPIPE, SIGXFSZ, SIGXCPU,   SIGALRM, SIGVTALRM, SIGPROF,
			      SIGIO,   SIGPWR,	SIGSTKFLT, SIGUSR1, SIGUSR2};
enum { UNMEANT = sizeof unmeant / sizeof *unmeant, UNMEANT_OF_DAEMONS = UNMEANT - 2 };

static const int orders[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGCHLD};
static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};
enum { ORDERS = sizeof orders / sizeof *orders, STOPS = sizeof stops / sizeof *stops };

int
process_fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -1 : close(fd);
}

/* ---- signals ---- */

static void
dispose(int sig, void (*how)(int))
{
	struct sigaction act = {.sa_handler = how};

	(void)sigaction(sig, &act, NULL); /* fails for those that can't be changed */
}

static void
all_default(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		dispose(sig, SIG_DFL);
}

static void
ignore_unmeant(int n)
{
	for (int i = 0; i < n; i++)
		dispose(unmeant[i], SIG_IGN);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		dispose(sig, SIG_IGN);
}

static void
mask(int how, const int *sig, int n)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (int i = 0; i < n; i++)
		(void)sigaddset(&set, sig[i]);
	(void)sigprocmask(how, &set, NULL);
}

static void
order_signals_of_daemon(void)
{
	mask(SIG_BLOCK, orders, ORDERS);
	all_default();
	ignore_unmeant(UNMEANT_OF_DAEMONS);
	mask(SIG_SETMASK, orders, ORDERS);
}

static void
order_signals_of_command(void)
{
	static const int kept[] = {SIGHUP, SIGINT, SIGQUIT};
	enum { KEPT = sizeof kept / sizeof *kept };
	struct sigaction before[KEPT];

	for (int i = 0; i < KEPT; i++)
		(void)sigaction(kept[i], NULL, &before[i]);
	all_default();
	for (int i = 0; i < KEPT; i++)
		(void)sigaction(kept[i], &before[i], NULL);
	ignore_unmeant(UNMEANT);
	mask(SIG_SETMASK, NULL, 0);
}

void
process_block_signals(void)
{
	mask(SIG_BLOCK, stops, STOPS);
}

void
process_release_signals(void)
{
	mask(SIG_SETMASK, NULL, 0);
}

void
process_init_undo(void)
{
	all_default();
	for (int i = 0; i < ORDERS; i++)
		if (orders[i] != SIGCHLD)
			dispose(orders[i], SIG_IGN);
	mask(SIG_SETMASK, NULL, 0);
}

/* ---- the rest ---- */

static void
raise_limit(int resource)
{
	struct rlimit l;

	if (getrlimit((__rlimit_resource_t)resource, &l) < 0 || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit((__rlimit_resource_t)resource, &l);
}

static void
stop_timers(void)
{
	static const struct itimerval off;

	(void)setitimer(ITIMER_REAL, &off, NULL);
	(void)setitimer(ITIMER_VIRTUAL, &off, NULL);
	(void)setitimer(ITIMER_PROF, &off, NULL);
}

void
process_init(enum process_kind kind)
{
	if (kind == PROCESS_DAEMON)
		order_signals_of_daemon();
	else
		order_signals_of_command();
	stop_timers();
	raise_limit(RLIMIT_FSIZE);
	raise_limit(RLIMIT_CPU);
	if (kind == PROCESS_DAEMON)
		(void)umask(umask(077) | 022);
	if (process_fill_stdio() < 0)
		return; /* no /dev/null: then they stay closed, which is not worse than before */
}

static void
tell_limit(int resource, const char *msg, const char *unit)
{
	struct rlimit l;

	if (getrlimit((__rlimit_resource_t)resource, &l) == 0 && l.rlim_max != RLIM_INFINITY)
		log_event(LOG_WARN, msg, "%s=%llu", unit, (unsigned long long)l.rlim_max);
}

void
process_init_report(void)
{
	int nice;

	tell_limit(RLIMIT_FSIZE,
		   "files may not grow further: log lines beyond it are lost (ulimit -f)", "bytes");
	tell_limit(RLIMIT_CPU, "the kernel ends processes that have run for so long (ulimit -t)",
		   "seconds");
	errno = 0;
	nice = getpriority(PRIO_PROCESS, 0);
	if (nice > 0)
		log_event(LOG_INFO, "started with a lower priority", "nice=%d", nice);
}

int
process_status(const char *program, int status)
{
	bool fine = !ferror(stdout);

	if (fflush(stdout) == 0 && fine)
		return status;
	if (errno != EPIPE) /* a reader that has gone knows */
		(void)fprintf(stderr, "%s: cannot write the output: %s\n", program,
			      strerror(errno));
	return status != 0 ? status : 1;
}
