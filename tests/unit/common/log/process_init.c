/* process_init: what was inherited, and what becomes of it. */
#include "process_init.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* Every signal is blocked and ignored. */
static void
spoil(void)
{
	sigset_t all;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_IGN);
	(void)sigfillset(&all);
	cr_assert_eq(sigprocmask(SIG_SETMASK, &all, NULL), 0);
}

TestSuite(process_init, .init = spoil, .timeout = 20);

static bool
is_ignored(int sig)
{
	struct sigaction act;

	cr_assert_eq(sigaction(sig, NULL, &act), 0);
	return act.sa_handler == SIG_IGN;
}

static bool
is_blocked(int sig)
{
	sigset_t set;

	cr_assert_eq(sigprocmask(SIG_SETMASK, NULL, &set), 0);
	return sigismember(&set, sig) == 1;
}

Test(process_init, a_daemon_takes_orders_later_and_a_stop_at_once)
{
	process_init(PROCESS_DAEMON);
	cr_expect(is_blocked(SIGHUP) && is_blocked(SIGUSR1) && is_blocked(SIGCHLD));
	cr_expect_not(is_blocked(SIGTERM) || is_blocked(SIGINT) || is_blocked(SIGQUIT));
	cr_expect_not(is_ignored(SIGHUP) || is_ignored(SIGTERM) || is_ignored(SIGCHLD));
	cr_expect_not(is_ignored(SIGSEGV) || is_ignored(SIGABRT) || is_ignored(SIGTSTP));
	process_block_signals();
	cr_expect(is_blocked(SIGTERM) && is_blocked(SIGINT) && is_blocked(SIGQUIT));
	process_release_signals();
	for (int sig = 1; sig < NSIG; sig++)
		cr_expect_not(is_blocked(sig), "%d", sig);
}

Test(process_init, what_nobody_means_is_ignored)
{
	static const int unmeant[] = {SIGPIPE, SIGXFSZ, SIGXCPU, SIGALRM,  SIGVTALRM,
				      SIGPROF, SIGIO,	SIGPWR,	 SIGSTKFLT};

	for (int kind = PROCESS_COMMAND; kind <= PROCESS_DAEMON; kind++) {
		process_init((enum process_kind)kind);
		for (size_t i = 0; i < sizeof unmeant / sizeof *unmeant; i++)
			cr_expect(is_ignored(unmeant[i]), "%d", unmeant[i]);
		cr_expect(is_ignored(SIGRTMIN) && is_ignored(SIGRTMAX));
	}
}

Test(process_init, a_command_stays_deaf_to_a_hangup_under_nohup)
{
	process_init(PROCESS_COMMAND);
	cr_expect(is_ignored(SIGHUP) && is_ignored(SIGINT) && is_ignored(SIGQUIT));
	cr_expect_not(is_ignored(SIGTERM) || is_ignored(SIGCHLD));
	for (int sig = 1; sig < NSIG; sig++)
		cr_expect_not(is_blocked(sig), "%d", sig);
}

Test(process_init, a_program_to_be_executed_is_not_killed_by_orders)
{
	process_init_undo();
	cr_expect(is_ignored(SIGHUP) && is_ignored(SIGUSR1) && is_ignored(SIGUSR2) &&
		  is_ignored(SIGTTIN) && is_ignored(SIGTTOU));
	cr_expect_not(is_ignored(SIGCHLD) || is_ignored(SIGTERM) || is_ignored(SIGPIPE));
	for (int sig = 1; sig < NSIG; sig++)
		cr_expect_not(is_blocked(sig), "%d", sig);
}

Test(process_init, timers_umask_and_soft_limits)
{
	struct itimerval in_a_while = {.it_value = {1000, 0}}, left;
	struct rlimit l = {4096, 1 << 20};

	cr_assert_eq(setitimer(ITIMER_REAL, &in_a_while, NULL), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
	(void)umask(040);
	process_init(PROCESS_DAEMON);
	cr_assert_eq(getitimer(ITIMER_REAL, &left), 0);
	cr_expect_eq(left.it_value.tv_sec, 0);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &l), 0);
	cr_expect_eq(l.rlim_cur, 1 << 20);
	cr_expect_eq(umask(0), 062);
}

Test(process_init, closed_streams_are_filled)
{
	struct stat st, null;
	int saved = dup(STDERR_FILENO);

	cr_assert_eq(stat("/dev/null", &null), 0);
	for (int fd = 0; fd <= 2; fd++)
		(void)close(fd);
	process_init(PROCESS_COMMAND);
	for (int fd = 0; fd <= 2; fd++)
		cr_expect(fstat(fd, &st) == 0 && st.st_rdev == null.st_rdev);
	cr_assert_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
}

Test(process_init, output_that_cannot_be_written_is_no_success)
{
	cr_expect_eq(process_status("p", 0), 0);
	cr_expect_eq(process_status("p", 3), 3);
	cr_assert_not_null(freopen("/dev/full", "w", stdout));
	(void)printf("text");
	cr_expect_eq(process_status("p", 0), 1);
	cr_expect_eq(process_status("p", 3), 3);
}
