/* reaper: a process that stays for the masters that follow. */
#include "reaper.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(reaper, .timeout = 20);

/* A master: it ends with `code` when it is sent TERM. */
static pid_t
master(int code)
{
	pid_t pid;
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)sigwait(&set, &sig);
		_exit(code);
	}
	cr_assert_gt(pid, 0);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	return pid;
}

/* A process below, that runs and reaps: its wait(2) status. */
static int
run(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(reaper_run(99));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void
told_to_stop(void)
{
	struct event_base *base = event_base_new();

	if (reaper_prepare() < 0)
		_exit(98);
	reaper_begin(master(5));
	reaper_settle(base);
	event_base_free(base);
	(void)raise(SIGTERM); /* blocked, and passed on */
}

static void
killed(void)
{
	pid_t pid = master(0);

	if (reaper_prepare() < 0)
		_exit(98);
	reaper_begin(pid);
	(void)kill(pid, SIGKILL);
}

static void
nobody(void)
{
	if (reaper_prepare() < 0)
		_exit(98);
	reaper_cancel();
}

Test(reaper, it_passes_signals_on_and_ends_as_the_master_in_charge_does)
{
	int status = run(told_to_stop);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	status = run(killed);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	status = run(nobody);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 99, "its own status");
}

Test(reaper, the_master_in_charge_alone_names_its_successor_and_only_a_child)
{
	pid_t first = master(1), second = master(2);
	int line = reaper_prepare();

	cr_assert_geq(line, 0);
	cr_assert_not(reaper_forward(0), "it has not begun");
	reaper_begin(getpid()); /* whose messages these are */
	cr_assert_eq(reaper_name(line, 1), 0);
	cr_assert_eq(send(line, "anything", 8, 0), 8);
	cr_assert_not(reaper_child_ended(first, 0), "no child was named");
	cr_assert_eq(reaper_name(line, first), 0);
	cr_assert_eq(reaper_name(line, second), 0);
	cr_assert_not(reaper_child_ended(second, 0), "this one is in charge no more");
	cr_assert(reaper_forward(SIGTERM));
	cr_assert_eq(waitpid(first, NULL, 0), first);
	cr_assert(reaper_child_ended(first, 1 << 8));
	(void)kill(second, SIGKILL);
	(void)waitpid(second, NULL, 0);
}
