/* resolver.c - see resolver.h. */
#include "resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "proctitle.h"

enum { ANSWER_MS = 15000, CHILD_S = 20 }; /* the child ends by itself */

/* What the child writes, at once: less than PIPE_BUF. */
struct resolver_answer {
	size_t n;
	struct addr found[ADDR_FOUND];
	char why[128];
};

struct resolver {
	struct event *readable;
	int fd;
	resolver_fn *fn;
	void *ctx;
};

/* ---- the child ---- */

/* Nothing of the master's is to happen here: no handler, no descriptor but the answer's. */
static void
leave_the_master(int *fd, pid_t master, const sigset_t *mask)
{
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != master)
		_exit(1);
	if (dup2(*fd, STDERR_FILENO + 1) < 0)
		_exit(1);
	*fd = STDERR_FILENO + 1;
	(void)close_range((unsigned)*fd + 1, ~0u, 0);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	(void)alarm(CHILD_S);
}

static _Noreturn void
answer(const char *host, int fd)
{
	struct resolver_answer a;
	const char *why = "";
	int n;

	memset(&a, 0, sizeof a); /* its gaps too: it is sent as bytes */
	proctitle_set("resolver %s", host);
	n = addr_resolve_all(a.found, ADDR_FOUND, host, 0, &why);
	a.n = n < 0 ? 0 : (size_t)n;
	(void)snprintf(a.why, sizeof a.why, "%s", why);
	_exit(write(fd, &a, sizeof a) == (ssize_t)sizeof a ? 0 : 1);
}

/* ---- the master ---- */

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	resolver_fn *fn = r->fn;
	void *ctx = r->ctx;
	struct resolver_answer a;
	ssize_t n = what & EV_TIMEOUT ? 0 : read(fd, &a, sizeof a);

	resolver_cancel(r);
	if (n != (ssize_t)sizeof a || a.n > ADDR_FOUND)
		fn(NULL, 0, what & EV_TIMEOUT ? "no answer in time" : "the resolver died", ctx);
	else
		fn(a.found, a.n, a.why, ctx);
}

/* Signals are blocked over it, so that none meant for the child is told to the master's loop. */
static int
fork_child(const char *host, int theirs)
{
	pid_t master = getpid(), pid;
	sigset_t all, before;
	int saved;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		leave_the_master(&theirs, master, &before);
		answer(host, theirs);
	}
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid < 0 ? -1 : 0;
}

struct resolver *
resolver_start(struct event_base *base, const char *host, resolver_fn *fn, void *ctx)
{
	struct timeval tv = clock_timeval(ANSWER_MS);
	struct resolver *r = calloc(1, sizeof *r);
	int fd[2], saved;

	if (r == NULL || pipe2(fd, O_CLOEXEC) < 0) {
		free(r);
		return NULL;
	}
	*r = (struct resolver){.fd = fd[0], .fn = fn, .ctx = ctx};
	r->readable = event_new(base, fd[0], EV_READ, on_answer, r);
	if (r->readable == NULL || event_add(r->readable, &tv) < 0)
		errno = ENOMEM;
	else if (fork_child(host, fd[1]) == 0) {
		(void)close(fd[1]);
		return r;
	}
	saved = errno;
	(void)close(fd[1]);
	resolver_cancel(r);
	errno = saved;
	return NULL;
}

void
resolver_cancel(struct resolver *r)
{
	if (r == NULL)
		return;
	if (r->readable != NULL)
		event_free(r->readable);
	(void)close(r->fd);
	free(r);
}
