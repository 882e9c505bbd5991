/* prefork.c - see prefork.h. */
#include "prefork.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
child(int (*work)(void *), void *ctx)
{
	pid_t parent = getppid();

	(void)signal(SIGTERM, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || parent == 1)
		_exit(1);
	_exit(work(ctx));
}

static volatile sig_atomic_t told;

static void
on_term(int signal)
{
	told = signal;
}

int
prefork(unsigned children, int (*work)(void *), void *ctx)
{
	const struct sigaction term = {.sa_handler = on_term};
	unsigned running = 0;

	if (sigaction(SIGTERM, &term, NULL) < 0)
		return 1;
	while (!told) {
		pid_t pid = running < children ? fork() : wait(NULL);

		if (pid == 0)
			child(work, ctx);
		if (pid < 0 && errno != EINTR) {
			perror("prefork");
			return 1;
		}
		if (pid > 0)
			running += running < children ? 1 : -1U;
	}
	return 0;
}
