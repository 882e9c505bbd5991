/* log.c - see log.h. */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log_line.h"
#include "log_rate.h"
#include "log_sink.h"
#include "log_target.h"

/* The logger: one a process. */
static struct {
	struct log_options options;
	char *target; /* a copy, which options have; NULL: they have a constant */
	enum log_kind kind;
	bool open; /* else a line goes to stderr as it is at that moment */
	struct log_sink log, narration;
	struct log_sink tap; /* errors go there too */
	bool stderr_too;
	bool confined;		/* what a descriptor is can't be found out any more */
	bool one_terminal;	/* has both log and narration */
	unsigned long dropped;	/* and not told yet */
	unsigned long lost;	/* all of this process */
	unsigned long left_out; /* by log_limited(), all of this process */
	_Atomic uint64_t *count_lost, *count_left_out; /* the same in shared memory; or NULL */
	struct log_rate rate;
} logger = {.options = {.program = "policypool", .target = "stderr", .level = LOG_INFO},
	    .log.fd = -1,
	    .narration.fd = -1,
	    .tap.fd = -1};

#define LEVEL_TEXT(name, text) text,
static const char *const level_text[] = {LOG_LEVELS(LEVEL_TEXT)};

/* ---- what the logger itself knows ---- */

/* The journal takes it from the line, where a line of a stream begins with one: sd-daemon(3). */
static void
put_priority(struct log_line *l, enum log_level level)
{
	char text[] = "<?>";

	if (logger.kind != LOG_TO_JOURNAL)
		return;
	text[1] = (char)('0' + log_syslog_severity(level));
	log_line_prefix(l, text);
}

/* Syslog and the journal have time and program of their own. */
static void
put_head(struct log_line *l, enum log_level level, const char *msg)
{
	bool bare = logger.kind == LOG_TO_SYSLOG || logger.kind == LOG_TO_JOURNAL;
	char when[CLOCK_TEXT], pid[24];

	if (l->json)
		log_line_put(l, "{");
	if (!bare) {
		clock_text(when, sizeof when);
		log_line_pair(l, "time", when, false);
	}
	log_line_pair(l, "level", level_text[level], false);
	if (!bare)
		log_line_pair(l, "prog", logger.options.program, false);
	(void)snprintf(pid, sizeof pid, l->json ? ",\"pid\":%d" : " pid=%d", (int)getpid());
	log_line_put(l, pid);
	log_line_pair(l, "msg", msg, true);
}

/* In a full line too. */
static void
put_count(struct log_line *l, const char *key, unsigned long n)
{
	char text[48];

	if (n == 0)
		return;
	(void)snprintf(text, sizeof text, l->json ? ",\"%s\":%lu" : " %s=%lu", key, n);
	log_line_end(l, text);
}

/* ---- letting it go ---- */

/* To a cell that has no other writer. */
static void
add(_Atomic uint64_t *cell, unsigned long n)
{
	if (cell != NULL && n > 0)
		atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
				      memory_order_relaxed);
}

void
log_count_lost(unsigned long lines)
{
	logger.lost += lines;
	add(logger.count_lost, lines);
}

/* To stderr as it is now.  Lines that do not get through. */
static unsigned
write_stderr(const char *lines, size_t n)
{
	struct log_sink s;
	unsigned lost;

	log_sink_borrow(&s, STDERR_FILENO);
	lost = log_sink_write(&s, lines, n);
	log_sink_close(&s);
	return lost;
}

/* Syslog ends its lines itself. */
static unsigned
write_syslog(const char *lines, size_t n, enum log_level level)
{
	unsigned lost = 0;

	for (size_t end; n > 0; lines += end, n -= end) {
		const char *nl = memchr(lines, '\n', n);
		end = nl != NULL ? (size_t)(nl - lines) + 1 : n;
		if (!log_syslog_send(logger.log.fd, LOG_SYSLOG_PATH, logger.options.program, level,
				     lines, end - (nl != NULL)))
			lost++;
	}
	return lost;
}

static unsigned
write_log(const char *lines, size_t n, enum log_level level)
{
	if (!logger.open)
		return write_stderr(lines, n);
	if (logger.kind == LOG_TO_SYSLOG)
		return write_syslog(lines, n, level);
	return log_sink_write(&logger.log, lines, n);
}

unsigned
log_raw(const char *lines, unsigned long n)
{
	unsigned lost;
	int saved = errno;

	lost = write_log(lines, n, LOG_INFO);
	log_count_lost(lost);
	errno = saved;
	return lost;
}

static void
deliver(struct log_line *l, enum log_level level)
{
	const char *line = l->text + l->head;

	if (l->json)
		log_line_end(l, "}");
	log_line_end(l, "\n");
	if (logger.stderr_too && level <= LOG_WARN)
		(void)write_stderr(line, l->n - l->head);
	if (logger.tap.fd >= 0 && level == LOG_ERROR)
		(void)log_sink_write(&logger.tap, line, l->n - l->head);
	if (write_log(l->text, l->n, level) == 0) {
		logger.dropped = 0;
	} else {
		logger.dropped++;
		log_count_lost(1);
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

static void emit(enum log_level level, const char *msg, int error, unsigned long suppressed,
		 const char *fields, va_list ap) PRINTF_LIKE(5, 0);

static void
emit(enum log_level level, const char *msg, int error, unsigned long suppressed, const char *fields,
     va_list ap)
{
	struct log_line l;
	int saved = errno;

	assert(level < LOG_LEVEL_COUNT);
	if (log_wants(level)) {
		log_line_start(&l, logger.options.json);
		put_priority(&l, level);
		put_head(&l, level, msg);
		put_fields(&l, fields, ap);
		if (error != 0)
			log_line_pair(&l, "error", strerror(error), true);
		put_count(&l, "suppressed", suppressed);
		put_count(&l, "dropped", logger.dropped);
		deliver(&l, level);
	}
	errno = saved;
}

void
log_event(enum log_level level, const char *msg, const char *fields, ...)
{
	va_list ap;

	va_start(ap, fields);
	emit(level, msg, 0, 0, fields, ap);
	va_end(ap);
}

void
log_errno(enum log_level level, const char *msg, const char *fields, ...)
{
	va_list ap;

	va_start(ap, fields);
	emit(level, msg, errno, 0, fields, ap);
	va_end(ap);
}

/* ---- at most so many ---- */

/* Whether there may be another line of this kind; it has to tell *suppressed. */
static bool
admits(enum log_level level, const char *msg, unsigned long *suppressed)
{
	if (!log_wants(level))
		return false;
	if (log_rate_admits(&logger.rate, msg, (int)level, clock_us(), suppressed))
		return true;
	logger.left_out++;
	add(logger.count_left_out, 1);
	return false;
}

void
log_limited(enum log_level level, const char *msg, const char *fields, ...)
{
	unsigned long suppressed;
	va_list ap;

	if (!admits(level, msg, &suppressed))
		return;
	va_start(ap, fields);
	emit(level, msg, 0, suppressed, fields, ap);
	va_end(ap);
}

void
log_limited_errno(enum log_level level, const char *msg, const char *fields, ...)
{
	unsigned long suppressed;
	int error = errno;
	va_list ap;

	if (!admits(level, msg, &suppressed))
		return;
	va_start(ap, fields);
	emit(level, msg, error, suppressed, fields, ap);
	va_end(ap);
	errno = error;
}

void
log_report_suppressed(void)
{
	const struct log_rate_kind *k;
	unsigned long suppressed;
	size_t at = 0;

	if (logger.left_out == 0)
		return;
	while ((k = log_rate_next(&logger.rate, &at, clock_us(), &suppressed)) != NULL)
		log_event((enum log_level)k->level, "lines suppressed", "of=%s suppressed=%lu",
			  log_quoted(k->msg), suppressed);
}

/* ---- the logger ---- */

int
log_open(const struct log_options *o)
{
	char *target = strdup(o->target); /* the settings may be freed by a reload */
	enum log_kind kind = log_target_kind(o->target);
	int fd, saved = errno;

	tzset(); /* reads a file, which a confined worker may not */
	if (target == NULL || log_target_open(kind, target, &fd) < 0) {
		saved = errno;
		free(target);
		errno = saved;
		return -1;
	}
	log_close();
	logger.options = *o;
	free(logger.target);
	logger.options.target = logger.target = target;
	logger.kind = kind;
	logger.open = true;
	logger.rate.per_second = o->rate;
	if (fd < 0)
		log_sink_borrow(&logger.log, STDERR_FILENO);
	else
		log_sink_take(&logger.log, fd);
	if (o->narrate)
		log_sink_borrow(&logger.narration, STDOUT_FILENO);
	logger.one_terminal = o->narrate && kind == LOG_TO_STDERR &&
			      log_target_same_terminal(STDOUT_FILENO, STDERR_FILENO);
	errno = saved;
	return 0;
}

int
log_file(void)
{
	return logger.open && logger.kind == LOG_TO_FILE ? logger.log.fd : -1;
}

int
log_reopen(void)
{
	int fd, saved = errno;

	if (log_file() < 0)
		return 0;
	fd = log_sink_open(logger.options.target);
	if (fd < 0)
		return -1;
	log_take_file(fd);
	errno = saved;
	return 0;
}

void
log_take_file(int fd)
{
	log_sink_close(&logger.log);
	log_sink_take(&logger.log, fd);
	logger.open = true;
	logger.kind = LOG_TO_FILE;
	logger.one_terminal = false;
}

void
log_also_to(int fd)
{
	int saved = errno;

	log_sink_close(&logger.tap);
	if (fd >= 0 && fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK) == 0)
		log_sink_take(&logger.tap, fd);
	else if (fd >= 0)
		(void)close(fd);
	errno = saved;
}

void
log_confine(void)
{
	logger.stderr_too = false;
	logger.confined = true;
	if (logger.open)
		return;
	log_sink_borrow(&logger.log, STDERR_FILENO);
	logger.open = true;
}

void
log_count_into(_Atomic uint64_t *lost, _Atomic uint64_t *suppressed)
{
	logger.count_lost = lost;
	logger.count_left_out = suppressed;
	logger.lost = logger.dropped = logger.left_out = 0; /* the master's own are its own */
	logger.rate = (struct log_rate){.per_second = logger.rate.per_second};
}

unsigned long
log_lost(void)
{
	return logger.lost;
}

unsigned long
log_suppressed(void)
{
	return logger.left_out;
}

bool
log_uses(int fd)
{
	if (fd == STDOUT_FILENO)
		return logger.options.narrate;
	return fd == STDERR_FILENO && logger.open &&
	       (logger.kind == LOG_TO_STDERR || logger.kind == LOG_TO_JOURNAL);
}

void
log_descriptors(int fd[LOG_DESCRIPTORS])
{
	fd[0] = STDERR_FILENO;
	fd[1] = logger.log.fd;
	fd[2] = logger.narration.fd;
}

void
log_close(void)
{
	log_sink_close(&logger.log);
	log_sink_close(&logger.narration);
	logger.open = false;
	logger.kind = LOG_TO_STDERR;
	logger.options.narrate = logger.one_terminal = false;
	logger.options.json = false;
}

void
log_to_stderr_too(bool on)
{
	logger.stderr_too = on && !logger.confined;
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

bool
log_is_narrated(void)
{
	return logger.one_terminal;
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
		if (log_sink_write(&logger.narration, l.text, l.n) > 0) {
			logger.dropped++;
			log_count_lost(1);
		}
	}
	errno = saved;
}
