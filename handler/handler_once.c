/* handler_once.c - see handler_once.h. */
#include "handler_once.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"

enum {
	EXTRA = 4,	 /* variables of a job */
	CHUNK = 65536,	 /* bytes read at once */
	SLACK_MS = 250,	 /* after a job's time: the worker's clock comes first */
	STRAYS_MS = 1000 /* to end what a program has left behind */
};

struct once {
	struct handler_once_conf conf;
	char **environment; /* conf's, and room for EXTRA and NULL */
	size_t variables;   /* of conf's */
	struct buf values;  /* of a job's variables */
	struct buf reply;
};

/* ---- a job's environment ---- */

/* A value with a NUL byte can't be told: it is cut there. */
static int
add_text(struct once *o, const char *name, struct span value)
{
	return buf_printf(&o->values, "%s=%.*s", name, SPAN_ARG(value)) < 0 ||
			       buf_append(&o->values, "", 1) < 0
		       ? -1
		       : 0;
}

static int
add_number(struct once *o, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, value);
	return add_text(o, name, span_str(text));
}

/* 0, or -1 with ENOMEM. */
static int
set_environment(struct once *o, const struct job_request *job)
{
	char *p;

	buf_clear(&o->values);
	if (add_number(o, "PPOOL_JOB", job->number) < 0 ||
	    add_text(o, "PPOOL_POLICY", job->policy) < 0 ||
	    add_text(o, "PPOOL_SRCID", job->client) < 0 ||
	    add_number(o, "PPOOL_TIMEOUT", job->timeout) < 0)
		return -1;
	p = o->values.base + o->values.head;
	for (size_t i = 0; i < EXTRA; i++) {
		o->environment[o->variables + i] = p;
		p += strlen(p) + 1;
	}
	o->environment[o->variables + EXTRA] = NULL;
	return 0;
}

/* ---- one run ---- */

enum { INPUT, OUTPUT, END, ORDERS, WORKER, WATCHED };

struct run {
	const struct once *once;
	struct pollfd fd[WATCHED]; /* -1: closed */
	pid_t pid;
	struct span input; /* what is still to be written */
	struct buf *reply;
	uint64_t deadline; /* clock_ms() */
	const char *why;   /* it is killed for, or NULL */
};

/* The child's side after vfork(2), which shares our memory: only system calls.  It dies with us. */
NORETURN static void
become_program(const struct once *o, int input, int output, pid_t parent, volatile int *error)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && dup2(input, STDIN_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		(void)execve(o->conf.command[0], o->conf.command, o->environment);
	*error = errno;
	(_exit)(127);
}

/* Much cheaper than fork(2), which copies our page tables: a program is run for each job.  pid, or
 * -1 with errno. */
static pid_t
spawn(const struct once *o, int input, int output)
{
	volatile int error = 0;
	pid_t parent = getpid(), pid = vfork();

	if (pid == 0)
		become_program(o, input, output, parent, &error);
	if (pid < 0 || error == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	errno = error;
	return -1;
}

static void
close_watched(struct run *r, unsigned i)
{
	if (r->fd[i].fd >= 0)
		(void)close(r->fd[i].fd);
	r->fd[i].fd = -1;
}

/* Two pipes: the child's ends wait, ours do not.  0, or -1 with errno and nothing left. */
static int
open_pipes(int input[2], int output[2])
{
	if (pipe2(input, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(output, O_CLOEXEC) == 0) {
		if (fcntl(input[1], F_SETFL, O_NONBLOCK) == 0 &&
		    fcntl(output[0], F_SETFL, O_NONBLOCK) == 0)
			return 0;
		(void)close(output[0]);
		(void)close(output[1]);
	}
	(void)close(input[0]);
	(void)close(input[1]);
	return -1;
}

/* 0, or -1 with errno and nothing left. */
static int
begin_run(struct run *r)
{
	int input[2], output[2], saved;

	if (open_pipes(input, output) < 0)
		return -1;
	r->fd[INPUT] = (struct pollfd){.fd = input[1], .events = POLLOUT};
	r->fd[OUTPUT] = (struct pollfd){.fd = output[0], .events = POLLIN};
	r->pid = spawn(r->once, input[0], output[1]);
	saved = errno;
	(void)close(input[0]);
	(void)close(output[1]);
	if (r->pid > 0) {
		r->fd[END] = (struct pollfd){.fd = pidfd_of(r->pid), .events = POLLIN};
		if (r->fd[END].fd >= 0)
			return 0;
		saved = errno;
		(void)kill(-r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	close_watched(r, INPUT);
	close_watched(r, OUTPUT);
	errno = saved;
	return -1;
}

static void
kill_group(struct run *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
	(void)kill(-r->pid, SIGKILL);
	close_watched(r, INPUT);
	close_watched(r, OUTPUT);
}

/* A program that takes no more of its payload is none the worse for it. */
static void
feed(struct run *r)
{
	ssize_t n = r->input.n == 0 ? 0 : write(r->fd[INPUT].fd, r->input.p, r->input.n);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		r->input = span_of(r->input.p + n, r->input.n - (size_t)n);
	if (n < 0 || r->input.n == 0)
		close_watched(r, INPUT);
}

/* What is there of the reply, to its end at most. */
static void
gather(struct run *r)
{
	ssize_t n = 1;

	while (n > 0 && r->fd[OUTPUT].fd >= 0) {
		char *to = buf_reserve(r->reply, CHUNK);
		if (to == NULL) {
			kill_group(r, "out of memory");
			return;
		}
		n = read(r->fd[OUTPUT].fd, to, CHUNK);
		if (n > 0)
			buf_commit(r->reply, (size_t)n);
		if (buf_len(r->reply) > r->once->conf.max_reply)
			kill_group(r, "its reply is larger than handler_max_reply");
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_watched(r, OUTPUT);
}

/* Has the program ended within that time? */
static bool
ends_within(const struct run *r, uint64_t ms)
{
	struct pollfd end = r->fd[END];
	uint64_t deadline = clock_ms() + ms, now;
	int n;

	do {
		now = clock_ms();
		n = poll(&end, 1, now < deadline ? (int)(deadline - now) : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* This process is to end: so does the program, by the same signal if it will. */
NORETURN static void
end_both(const struct run *r, int sig)
{
	sigset_t set;

	if (sig != SIGKILL)
		(void)kill(-r->pid, sig);
	if (sig == SIGKILL || !ends_within(r, r->once->conf.grace / 2)) {
		(void)kill(-r->pid, SIGKILL);
		(void)ends_within(r, r->once->conf.grace / 2);
	}
	(void)kill(-r->pid, SIGKILL);
	(void)waitpid(r->pid, NULL, WNOHANG);
	if (sig == SIGKILL)
		_exit(0); /* nobody waits for an answer */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, sig);
	(void)signal(sig, SIG_DFL);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(sig);
	_exit(128 + sig);
}

static void
obey(const struct run *r)
{
	struct signalfd_siginfo order;

	if (read(r->fd[ORDERS].fd, &order, sizeof order) == (ssize_t)sizeof order)
		end_both(r, (int)order.ssi_signo);
}

static void
watch(struct run *r)
{
	uint64_t now = clock_ms();
	bool late = now >= r->deadline;

	if (late && r->why == NULL)
		kill_group(r, "it took longer than its job may");
	if (poll(r->fd, WATCHED, r->why != NULL ? -1 : (int)(r->deadline - now)) <= 0)
		return;
	if (r->fd[ORDERS].revents != 0)
		obey(r);
	if ((r->fd[WORKER].revents & (POLLHUP | POLLERR)) != 0)
		end_both(r, SIGKILL);
	if (r->fd[INPUT].fd >= 0 && r->fd[INPUT].revents != 0)
		feed(r);
	if (r->fd[OUTPUT].fd >= 0 && r->fd[OUTPUT].revents != 0)
		gather(r);
}

/* All children, among them the orphans of a program that has ended: they are given to us. */
static void
kill_children(void)
{
	char path[64], text[4096], *at = text, *end;
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)gettid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		(void)close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	for (long pid; (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
		(void)kill((pid_t)pid, SIGKILL);
}

/* Those that a program has left in groups or sessions of their own.  They may start others
 * meanwhile, but not for ever: what is left then ends with this process. */
static void
end_strays(void)
{
	uint64_t deadline = clock_ms() + STRAYS_MS;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && clock_ms() < deadline) {
		kill_children();
		if (pid == 0)
			(void)poll(NULL, 0, 1);
	}
}

/* The wait status of the program, whose group is gone with it.  -1 with errno: it could not be run.
 */
static int
run_program(struct run *r)
{
	int status = -1;

	if (begin_run(r) < 0)
		return -1;
	while ((r->fd[END].revents & POLLIN) == 0)
		watch(r);
	gather(r); /* what it wrote last; others may go on to write */
	(void)kill(-r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	end_strays();
	for (unsigned i = INPUT; i <= END; i++)
		close_watched(r, i);
	return status;
}

/* ---- the backend ---- */

static int
once_start(void *state, bool *repeatable, char why[HANDLER_WHY])
{
	struct once *o = state;

	*repeatable = false;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1UL);
	if (access(o->conf.command[0], X_OK) == 0)
		return 0;
	(void)snprintf(why, HANDLER_WHY, "handler_command: %.300s: %s", o->conf.command[0],
		       strerror(errno));
	return -1;
}

static enum job_outcome
judge(struct run *r, int status, bool binary, struct job_reply *a)
{
	const char *name;

	if (r->why != NULL)
		return job_refuse(a, "%s", r->why);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		a->payload = buf_span(r->reply);
		a->binary = binary && !r->once->conf.text;
		return JOB_DONE;
	}
	if (!WIFSIGNALED(status))
		return job_refuse(a, "it ended with status %d", WEXITSTATUS(status));
	name = sigabbrev_np(WTERMSIG(status));
	return job_refuse(a, "it was ended by signal %d %s", WTERMSIG(status),
			  name != NULL ? name : "");
}

/* The signals that end this process come by a descriptor while a program runs. */
static enum job_outcome
once_run(void *state, const struct job_request *job, struct job_reply *a)
{
	struct once *o = state;
	struct run r = {.once = o, .reply = &o->reply, .input = job->payload};
	enum job_outcome outcome;
	sigset_t orders, before;
	int status = -1;

	buf_clear(&o->reply);
	(void)sigemptyset(&orders);
	(void)sigaddset(&orders, SIGTERM);
	(void)sigaddset(&orders, o->conf.signal);
	(void)sigprocmask(SIG_BLOCK, &orders, &before);
	r.deadline = clock_ms() + job->timeout + SLACK_MS;
	r.fd[ORDERS] = (struct pollfd){.fd = signalfd(-1, &orders, SFD_CLOEXEC), .events = POLLIN};
	r.fd[WORKER] = (struct pollfd){.fd = o->conf.worker};
	if (r.fd[ORDERS].fd >= 0 && set_environment(o, job) == 0)
		status = run_program(&r);
	if (status < 0)
		outcome = job_refuse(a, "%.300s cannot be run: %s", o->conf.command[0],
				     strerror(errno));
	else
		outcome = judge(&r, status, job->binary, a);
	close_watched(&r, ORDERS);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return outcome;
}

static void
once_stop(void *state)
{
	(void)state;
}

static void
once_free(void *state)
{
	struct once *o = state;

	buf_release(&o->values);
	buf_release(&o->reply);
	free(o->environment);
	free(o);
}

void *
handler_once_new(const struct handler_once_conf *conf)
{
	struct once *o = calloc(1, sizeof *o);

	if (o == NULL)
		return NULL;
	o->conf = *conf;
	while (conf->environment[o->variables] != NULL)
		o->variables++;
	o->environment = calloc(o->variables + EXTRA + 1, sizeof *o->environment);
	if (o->environment == NULL) {
		free(o);
		return NULL;
	}
	memcpy(o->environment, conf->environment, o->variables * sizeof *o->environment);
	return o;
}

const struct job_backend handler_once_backend = {.start = once_start,
						 .run = once_run,
						 .stop = once_stop,
						 .free = once_free,
						 .filter = SANDBOX_JOB_NONE};
