/* runner_fixture.h - a job process of ours: forked, asked by lines, its end and what it said looked
 * at. */
#ifndef POLICYPOOL_RUNNER_FIXTURE_H
#define POLICYPOOL_RUNNER_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job_runner.h"
#include "sandbox.h"

enum { FIXTURE_LINE = 1 << 21, FIXTURE_MS = 60000 };

#define READY "{\"job\":0,\"policy\":\"111\",\"srcid\":\"\",\"timeout\":10000,\"payload\":\"\"}"

static struct runner {
	pid_t pid;
	int in, out, err; /* its standard streams' other ends; err: a file in memory */
	char line[FIXTURE_LINE];
} runner;

/* Words, the last of them NULL, as settings have them; never freed. */
static inline char *const *
words(const char *first, ...)
{
	char **list = calloc(16, sizeof *list);
	va_list ap;

	cr_assert_not_null(list);
	va_start(ap, first);
	for (size_t n = 0; first != NULL && n < 15; first = va_arg(ap, const char *))
		list[n++] = strdup(first);
	va_end(ap);
	return list;
}

/* As the master does it. */
static void
become_runner(const struct job_runner_conf *conf, int in, int out)
{
	struct job_runner *r;

	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(runner.err, 2) < 0 ||
	    close_range(3, ~0U, 0) < 0)
		_exit(100);
	r = job_runner_new(conf, stderr);
	_exit(r == NULL ? 99 : job_runner_run(r));
}

static inline void
runner_begin(struct job_runner_conf conf)
{
	int in[2], out[2];

	if (conf.max_message == 0)
		conf.max_message = 1 << 20;
	if (conf.max_reply == 0)
		conf.max_reply = 1 << 20;
	(void)signal(SIGPIPE, SIG_IGN);
	runner.err = memfd_create("stderr", MFD_CLOEXEC);
	cr_assert_eq(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	runner.pid = fork();
	if (runner.pid == 0)
		become_runner(&conf, in[0], out[1]);
	cr_assert_gt(runner.pid, 0);
	(void)close(in[0]);
	(void)close(out[1]);
	runner.in = in[1];
	runner.out = out[0];
}

/* The next answer, without its LF, or "" at the end. */
static inline const char *
runner_hear(void)
{
	struct pollfd p = {.fd = runner.out, .events = POLLIN};
	size_t n = 0;

	while (n < sizeof runner.line - 1) {
		cr_assert_eq(poll(&p, 1, FIXTURE_MS), 1, "no answer in time");
		if (read(runner.out, runner.line + n, 1) != 1 || runner.line[n] == '\n')
			break;
		n++;
	}
	runner.line[n] = '\0';
	return runner.line;
}

static inline const char *
runner_ask(const char *line)
{
	size_t n = strlen(line);

	cr_assert_eq(write(runner.in, line, n), (ssize_t)n);
	cr_assert_eq(write(runner.in, "\n", 1), 1);
	return runner_hear();
}

/* A job with that payload, escaped. */
static inline const char *
runner_job(const char *payload)
{
	static char line[FIXTURE_LINE];

	(void)snprintf(line, sizeof line,
		       "{\"job\":1,\"policy\":\"111\",\"srcid\":\"7\",\"timeout\":30000,"
		       "\"payload\":\"%s\"}",
		       payload);
	return runner_ask(line);
}

static inline int
runner_reap(void)
{
	int status;

	cr_assert_eq(waitpid(runner.pid, &status, 0), runner.pid);
	return status;
}

/* What it said on standard error. */
static inline const char *
runner_said(void)
{
	static char text[65536];
	ssize_t n = pread(runner.err, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Is there a filter of its system calls? */
static inline bool
runner_is_filtered(void)
{
	char path[40], line[256];
	bool filtered = false;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)runner.pid);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		filtered |= strcmp(line, "Seccomp:\t2\n") == 0;
	(void)fclose(f);
	return filtered;
}

/* Its status, once nobody has jobs for it any more. */
static inline int
runner_end(void)
{
	int status;

	(void)close(runner.in);
	status = runner_reap();
	(void)close(runner.out);
	return status;
}

#define ANSWERS(payload, line) cr_assert_str_eq(runner_job(payload), line)
#define SAID(text)	       cr_assert_neq(strstr(runner_said(), text), NULL, "%s", runner_said())
#define EXITS(status)                                                                        \
	do {                                                                                 \
		int s = runner_end();                                                        \
		cr_assert(WIFEXITED(s) && WEXITSTATUS(s) == (status), "%x: %s", (unsigned)s, \
			  runner_said());                                                    \
	} while (0)

#endif
