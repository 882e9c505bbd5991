/* job_child.c - see job_child.h. */
#include "job_child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handler_reach.h"
#include "job_runner.h"
#include "log.h"
#include "proctitle.h"
#include "sandbox_domain.h"
#include "sandbox_program.h"

enum {
	OPEN_FILES = 1024,	   /* descriptors of a process */
	PROCESSES_A_JOB = 64,	   /* of a user of its own, and what they start */
	PROCESSES_LEAST = 1024,	   /* threads count too */
	SOONER_OUT_OF_MEMORY = 500 /* oom_score_adj: before the daemon */
};

static bool plain; /* in the child: see job_child.h */

/* The pipe is there, and takes a line at any time. */
PRINTF_LIKE(1, 2)
static NORETURN void
fail(const char *fmt, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, fmt);
	(void)fputs(plain ? "" : "<3>", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fprintf(stderr, ": %s\n", strerror(error));
	va_end(ap);
	_exit(JOB_CHILD_FAILED);
}

/* ---- as a new process has them ---- */

/* Also those that the daemon ignores, which a program executed would inherit. */
static void
reset_signals(void)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &standard, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The three are not among 0, 1 and 2, which a daemon has open. */
static void
take_descriptors(const struct job_child *c)
{
	if (dup2(c->err, STDERR_FILENO) < 0 || dup2(c->in, STDIN_FILENO) < 0 ||
	    dup2(c->out, STDOUT_FILENO) < 0)
		fail("descriptors");
	log_close(); /* its descriptors too; from now on lines go to standard error */
	if (close_range(STDERR_FILENO + 1, UINT_MAX, 0) < 0)
		fail("cannot close the daemon's descriptors");
}

/* ---- environment ---- */

static char *
join(const char *before, const char *text)
{
	char *joined;

	if (asprintf(&joined, "%s%s", before, text) < 0)
		fail("out of memory");
	return joined;
}

/* Is the variable of that text given by handler_env? */
static bool
is_given(const struct conf_list *env, const char *text)
{
	size_t n = strcspn(text, "=") + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->item[i], text, n) == 0)
			return true;
	return false;
}

/* Ended by NULL. */
static char **
environment(const struct job_child *c)
{
	const struct handler_conf *h = c->conf;
	char **env = calloc(h->env.n + h->setting.n + 8, sizeof *env);
	char cookie[64];
	size_t n = 0;

	if (env == NULL)
		fail("out of memory");
	for (const char *const *e = handler_default_env; *e != NULL; e++)
		if (!is_given(&h->env, *e))
			env[n++] = join("", *e);
	for (size_t i = 0; i < h->env.n; i++)
		env[n++] = h->env.item[i];
	for (size_t i = 0; i < h->setting.n; i++)
		env[n++] = join("PPOOL_", h->setting.item[i]);
	(void)snprintf(cookie, sizeof cookie, JOB_CHILD_COOKIE "=%d.%" PRIu64, (int)c->master,
		       c->serial);
	env[n] = join("", cookie);
	return env;
}

static char **
list_of(const struct conf_list *l)
{
	char **out = calloc(l->n + 1, sizeof *out);

	if (out == NULL)
		fail("out of memory");
	for (size_t i = 0; i < l->n; i++)
		out[i] = l->item[i];
	return out;
}

/* ---- what it gives up ---- */

bool
job_child_has_own_user(const struct handler_conf *h, const struct daemon_conf *d)
{
	const struct privdrop *plan = &h->user.plan;

	return plan->change_user && plan->uid != d->isolation.plan.uid && plan->uid != geteuid();
}

/* Where memory runs out, the job is to end and not the daemon. */
static void
offer_to_the_oom_killer(void)
{
	char text[16];
	int dumpable = prctl(PR_GET_DUMPABLE), fd, n;

	(void)prctl(PR_SET_DUMPABLE, 1UL); /* the file is root's otherwise */
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	n = snprintf(text, sizeof text, "%d", SOONER_OUT_OF_MEMORY);
	if (fd >= 0 && write(fd, text, (size_t)n) < 0)
		errno = 0; /* it is more already, or can't be had */
	if (fd >= 0)
		(void)close(fd);
	(void)prctl(PR_SET_DUMPABLE, (unsigned long)(dumpable == 1));
}

/* A user's processes are counted together, so only where no other processes of it are ours. */
static void
limit_processes(const struct job_child *c)
{
	rlim_t most = (rlim_t)daemon_slots(c->daemon) * c->conf->processes * PROCESSES_A_JOB;
	struct rlimit l;

	if (!job_child_has_own_user(c->conf, c->daemon) || getrlimit(RLIMIT_NPROC, &l) < 0)
		return;
	if (most < PROCESSES_LEAST)
		most = PROCESSES_LEAST;
	if (c->conf->max_processes > 0)
		most = c->conf->max_processes;
	if (l.rlim_max != RLIM_INFINITY && most > l.rlim_max)
		most = l.rlim_max;
	l.rlim_cur = l.rlim_max = most;
	if (setrlimit(RLIMIT_NPROC, &l) < 0)
		fail("limits");
}

static bool
is_filtered(const struct handler_conf *h, const struct daemon_conf *d)
{
	return h->seccomp && d->isolation.level < ISOLATION_UNFILTERED;
}

void
job_child_tell_isolation(const struct handler_conf *h, const struct daemon_conf *d)
{
	if (handler_conf_has_processes(h) && is_filtered(h, d) && !sandbox_domain_can())
		log_event(LOG_WARN, "a job process can read and answer the jobs of others",
			  "why=\"this kernel has no Landlock, of Linux 5.19\"");
}

static void
confine(const struct job_child *c)
{
	const pid_t spared[] = {c->master, -getpgid(c->master), c->worker_pid};
	const struct sandbox_program filter = {
		.network = c->conf->network, .spared = spared, .n = sizeof spared / sizeof *spared};
	struct privdrop plan = c->conf->user.plan;

	plan.level = (enum isolation)c->daemon->isolation.level;
	plan.umask = (mode_t)c->daemon->isolation.umask;
	plan.core = c->daemon->isolation.core;
	plan.max_files = OPEN_FILES;
	plan.address_space = 0;
	offer_to_the_oom_killer();
	limit_processes(c);
	if (privdrop_apply(&plan) < 0)
		_exit(JOB_CHILD_FAILED);
	/* The kernel forgets it when the user changes. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != c->master)
		_exit(JOB_CHILD_FAILED);
	if (chdir(c->conf->directory[0] != '\0' ? c->conf->directory : "/") < 0)
		fail("handler_directory: %s", c->conf->directory);
	if (!is_filtered(c->conf, c->daemon))
		return;
	sandbox_domain_enter();
	if (sandbox_program_apply(plan.level, &filter) < 0)
		_exit(JOB_CHILD_FAILED);
}

/* ---- its code ---- */

/* Where this user may not enter a folder on the way to the program, that one is named. */
static void
tell_closed_folder(const struct job_child *c)
{
	int n = (int)handler_reach_closed(c->conf->program);
	const char *path = c->conf->program;
	char user[32];

	if (n == 0)
		return;
	errno = EACCES;
	fail("%s: " HANDLER_REACH_WHY, path, handler_reach_user(geteuid(), user), n, path, n, path);
}

static NORETURN void
be_program(const struct job_child *c)
{
	char **argv = list_of(&c->conf->command), **env = environment(c);
	int error;

	confine(c);
	(void)execve(c->conf->program, argv, env);
	error = errno;
	if (error == EACCES)
		tell_closed_folder(c);
	errno = error;
	fail("cannot execute %s", c->conf->program);
}

static enum job_runner_kind
runner_kind(const struct handler_conf *h)
{
	return h->kind == HANDLER_MODULE      ? JOB_RUNNER_MODULE
	       : h->kind == HANDLER_EXEC_ONCE ? JOB_RUNNER_ONCE
					      : JOB_RUNNER_PSEUDONYM;
}

/* The command is found once: what is executed is what was checked. */
static NORETURN void
be_runner(const struct job_child *c)
{
	const struct handler_conf *h = c->conf;
	struct job_runner_conf conf = {.kind = runner_kind(h),
				       .max_message = c->daemon->max_message,
				       .max_reply = h->max_reply,
				       .seccomp = h->seccomp,
				       .module = h->module,
				       .setting = list_of(&h->setting),
				       .environment = environment(c),
				       .text = h->known->shape != JOB_ANY,
				       .signal = h->signal,
				       .grace = h->grace,
				       .keys = h->pseudonym_keys,
				       .domain = h->pseudonym_domain};
	char **command = list_of(&h->command);
	struct job_runner *r;

	if (h->command.n > 0)
		command[0] = join("", h->program);
	conf.command = command;
	proctitle_set("job %u.%u %s", c->worker, c->number, h->name);
	r = job_runner_new(&conf, stderr);
	if (r == NULL)
		_exit(JOB_CHILD_FAILED);
	confine(c);
	_exit(job_runner_run(r));
}

NORETURN static void
be(const struct job_child *c)
{
	(void)setsid();
	plain = c->plain;
	reset_signals();
	if (c->conf->kind != HANDLER_EXEC)
		c->forget(c->ctx);
	take_descriptors(c);
	if (c->conf->kind == HANDLER_EXEC)
		be_program(c);
	be_runner(c);
}

/* Signals are blocked until the child has its own handlers, so that none meant for it is told to
 * the master's loop. */
pid_t
job_child_fork(const struct job_child *c)
{
	sigset_t all, before;
	pid_t pid;
	int error;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		be(c);
	error = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}
