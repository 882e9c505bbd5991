/* job_runner.c - see job_runner.h. */
#include "job_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler_module.h"
#include "handler_once.h"
#include "job_backend.h"
#include "job_io.h"
#include "pseudonym.h"
#include "sandbox.h"
#include "secure_mem.h"

enum { LINE_EXTRA = 4096, CHUNK = 65536 }; /* bytes of a line beside its payload; read at once */

struct job_runner {
	const struct job_runner_conf *conf;
	const struct job_backend *backend;
	void *state;
	bool repeatable;
	int from, to; /* the worker's pipes */
	struct buf in;
	struct job_io io;
};

static void
runner_free(struct job_runner *r)
{
	if (r->state != NULL)
		r->backend->free(r->state);
	job_io_release(&r->io);
	buf_release(&r->in);
	free(r);
}

/* A reason on standard error; the status to end with. */
static int
give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "<3>%s%s%s\n", what, why != NULL ? ": " : "", why != NULL ? why : "");
	return 1;
}

/* ---- the pipes ---- */

/* Elsewhere, so that what a module prints is logged and no answer.  0, or -1 with errno. */
static int
move_pipes(struct job_runner *r)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	r->from = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	r->to = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (null < 0 || r->from < 0 || r->to < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -1;
	(void)close(null);
	return 0;
}

/* 1: *line is the next one, without its LF; 0: there is none any more; -1 with errno. */
static int
next_line(struct job_runner *r, struct span *line)
{
	size_t looked = 0;

	for (;;) {
		struct span there = buf_span(&r->in);
		const char *end = there.n == looked
					  ? NULL
					  : memchr(there.p + looked, '\n', there.n - looked);
		ssize_t n;
		if (end != NULL) {
			*line = span_of(there.p, (size_t)(end - there.p));
			return 1;
		}
		looked = there.n;
		errno = EMSGSIZE;
		if (looked > r->conf->max_message + LINE_EXTRA ||
		    buf_reserve(&r->in, CHUNK) == NULL)
			return -1;
		n = read(r->from, r->in.base + r->in.tail, CHUNK);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
		buf_commit(&r->in, n > 0 ? (size_t)n : 0);
	}
}

/* 0, or -1 with errno. */
static int
send_line(const struct job_runner *r, struct span line)
{
	while (line.n > 0) {
		ssize_t n = write(r->to, line.p, line.n);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			line = span_of(line.p + n, line.n - (size_t)n);
	}
	return 0;
}

/* ---- jobs ---- */

/* 0; 1: the worker is gone; -1 with errno. */
static int
answer(struct job_runner *r, uint64_t number, enum job_outcome outcome, const struct job_reply *a)
{
	struct span line;

	if (job_io_write(&r->io, number, outcome, a, &line) < 0)
		return -1;
	if (send_line(r, line) == 0)
		return 0;
	return errno == EPIPE ? 1 : -1;
}

/* The question whether we are ready; why: we are not.  As answer(). */
static int
tell_readiness(struct job_runner *r, const char *why)
{
	struct job_reply a = {.repeatable = r->repeatable};

	return why == NULL ? answer(r, 0, JOB_DONE, &a)
			   : answer(r, 0, job_refuse(&a, "%s", why), &a);
}

/* Jobs until there are no more.  The status to end with. */
static int
serve(struct job_runner *r, const char *not_ready)
{
	struct job_request job;
	struct span line;
	const char *why;
	int rc;

	while ((rc = next_line(r, &line)) > 0) {
		struct job_reply a = {.repeatable = false};
		if (job_io_read(&r->io, line, &job, &why) < 0)
			return give_up("a line that is no job", why);
		if (not_ready != NULL || job.number == 0)
			rc = tell_readiness(r, not_ready);
		else
			rc = answer(r, job.number, r->backend->run(r->state, &job, &a), &a);
		if (rc != 0 || not_ready != NULL)
			break;
		buf_consume(&r->in, line.n + 1);
	}
	if (rc < 0)
		return give_up("the worker's pipes", strerror(errno));
	return not_ready == NULL ? 0 : 1;
}

/* ---- its beginning and its end ---- */

static int
open_backend(struct job_runner *r, FILE *err)
{
	const struct job_runner_conf *c = r->conf;

	switch (c->kind) {
	case JOB_RUNNER_MODULE:
		r->backend = &handler_module_backend;
		r->state = handler_module_new(c->module, c->setting, c->max_reply);
		break;
	case JOB_RUNNER_ONCE:
		r->backend = &handler_once_backend;
		break; /* once it knows its pipes */
	case JOB_RUNNER_PSEUDONYM:
		r->backend = &pseudonym_backend;
		secure_mem_refuse_cores();
		r->state = pseudonym_load(c->keys, c->domain, err);
		return r->state == NULL ? -1 : 0; /* told */
	}
	if (r->state != NULL || c->kind == JOB_RUNNER_ONCE)
		return 0;
	(void)fprintf(err, "handler: out of memory\n");
	return -1;
}

struct job_runner *
job_runner_new(const struct job_runner_conf *conf, FILE *err)
{
	struct job_runner *r = calloc(1, sizeof *r);

	if (r == NULL) {
		(void)fprintf(err, "handler: out of memory\n");
		return NULL;
	}
	*r = (struct job_runner){.conf = conf, .io = {.max_reply = conf->max_reply}};
	if (open_backend(r, err) == 0)
		return r;
	runner_free(r);
	return NULL;
}

/* All the memory that lines need is taken now: a filter may forbid to ask for more. */
static int
reserve(struct job_runner *r)
{
	size_t line = r->conf->max_message + LINE_EXTRA;

	return buf_reserve(&r->in, line + CHUNK) == NULL || job_io_reserve(&r->io, line) < 0 ? -1
											     : 0;
}

static int
open_once(struct job_runner *r)
{
	const struct job_runner_conf *c = r->conf;
	const struct handler_once_conf once = {.command = c->command,
					       .environment = c->environment,
					       .max_reply = c->max_reply,
					       .text = c->text,
					       .signal = c->signal,
					       .grace = c->grace,
					       .worker = r->from};

	r->state = handler_once_new(&once);
	return r->state == NULL ? -1 : 0;
}

/* 0, or -1 with why. */
static int
start(struct job_runner *r, char why[HANDLER_WHY])
{
	if (r->backend->start(r->state, &r->repeatable, why) < 0)
		return -1;
	if (!r->conf->seccomp || sandbox_job_apply(r->backend->filter) == 0)
		return 0;
	(void)snprintf(why, HANDLER_WHY, "system calls cannot be filtered: %s: see handler_seccomp",
		       strerror(errno));
	return -1;
}

int
job_runner_run(struct job_runner *r)
{
	char why[HANDLER_WHY] = "";
	int status;

	(void)signal(SIGPIPE, SIG_IGN);
	if (move_pipes(r) < 0 || reserve(r) < 0 ||
	    (r->conf->kind == JOB_RUNNER_ONCE && open_once(r) < 0))
		status = give_up("a job process cannot start", strerror(errno));
	else if (start(r, why) < 0) {
		status = give_up(why, NULL);
		(void)serve(r, why);
	} else {
		status = serve(r, NULL);
		if (status == 0)
			r->backend->stop(r->state);
	}
	/* The strictest filter lets no memory be given back, and the process ends anyway. */
	if (r->backend->filter != SANDBOX_JOB_PIPE || sandbox_why_not() != NULL)
		runner_free(r);
	return status;
}
