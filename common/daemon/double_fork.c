/* double_fork.c - see double_fork.h. */
#include "double_fork.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "privdrop.h"
#include "process.h"
#include "proctitle.h"

enum { ORDER_RELEASE = 'r', ORDER_KILL = 'k' };
enum { ANSWER_MS = 10000, LOOK_MS = 100 }; /* that the intermediate has to fork; between looks */

/* What the intermediate says of its fork(). */
struct double_fork_answer {
	pid_t pid;
	int error;
};

/* ---- the intermediate ---- */

NORETURN void
end_as(int status)
{
	const struct rlimit none = {0, 0};
	const struct sigaction fallback = {.sa_handler = SIG_DFL};
	sigset_t just;
	int sig;

	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	sig = WTERMSIG(status);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)sigaction(sig, &fallback, NULL);
	(void)sigemptyset(&just);
	(void)sigaddset(&just, sig);
	(void)kill(getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &just, NULL);
	_exit(128 + sig); /* the first process of a namespace dies of no signal */
}

/* What the process was given is its own: the end of a pipe tells of its end and of no other's. */
static int
close_others(int orders)
{
	struct fd_keep k = {0};
	int rc;

	fd_keep_add(&k, orders);
	rc = fd_keep_close_others(&k);
	fd_keep_release(&k);
	return rc;
}

/* Until the process ends, or the caller says so, or is gone. */
static NORETURN void
watch(pid_t pid, int orders)
{
	struct pollfd look[] = {{.fd = orders, .events = POLLIN},
				{.fd = pidfd_of(pid), .events = POLLIN}};
	char order;
	int status;
	ssize_t n;

	for (;;) {
		if (waitpid(pid, &status, WNOHANG) > 0)
			end_as(status);
		/* Without such a descriptor its end is looked for. */
		if (poll(look, 2, look[1].fd < 0 ? LOOK_MS : -1) <= 0 || look[0].revents == 0)
			continue;
		n = recv(orders, &order, 1, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n != 1 || order != ORDER_KILL)
			_exit(0);
		(void)kill(pid, SIGKILL);
		look[0].fd = -1;
	}
}

static NORETURN void
be_intermediate(int orders, void (*child)(void *), void *ctx)
{
	struct double_fork_answer a = {.pid = fork()};

	if (a.pid == 0) {
		child(ctx);
		_exit(127); /* it does not return */
	}
	a.error = errno;
	if (send(orders, &a, sizeof a, MSG_NOSIGNAL) < 0 || a.pid < 0)
		_exit(1);
	if (close_others(orders) < 0)
		(void)kill(a.pid, SIGKILL);
	proctitle_set("starts its successor %d", (int)a.pid);
	watch(a.pid, orders);
}

/* ---- the caller ---- */

/* What the intermediate says at once; 0, or -1 with errno. */
static int
hear(int orders, struct double_fork_answer *a)
{
	struct pollfd look = {.fd = orders, .events = POLLIN};
	int n;

	do
		n = poll(&look, 1, ANSWER_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		errno = n == 0 ? ETIMEDOUT : errno;
		return -1;
	}
	if (recv(orders, a, sizeof *a, MSG_DONTWAIT) != (ssize_t)sizeof *a)
		a->pid = -1, a->error = ECHILD;
	if (a->pid > 0)
		return 0;
	errno = a->error;
	return -1;
}

static void
order(struct double_fork *d, char what)
{
	if (d->orders >= 0)
		(void)send(d->orders, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int
double_fork(struct double_fork *d, void (*child)(void *), void *ctx)
{
	struct double_fork_answer a = {.pid = -1};
	sigset_t all, before;
	int line[2], saved;

	*d = (struct double_fork){.orders = -1, .process = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return -1;
	/* Blocked, so that no signal meant for a child is told to this loop. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	d->intermediate = fork();
	if (d->intermediate == 0) {
		(void)close(line[0]);
		be_intermediate(line[1], child, ctx);
	}
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)close(line[1]);
	d->orders = line[0];
	if (d->intermediate > 0 && hear(d->orders, &a) == 0) {
		d->pid = a.pid;
		d->process = pidfd_of(a.pid);
		return 0;
	}
	if (d->intermediate > 0) {
		saved = errno;
		(void)kill(d->intermediate, SIGKILL); /* reaped with the other children */
	}
	double_fork_end(d);
	errno = saved;
	return -1;
}

void
double_fork_release(struct double_fork *d)
{
	order(d, ORDER_RELEASE);
}

void
double_fork_kill(struct double_fork *d)
{
	order(d, ORDER_KILL);
	if (d->process >= 0 && pidfd_signal(d->process, SIGKILL) < 0 && errno != ESRCH)
		log_errno(LOG_WARN, "cannot kill a process", "its_pid=%d", (int)d->pid);
}

void
double_fork_end(struct double_fork *d)
{
	if (d->orders >= 0)
		(void)close(d->orders);
	if (d->process >= 0)
		(void)close(d->process);
	d->orders = d->process = -1;
	d->intermediate = 0;
}

pid_t
double_fork_parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *behind;
	long parent = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(text, sizeof text, f) != NULL) {
		behind = strrchr(text, ')'); /* the name may hold anything */
		if (behind != NULL && strlen(behind) > 4)
			parent = strtol(behind + 4, NULL, 10);
	}
	(void)fclose(f);
	return (pid_t)parent;
}
