/* log.c - see log.h. */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log_line.h"
#include "log_sink.h"

/* The logger: one a process. */
static struct {
	struct log_options options;
	int fd;	  /* of the log */
	int out;  /* of the narration */
	bool own; /* fd is the logger's to close */
	bool syslog;
	bool stderr_too;
	int tap;       /* errors go there too; -1: nowhere */
	bool confined; /* nothing may be opened */
	unsigned long dropped;
} logger = {.options = {.program = "policypool", .target = "stderr", .level = LOG_INFO},
	    .fd = STDERR_FILENO,
	    .tap = -1,
	    .out = STDOUT_FILENO};

#define LEVEL_TEXT(name, text) text,
static const char *const level_text[] = {LOG_LEVELS(LEVEL_TEXT)};

/* ---- what the logger itself knows ---- */

static void
put_head(struct log_line *l, enum log_level level, const char *msg)
{
	char when[CLOCK_TEXT], pid[24];

	if (l->json)
		log_line_put(l, "{");
	if (!logger.syslog) { /* syslog has its own */
		clock_text(when, sizeof when);
		log_line_pair(l, "time", when, false);
	}
	log_line_pair(l, "level", level_text[level], false);
	if (!logger.syslog)
		log_line_pair(l, "prog", logger.options.program, false);
	(void)snprintf(pid, sizeof pid, l->json ? ",\"pid\":%d" : " pid=%d", (int)getpid());
	log_line_put(l, pid);
	log_line_pair(l, "msg", msg, true);
}

static void
put_dropped(struct log_line *l)
{
	char text[40];

	if (logger.dropped == 0)
		return;
	(void)snprintf(text, sizeof text, l->json ? ",\"dropped\":%lu" : " dropped=%lu",
		       logger.dropped);
	log_line_end(l, text);
}

/* ---- letting it go ---- */

/* Pipes and terminals are opened anew so that they don't block.  A regular file does not, and has
 * its place in the description that whoever else writes to it shares; a socket has flags per call.
 */
static int
unblocked(int fd)
{
	struct stat st;

	if (logger.confined || fstat(fd, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return fd;
	return log_sink_unblocked(fd);
}

/* To stderr as it is now, which is not the logger's to keep open. */
static bool
write_stderr(const char *line, size_t n)
{
	int fd = unblocked(STDERR_FILENO);
	bool done = log_sink_write(fd, line, n);

	if (fd != STDERR_FILENO)
		(void)close(fd);
	return done;
}

static bool
write_log(struct log_line *l, enum log_level level)
{
	if (logger.fd == STDERR_FILENO)
		return write_stderr(l->text, l->n);
	if (logger.syslog) /* which ends its lines itself */
		return log_sink_syslog(logger.fd, LOG_SINK_SYSLOG, logger.options.program, level,
				       l->text, l->n - 1);
	return log_sink_write(logger.fd, l->text, l->n);
}

/* ---- lines that others made ---- */

/* The bytes that leave together: a file takes all, syslog a line, a pipe what it takes undivided.
 */
static size_t
piece_of(const char *lines, size_t n)
{
	size_t end = 0, next;

	if (log_file() >= 0)
		return n;
	do {
		const char *nl = memchr(lines + end, '\n', n - end);
		next = nl != NULL ? (size_t)(nl - lines) + 1 : n;
		if (end > 0 && (logger.syslog || next > LOG_LINE))
			break;
		end = next;
	} while (end < n);
	return end;
}

static bool
write_piece(const char *lines, size_t n)
{
	if (logger.fd == STDERR_FILENO)
		return write_stderr(lines, n);
	if (logger.syslog)
		return log_sink_syslog(logger.fd, LOG_SINK_SYSLOG, logger.options.program, LOG_INFO,
				       lines, n - 1);
	return log_sink_write(logger.fd, lines, n);
}

static unsigned
count_lines(const char *lines, size_t n)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += lines[i] == '\n';
	return count;
}

unsigned
log_raw(const char *lines, unsigned long n)
{
	unsigned lost = 0;
	int saved = errno;

	while (n > 0) {
		size_t piece = piece_of(lines, n);
		if (!write_piece(lines, piece))
			lost += count_lines(lines, piece);
		lines += piece;
		n -= piece;
	}
	errno = saved;
	return lost;
}

static void
deliver(struct log_line *l, enum log_level level)
{
	if (l->json)
		log_line_end(l, "}");
	log_line_end(l, "\n");
	if (logger.stderr_too && level <= LOG_WARN)
		(void)write_stderr(l->text, l->n);
	if (logger.tap >= 0 && level == LOG_ERROR)
		(void)log_sink_write(logger.tap, l->text, l->n);
	if (write_log(l, level)) {
		logger.dropped = 0;
	} else {
		logger.dropped++;
	}
}

static void put_fields(struct log_line *l, const char *fields, va_list ap) PRINTF_LIKE(2, 0);

static void
put_fields(struct log_line *l, const char *fields, va_list ap)
{
	char text[LOG_LINE];

	if (fields == NULL)
		return;
	if (vsnprintf(text, sizeof text, fields, ap) < 0 || text[0] == '\0')
		return;
	log_line_fields(l, text);
}

static void emit(enum log_level level, const char *msg, int error, const char *fields, va_list ap)
	PRINTF_LIKE(4, 0);

static void
emit(enum log_level level, const char *msg, int error, const char *fields, va_list ap)
{
	struct log_line l;
	int saved = errno;

	assert(level < LOG_LEVEL_COUNT);
	if (log_wants(level)) {
		log_line_start(&l, logger.options.json);
		put_head(&l, level, msg);
		put_fields(&l, fields, ap);
		if (error != 0)
			log_line_pair(&l, "error", strerror(error), true);
		put_dropped(&l);
		deliver(&l, level);
	}
	errno = saved;
}

void
log_event(enum log_level level, const char *msg, const char *fields, ...)
{
	va_list ap;

	va_start(ap, fields);
	emit(level, msg, 0, fields, ap);
	va_end(ap);
}

void
log_errno(enum log_level level, const char *msg, const char *fields, ...)
{
	va_list ap;

	va_start(ap, fields);
	emit(level, msg, errno, fields, ap);
	va_end(ap);
}

/* ---- the logger ---- */

static int
open_target(const char *target, int *fd)
{
	if (strcmp(target, "syslog") == 0)
		*fd = log_sink_syslog_open();
	else if (strcmp(target, "stderr") == 0)
		*fd = unblocked(STDERR_FILENO);
	else
		*fd = log_sink_file(target);
	return *fd < 0 ? -1 : 0;
}

int
log_open(const struct log_options *o)
{
	int fd, saved = errno;

	tzset(); /* reads a file, which a confined worker may not */
	if (open_target(o->target, &fd) < 0)
		return -1;
	log_close();
	logger.options = *o;
	logger.fd = fd;
	logger.own = fd != STDERR_FILENO;
	logger.syslog = strcmp(o->target, "syslog") == 0;
	if (o->narrate)
		logger.out = unblocked(STDOUT_FILENO);
	errno = saved;
	return 0;
}

int
log_file(void)
{
	if (!logger.own || logger.syslog || strcmp(logger.options.target, "stderr") == 0)
		return -1;
	return logger.fd;
}

int
log_reopen(void)
{
	int fd, saved = errno;

	if (log_file() < 0)
		return 0;
	fd = log_sink_file(logger.options.target);
	if (fd < 0)
		return -1;
	log_take_file(fd);
	errno = saved;
	return 0;
}

void
log_take_file(int fd)
{
	int saved = errno;

	if (log_file() >= 0)
		(void)close(logger.fd);
	logger.fd = fd;
	logger.own = true;
	errno = saved;
}

void
log_tell_too(int fd)
{
	int saved = errno;

	if (logger.tap >= 0)
		(void)close(logger.tap);
	logger.tap = fd;
	errno = saved;
}

void
log_confine(void)
{
	logger.confined = true;
}

void
log_descriptors(int fd[LOG_DESCRIPTORS])
{
	fd[0] = STDERR_FILENO;
	fd[1] = logger.fd;
	fd[2] = logger.out;
}

void
log_close(void)
{
	int saved = errno;

	if (logger.own)
		(void)close(logger.fd);
	if (logger.out != STDOUT_FILENO)
		(void)close(logger.out);
	logger.fd = STDERR_FILENO;
	logger.out = STDOUT_FILENO;
	logger.own = logger.syslog = false;
	logger.options.narrate = false;
	logger.options.json = false;
	errno = saved;
}

void
log_to_stderr_too(bool on)
{
	logger.stderr_too = on;
}

bool
log_wants(enum log_level level)
{
	return level <= logger.options.level;
}

bool
log_narrates(void)
{
	return logger.options.narrate;
}

void
log_narrate(const char *fmt, ...)
{
	char text[LOG_LINE];
	struct log_line l;
	int saved = errno, n;
	va_list ap;

	if (!logger.options.narrate)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n >= 0) {
		log_line_start(&l, false);
		log_line_text(&l, text, strlen(text));
		log_line_end(&l, "\n");
		if (!log_sink_write(logger.out, l.text, l.n))
			logger.dropped++;
	}
	errno = saved;
}
