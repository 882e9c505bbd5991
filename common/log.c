/* log.c - see log.h. */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log_sink.h"

enum { QUOTED_MAX = 250, QUOTED = 4 * QUOTED_MAX + 3, QUOTED_BUFFERS = 8 };

/* The logger: one a process. */
static struct {
	struct log_options options;
	int fd;	  /* of the log; -1: syslog */
	int out;  /* of the narration */
	bool own; /* fd is the logger's to close */
	bool stderr_too;
	unsigned long dropped;
} logger = {.options = {.program = "policypool", .target = "stderr", .level = LOG_INFO},
	    .fd = STDERR_FILENO,
	    .out = STDOUT_FILENO};

/* A line being made: what does not fit is cut, the newline always fits. */
struct line {
	char text[LOG_LINE];
	size_t n;
};

#define LEVEL_TEXT(name, text) text,
static const char *const level_text[] = {LOG_LEVELS(LEVEL_TEXT)};

/* ---- making a line ---- */

static void
put(struct line *l, const char *s, size_t n)
{
	size_t room = sizeof l->text - 1 - l->n;

	if (n > room)
		n = room;
	memcpy(l->text + l->n, s, n);
	l->n += n;
}

static void
put_str(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

static void
put_number(struct line *l, unsigned long v)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%lu", v);
	put_str(l, text);
}

/* Between quotes, so that neither a quote nor a control character ends the value or the line. */
static void
put_escaped(struct line *l, const char *s, size_t n, bool json)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		char text[8];
		if (c == '"' || c == '\\')
			(void)snprintf(text, sizeof text, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void)snprintf(text, sizeof text, json ? "\\u%04x" : "\\x%02x", c);
		else
			(void)snprintf(text, sizeof text, "%c", c);
		put_str(l, text);
	}
}

static void
put_quoted(struct line *l, const char *s, size_t n, bool json)
{
	put_str(l, "\"");
	put_escaped(l, s, n, json);
	put_str(l, "\"");
}

/* A pair whose value the logger itself knows. */
static void
put_text_pair(struct line *l, const char *key, const char *value, bool quote)
{
	bool json = logger.options.json;

	if (l->n > 0 && l->text[l->n - 1] != '{')
		put_str(l, json ? "," : " ");
	if (json)
		put_quoted(l, key, strlen(key), true);
	else
		put_str(l, key);
	put_str(l, json ? ":" : "=");
	if (json || quote)
		put_quoted(l, value, strlen(value), json);
	else
		put_str(l, value);
}

/* ---- logfmt fields -> JSON members ---- */

static bool
is_number(const char *s, size_t n)
{
	if (n == 0 || n > 15 || (s[0] == '0' && n > 1))
		return false;
	return strspn(s, "0123456789") >= n;
}

/* The length of a value at s: up to a space, or up to the closing quote. */
static size_t
value_length(const char *s)
{
	size_t n = 1;

	if (s[0] != '"')
		return strcspn(s, " ");
	while (s[n] != '\0' && s[n] != '"')
		n += s[n] == '\\' && s[n + 1] != '\0' ? 2 : 1;
	return s[n] == '"' ? n + 1 : n;
}

/* logfmt's escapes are JSON's, but for \xNN. */
static void
put_json_string(struct line *l, const char *s, size_t n)
{
	put_str(l, "\"");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n && s[i + 1] == 'x') {
			put_str(l, "\\u00");
			i++;
		} else if (s[i] == '\\' && i + 1 < n) {
			put(l, s + i++, 2);
		} else {
			put(l, s + i, 1);
		}
	}
	put_str(l, "\"");
}

static void
put_fields_json(struct line *l, const char *fields)
{
	const char *p = fields;

	while (*p != '\0') {
		size_t key = strcspn(p, "= "), n;
		if (p[key] != '=')
			return;
		put_str(l, ",");
		put_quoted(l, p, key, true);
		put_str(l, ":");
		p += key + 1;
		n = value_length(p);
		if (is_number(p, n))
			put(l, p, n);
		else if (p[0] == '"')
			put_json_string(l, p + 1, n >= 2 ? n - 2 : 0);
		else
			put_json_string(l, p, n);
		p += n;
		p += strspn(p, " ");
	}
}

static void put_fields(struct line *l, const char *fields, va_list ap) PRINTF_LIKE(2, 0);

static void
put_fields(struct line *l, const char *fields, va_list ap)
{
	char text[LOG_LINE];

	if (fields == NULL)
		return;
	if (vsnprintf(text, sizeof text, fields, ap) < 0 || text[0] == '\0')
		return;
	if (logger.options.json) {
		put_fields_json(l, text);
	} else {
		put_str(l, " ");
		put_str(l, text);
	}
}

static void
put_head(struct line *l, enum log_level level, const char *msg)
{
	char when[CLOCK_TEXT], pid[16];

	if (logger.options.json)
		put_str(l, "{");
	if (logger.fd >= 0) { /* syslog has its own */
		clock_text(when, sizeof when);
		put_text_pair(l, "time", when, false);
	}
	put_text_pair(l, "level", level_text[level], false);
	if (logger.fd >= 0)
		put_text_pair(l, "prog", logger.options.program, false);
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	put_str(l, logger.options.json ? ",\"pid\":" : " pid=");
	put_str(l, pid);
	put_text_pair(l, "msg", msg, true);
}

static void
put_dropped(struct line *l)
{
	if (logger.dropped == 0)
		return;
	put_str(l, logger.options.json ? ",\"dropped\":" : " dropped=");
	put_number(l, logger.dropped);
}

/* ---- letting it go ---- */

static void
deliver(struct line *l, enum log_level level)
{
	if (logger.options.json) {
		if (l->n > sizeof l->text - 3) /* cut: the brace must still fit */
			l->n = sizeof l->text - 3;
		put_str(l, "}");
	}
	l->text[l->n] = '\n';
	if (logger.stderr_too && level <= LOG_WARN)
		(void)log_sink_write(STDERR_FILENO, l->text, l->n + 1);
	if (logger.fd < 0) {
		l->text[l->n] = '\0';
		log_sink_syslog(level, l->text);
		return;
	}
	if (log_sink_write(logger.fd, l->text, l->n + 1))
		logger.dropped = 0;
	else
		logger.dropped++;
}

static void emit(enum log_level level, const char *msg, int error, const char *fields, va_list ap)
	PRINTF_LIKE(4, 0);

static void
emit(enum log_level level, const char *msg, int error, const char *fields, va_list ap)
{
	struct line l;
	int saved = errno;

	assert(level < LOG_LEVEL_COUNT);
	if (log_wants(level)) {
		l.n = 0;
		put_head(&l, level, msg);
		put_fields(&l, fields, ap);
		if (error != 0)
			put_text_pair(&l, "error", strerror(error), true);
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
open_target(const char *program, const char *target, int *fd, bool *own)
{
	*own = true;
	if (strcmp(target, "syslog") == 0) {
		log_sink_syslog_open(program);
		*fd = -1;
		return 0;
	}
	*fd = strcmp(target, "stderr") == 0 ? log_sink_unblocked(STDERR_FILENO)
					    : log_sink_file(target);
	*own = *fd != STDERR_FILENO;
	return *fd < 0 ? -1 : 0;
}

int
log_open(const struct log_options *o)
{
	int fd;
	bool own;

	if (open_target(o->program, o->target, &fd, &own) < 0)
		return -1;
	log_close();
	logger.options = *o;
	logger.fd = fd;
	logger.own = own;
	if (o->narrate)
		logger.out = log_sink_unblocked(STDOUT_FILENO);
	return 0;
}

int
log_reopen(void)
{
	int fd;

	if (!logger.own || logger.fd < 0 || strcmp(logger.options.target, "stderr") == 0)
		return 0;
	fd = log_sink_file(logger.options.target);
	if (fd < 0)
		return -1;
	(void)close(logger.fd);
	logger.fd = fd;
	return 0;
}

void
log_close(void)
{
	if (logger.own && logger.fd >= 0)
		(void)close(logger.fd);
	if (logger.out != STDOUT_FILENO)
		(void)close(logger.out);
	logger.fd = STDERR_FILENO;
	logger.out = STDOUT_FILENO;
	logger.own = false;
	logger.options.narrate = false;
	logger.options.json = false;
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
	struct line l;
	int saved = errno, n;
	va_list ap;

	if (!logger.options.narrate)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l.text, sizeof l.text - 1, fmt, ap);
	va_end(ap);
	if (n >= 0) {
		l.n = (size_t)n < sizeof l.text - 1 ? (size_t)n : sizeof l.text - 2;
		l.text[l.n++] = '\n';
		if (!log_sink_write(logger.out, l.text, l.n))
			logger.dropped++;
	}
	errno = saved;
}

/* ---- values ---- */

static bool
needs_quotes(const char *s, size_t n)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == '"' || s[i] == '=' || s[i] == '\\' ||
		    s[i] == 0x7f)
			return true;
	return false;
}

const char *
log_quoted_n(const char *s, unsigned long n)
{
	static char buffer[QUOTED_BUFFERS][QUOTED];
	static unsigned turn;
	char *out = buffer[turn++ % QUOTED_BUFFERS];
	struct line l = {.n = 0};

	if (n > QUOTED_MAX)
		n = QUOTED_MAX;
	if (needs_quotes(s, n))
		put_quoted(&l, s, n, false);
	else
		put(&l, s, n);
	memcpy(out, l.text, l.n);
	out[l.n] = '\0';
	return out;
}

const char *
log_quoted(const char *s)
{
	return log_quoted_n(s, strlen(s));
}
