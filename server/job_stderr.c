/* job_stderr.c - see job_stderr.h. */
#include "job_stderr.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

enum {
	READS_A_TURN = 4, /* so much of the loop's time a process has that says a lot */
	PART = 3200	  /* bytes of a line of the log, escaped */
};

struct job_stderr {
	struct event *readable;
	int fd; /* -1: at its end */
	unsigned worker, number;
	pid_t pid;
	bool rest; /* of a line that was too long: up to its end nothing is taken */
	size_t n;
	char line[JOB_STDERR_LINE];
	char last[JOB_STDERR_LAST];
};

/* Of lines that tell none. */
static enum log_level usual = LOG_INFO;

void
job_stderr_show(void)
{
	usual = LOG_WARN;
}

/* ---- lines ---- */

/* "<4>text": the level of a line, and how many bytes tell it. */
static enum log_level
level_of(const char *line, size_t n, size_t *prefix)
{
	static const enum log_level levels[] = {LOG_ERROR, LOG_ERROR, LOG_ERROR, LOG_ERROR,
						LOG_WARN,  LOG_INFO,  LOG_INFO,	 LOG_VERBOSE};

	*prefix = 0;
	if (n < 3 || line[0] != '<' || line[2] != '>' || line[1] < '0' || line[1] > '7')
		return usual;
	*prefix = 3;
	return levels[line[1] - '0'];
}

/* The byte between quotes of logfmt; what cannot be seen is escaped by the log itself, as 4 bytes.
 * Returns what it comes to there. */
static size_t
put(char *out, size_t *n, char c)
{
	if (c == '\0') {
		memcpy(out + *n, "\\\\0", 3);
		*n += 3;
		return 3;
	}
	if (c == '"' || c == '\\') {
		out[(*n)++] = '\\';
		out[(*n)++] = c;
		return 2;
	}
	out[(*n)++] = c;
	return c >= ' ' && c < 0x7f ? 1 : 4;
}

static bool
is_inside_of_a_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* In lines of the log, of which each takes a part.  Returns the bytes taken. */
static size_t
log_part(const struct job_stderr *e, enum log_level level, const char *p, size_t n)
{
	char text[PART + 64];
	size_t used = 0, size = 0, i = 0;

	while (i < n && (used < PART || is_inside_of_a_character(p[i])) && size < PART)
		used += put(text, &size, p[i++]);
	text[size] = '\0';
	log_limited(level, "handler", "worker=%u process=%u process_pid=%d text=\"%s\"", e->worker,
		    e->number, (int)e->pid, text);
	return i;
}

static void
remember(struct job_stderr *e, const char *p, size_t n)
{
	if (n == 0)
		return;
	n = n < sizeof e->last ? n : sizeof e->last - 1;
	for (size_t i = 0; i < n; i++)
		e->last[i] = p[i] != '\0' ? p[i] : '?';
	e->last[n] = '\0';
}

static void
log_text(struct job_stderr *e, const char *p, size_t n)
{
	size_t prefix, taken;
	enum log_level level = level_of(p, n, &prefix);

	p += prefix;
	n -= prefix;
	remember(e, p, n);
	if (!log_wants(level))
		return;
	for (; n > 0; p += taken, n -= taken)
		taken = log_part(e, level, p, n);
}

/* What has come of a line is all that is taken of it. */
static void
end_line(struct job_stderr *e)
{
	if (!e->rest)
		log_text(e, e->line, e->n);
	e->n = 0;
	e->rest = false;
}

/* A part of a line, without its end. */
static void
add(struct job_stderr *e, const char *p, size_t n)
{
	size_t room = sizeof e->line - e->n;

	if (e->rest)
		return;
	memcpy(e->line + e->n, p, n < room ? n : room);
	e->n += n < room ? n : room;
	if (n < room)
		return;
	end_line(e);
	e->rest = true;
}

static void
take(struct job_stderr *e, const char *p, size_t n)
{
	const char *end;

	for (; (end = memchr(p, '\n', n)) != NULL; n -= (size_t)(end + 1 - p), p = end + 1) {
		add(e, p, (size_t)(end - p));
		end_line(e);
	}
	add(e, p, n);
}

/* ---- the pipe ---- */

static void
close_pipe(struct job_stderr *e)
{
	(void)event_del(e->readable);
	(void)close(e->fd);
	e->fd = -1;
}

/* True: there may be more. */
static bool
read_some(struct job_stderr *e)
{
	char space[16384];
	ssize_t n = read(e->fd, space, sizeof space);

	if (n > 0) {
		take(e, space, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n < 0)
		log_limited_errno(LOG_WARN, "cannot read what a job process says", "worker=%u",
				  e->worker);
	if (e->n > 0)
		end_line(e);
	close_pipe(e);
	return false;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	for (int i = 0; i < READS_A_TURN && read_some(arg); i++)
		continue;
}

struct job_stderr *
job_stderr_new(struct event_base *base, int fd, unsigned worker, unsigned number)
{
	struct job_stderr *e = malloc(sizeof *e);

	if (e != NULL) {
		e->fd = fd;
		e->worker = worker;
		e->number = number;
		e->pid = 0;
		e->rest = false;
		e->n = 0;
		e->last[0] = '\0';
		e->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, e);
		if (e->readable != NULL && event_add(e->readable, NULL) == 0)
			return e;
		if (e->readable != NULL)
			event_free(e->readable);
	}
	free(e);
	(void)close(fd);
	errno = ENOMEM;
	return NULL;
}

void
job_stderr_of(struct job_stderr *e, pid_t pid)
{
	e->pid = pid;
}

void
job_stderr_forget(struct job_stderr *e)
{
	if (e == NULL)
		return;
	if (e->fd >= 0)
		close_pipe(e);
	event_free(e->readable);
	free(e);
}

void
job_stderr_end(struct job_stderr *e, char last[JOB_STDERR_LAST])
{
	last[0] = '\0';
	if (e == NULL)
		return;
	for (int i = 0; i < READS_A_TURN && e->fd >= 0 && read_some(e); i++)
		continue;
	if (e->n > 0)
		end_line(e);
	memcpy(last, e->last, sizeof e->last);
	job_stderr_forget(e);
}
