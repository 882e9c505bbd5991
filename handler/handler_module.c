/* handler_module.c - see handler_module.h. */
#include "handler_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <policypool/handler.h>

#include "clock.h"
#include "module_elf.h"

enum { FILE_MAX = 256 << 20, LOG_MAX = 4096, REASON = 160, RETRY_MS = 100, RETRY_MAX = 3600000 };

struct module {
	const char *path;
	size_t max_reply;
	const struct ppool_handler *handler; /* once it is loaded */
	void *state;
};

/* ---- what a module may ask for: functions without a state ---- */

static char *const *module_setting;

static const char *
host_setting(const char *key)
{
	size_t n = strlen(key);

	for (char *const *s = module_setting; s != NULL && *s != NULL; s++)
		if (strncmp(*s, key, n) == 0 && (*s)[n] == '=')
			return *s + n + 1;
	return NULL;
}

/* A line as of sd-daemon(3), in one write. */
static void
host_log(int level, const char *text)
{
	char line[LOG_MAX];
	size_t n;

	if (level < PPOOL_LOG_ERROR || level > PPOOL_LOG_DEBUG)
		level = PPOOL_LOG_INFO;
	(void)snprintf(line, sizeof line - 1, "<%d>%s", level, text != NULL ? text : "");
	n = strlen(line);
	for (char *p = line; p < line + n; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	line[n++] = '\n';
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		continue;
}

static const struct ppool_host host = {sizeof host, host_log, host_setting};

/* ---- loading ---- */

static int
say(char why[HANDLER_WHY], const char *path, const char *what)
{
	if (strncmp(what, path, strlen(path)) == 0) /* the loader's own words may begin so */
		(void)snprintf(why, HANDLER_WHY, "%s", what);
	else
		(void)snprintf(why, HANDLER_WHY, "%.300s: %s", path, what);
	return -1;
}

/* The whole of a regular file: its bytes, to be freed, or NULL with *why. */
static char *
read_file(int fd, size_t *n, const char **why)
{
	struct stat st;
	char *text = NULL;
	ssize_t got = 0;

	*why = fstat(fd, &st) < 0				 ? strerror(errno)
	       : !S_ISREG(st.st_mode)				 ? "it is no regular file"
	       : st.st_size > FILE_MAX				 ? "it is larger than 256 MiB"
	       : (text = malloc((size_t)st.st_size + 1)) == NULL ? strerror(ENOMEM)
								 : NULL;
	for (*n = 0; *why == NULL && *n < (size_t)st.st_size; *n += (size_t)got) {
		got = read(fd, text + *n, (size_t)st.st_size - *n);
		if (got < 0)
			*why = strerror(errno);
		if (got <= 0)
			break;
	}
	if (*why == NULL)
		return text;
	free(text);
	return NULL;
}

int
handler_module_check(const char *path, char why[HANDLER_WHY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc = -1;
	const char *error = NULL;
	char *text = NULL, reason[REASON];
	size_t n = 0;

	if (fd < 0)
		return say(why, path, strerror(errno));
	text = read_file(fd, &n, &error);
	if (text == NULL)
		(void)say(why, path, error);
	else if (module_elf_judge(span_of(text, n), reason, sizeof reason) < 0)
		(void)say(why, path, reason);
	else
		rc = 0;
	free(text);
	(void)close(fd);
	return rc;
}

/* The loader names a library or a symbol that is missing. */
static int
load(struct module *m, char why[HANDLER_WHY])
{
	void *object;
	char reason[REASON];

	if (handler_module_check(m->path, why) < 0)
		return -1;
	object = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
	m->handler = object == NULL ? NULL : dlsym(object, "ppool_handler_1");
	if (m->handler == NULL) {
		const char *text = dlerror();
		return say(why, m->path, text != NULL ? text : "ppool_handler_1 is NULL");
	}
	if (module_elf_abi(m->handler->abi, m->handler->size, reason, sizeof reason) < 0)
		return say(why, m->path, reason);
	return m->handler->run != NULL ? 0 : say(why, m->path, "it has no run()");
}

/* ---- the backend ---- */

static int
module_start(void *state, bool *repeatable, char why[HANDLER_WHY])
{
	struct module *m = state;
	int rc;

	if (load(m, why) < 0)
		return -1;
	rc = m->handler->start == NULL ? 0 : m->handler->start(&host, &m->state);
	if (rc != 0) {
		(void)snprintf(why, HANDLER_WHY, "%s: its start() has returned %d", m->path, rc);
		return -1;
	}
	*repeatable = (m->handler->flags & PPOOL_REPEATABLE) != 0;
	return 0;
}

static struct ppool_text
text_of(struct span s)
{
	return (struct ppool_text){s.p, s.n};
}

/* Only what a reply may have is looked at. */
static enum job_outcome
take_payload(const struct module *m, const struct ppool_reply *r, struct job_reply *a)
{
	if (r->payload.n > m->max_reply)
		return job_refuse(a, "its reply has %zu bytes, handler_max_reply is %zu",
				  r->payload.n, m->max_reply);
	if (r->payload.p == NULL && r->payload.n > 0)
		return job_refuse(a, "its reply has %zu bytes at NULL", r->payload.n);
	a->payload = span_of(r->payload.p, r->payload.n);
	a->binary = r->binary;
	return JOB_DONE;
}

static enum job_outcome
take_reply(const struct module *m, enum ppool_result result, const struct ppool_reply *r,
	   struct job_reply *a)
{
	switch (result) {
	case PPOOL_DONE: return take_payload(m, r, a);
	case PPOOL_BUSY:
		a->retry = r->retry_after_ms == 0	   ? RETRY_MS
			   : r->retry_after_ms > RETRY_MAX ? RETRY_MAX
							   : r->retry_after_ms;
		return JOB_BUSY;
	case PPOOL_REFUSED:
		return job_refuse(a, "%.*s", HANDLER_WHY - 1,
				  r->error != NULL ? r->error : "refused");
	case PPOOL_FAILED:
		(void)job_refuse(a, "%.*s", HANDLER_WHY - 1,
				 r->error != NULL ? r->error : "failed");
		host_log(PPOOL_LOG_ERROR, a->why);
		return JOB_REFUSED;
	}
	return job_refuse(a, "its run() has returned %d", (int)result);
}

static enum job_outcome
module_run(void *state, const struct job_request *job, struct job_reply *a)
{
	struct module *m = state;
	struct ppool_reply reply = {.size = sizeof reply};
	const struct ppool_job j = {.size = sizeof j,
				    .number = job->number,
				    .deadline_us = clock_us() + job->timeout * 1000,
				    .payload = text_of(job->payload),
				    .policy = text_of(job->policy),
				    .client = text_of(job->client),
				    .binary = job->binary};

	return take_reply(m, m->handler->run(m->state, &j, &reply), &reply, a);
}

static void
module_stop(void *state)
{
	struct module *m = state;

	if (m->handler->stop != NULL)
		m->handler->stop(m->state);
}

void *
handler_module_new(const char *path, char *const *setting, size_t max_reply)
{
	struct module *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	*m = (struct module){.path = path, .max_reply = max_reply};
	module_setting = setting;
	return m;
}

const struct job_backend handler_module_backend = {.start = module_start,
						   .run = module_run,
						   .stop = module_stop,
						   .free = free,
						   .filter = SANDBOX_JOB_MODULE};
