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
#include "jsonchar.h"
#include "log_sink.h"

enum { QUOTED_MAX = 250, QUOTED = 4 * QUOTED_MAX + 3, QUOTED_BUFFERS = 8 };

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

/* A line being made.  Content ends at ROOM; behind it there is always space for what a cut line
 * needs to stay a whole one: a closing quote, the count of those dropped, the brace, the newline.
 */
enum { ROOM = LOG_LINE - 64 };

struct line {
	char text[LOG_LINE];
	size_t n;
	bool full; /* something did not fit: nothing more goes in */
};

#define LEVEL_TEXT(name, text) text,
static const char *const level_text[] = {LOG_LEVELS(LEVEL_TEXT)};

/* ---- making a line ---- */

static void
start(struct line *l)
{
	l->n = 0;
	l->full = false;
}

/* All of it or nothing. */
static void
put(struct line *l, const char *s, size_t n)
{
	if (l->full || l->n > ROOM || n > ROOM - l->n) {
		l->full = true;
		return;
	}
	memcpy(l->text + l->n, s, n);
	l->n += n;
}

static void
put_str(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* In a full line too. */
static void
put_end(struct line *l, const char *s)
{
	size_t n = strlen(s);

	assert(n < sizeof l->text - l->n);
	memcpy(l->text + l->n, s, n);
	l->n += n;
}

/* The bytes of the character at s that may stand in a line as it is; 0 for a control character
 * (those of ASCII and of ISO 8859) and for what is not UTF-8. */
static size_t
graphic(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];

	if (c < 0x80)
		return c >= ' ' && c != 0x7f;
	if (c == 0xc2 && n > 1 && (unsigned char)s[1] < 0xa0)
		return 0;
	return jsonchar_utf8(s, s + n);
}

/* One character, escaped where it must be; the bytes taken of s. */
static size_t
put_char(struct line *l, const char *s, size_t n, bool json)
{
	size_t whole = graphic(s, n);
	char text[8];

	if (whole > 0) {
		put(l, s, whole);
		return whole;
	}
	(void)snprintf(text, sizeof text, json ? "\\u%04x" : "\\x%02x", (unsigned char)*s);
	put_str(l, text);
	return 1;
}

static void
put_text(struct line *l, const char *s, size_t n)
{
	for (size_t i = 0; i < n;)
		i += put_char(l, s + i, n - i, false);
}

/* Between quotes, which neither a quote nor a control character ends, but the end of the line. */
static void
put_quoted(struct line *l, const char *s, size_t n, bool json)
{
	put_str(l, "\"");
	if (l->full)
		return;
	for (size_t i = 0; i < n;) {
		if (s[i] == '"' || s[i] == '\\')
			put(l, (const char[]){'\\', s[i++]}, 2);
		else
			i += put_char(l, s + i, n - i, json);
	}
	put_end(l, "\"");
}

/* ---- logfmt ---- */

/* As the caller wrote them; a quote that the end of the line leaves open is closed. */
static void
put_fields_logfmt(struct line *l, const char *p)
{
	size_t n = strlen(p), taken;
	bool inside = false;

	for (put_str(l, " "); n > 0; p += taken, n -= taken) {
		if (inside && p[0] == '\\' && n > 1 && graphic(p + 1, 1) > 0) {
			put(l, p, 2);
			taken = 2;
		} else {
			taken = put_char(l, p, n, false);
		}
		if (l->full)
			break;
		inside ^= p[0] == '"';
	}
	if (inside && l->full)
		put_end(l, "\"");
}

/* ---- logfmt fields -> JSON members ---- */

/* A decimal integer that every reader of JSON holds exactly. */
static bool
is_number(const char *s, size_t n)
{
	if (n > 1 && s[0] == '-') {
		s++;
		n--;
	}
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

/* The escape of logfmt at s, as JSON has it; the bytes taken. */
static size_t
put_json_escape(struct line *l, const char *s, size_t n)
{
	if (n >= 4 && s[1] == 'x' && strspn(s + 2, "0123456789abcdef") >= 2) {
		put(l, (const char[]){'\\', 'u', '0', '0', s[2], s[3]}, 6);
		return 4;
	}
	if (n >= 2 && (s[1] == '"' || s[1] == '\\')) {
		put(l, s, 2);
		return 2;
	}
	put_str(l, "\\\\"); /* the caller's own, meaning itself */
	return 1;
}

/* s: a quoted value without its quotes. */
static void
put_json_requoted(struct line *l, const char *s, size_t n)
{
	put_str(l, "\"");
	if (l->full)
		return;
	for (size_t i = 0; i < n;)
		i += s[i] == '\\' ? put_json_escape(l, s + i, n - i)
				  : put_char(l, s + i, n - i, true);
	put_end(l, "\"");
}

static void
put_json_value(struct line *l, const char *s, size_t n)
{
	bool closed = n >= 2 && s[n - 1] == '"';

	if (is_number(s, n))
		put(l, s, n);
	else if (s[0] == '"')
		put_json_requoted(l, s + 1, closed ? n - 2 : n - 1);
	else
		put_quoted(l, s, n, true);
}

/* A text that does not fit is cut, a number left out. */
static void
put_fields_json(struct line *l, const char *p)
{
	while (*p != '\0') {
		size_t key = strcspn(p, "= "), before = l->n, n, value_at;
		if (p[key] != '=')
			return;
		put_str(l, ",");
		put_quoted(l, p, key, true);
		put_str(l, ":");
		p += key + 1;
		n = value_length(p);
		value_at = l->n;
		put_json_value(l, p, n);
		if (l->full && l->n == value_at)
			l->n = before;
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
	if (logger.options.json)
		put_fields_json(l, text);
	else
		put_fields_logfmt(l, text);
}

/* ---- what the logger itself knows ---- */

/* A pair; in logfmt its value is quoted if `quote`. */
static void
put_pair(struct line *l, const char *key, const char *value, bool quote)
{
	bool json = logger.options.json;
	size_t before = l->n, value_at;

	if (l->n > (json ? 1 : 0))
		put_str(l, json ? "," : " ");
	if (json)
		put_quoted(l, key, strlen(key), true);
	else
		put_str(l, key);
	put_str(l, json ? ":" : "=");
	value_at = l->n;
	if (json || quote)
		put_quoted(l, value, strlen(value), json);
	else
		put_str(l, value);
	if (l->full && l->n == value_at) /* not even its beginning fits */
		l->n = before;
}

static void
put_head(struct line *l, enum log_level level, const char *msg)
{
	char when[CLOCK_TEXT], pid[24];

	if (logger.options.json)
		put_str(l, "{");
	if (!logger.syslog) { /* syslog has its own */
		clock_text(when, sizeof when);
		put_pair(l, "time", when, false);
	}
	put_pair(l, "level", level_text[level], false);
	if (!logger.syslog)
		put_pair(l, "prog", logger.options.program, false);
	(void)snprintf(pid, sizeof pid, logger.options.json ? ",\"pid\":%d" : " pid=%d",
		       (int)getpid());
	put_str(l, pid);
	put_pair(l, "msg", msg, true);
}

static void
put_dropped(struct line *l)
{
	char text[40];

	if (logger.dropped == 0)
		return;
	(void)snprintf(text, sizeof text, logger.options.json ? ",\"dropped\":%lu" : " dropped=%lu",
		       logger.dropped);
	put_end(l, text);
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
write_log(struct line *l, enum log_level level)
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
deliver(struct line *l, enum log_level level)
{
	if (logger.options.json)
		put_end(l, "}");
	put_end(l, "\n");
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

static void emit(enum log_level level, const char *msg, int error, const char *fields, va_list ap)
	PRINTF_LIKE(4, 0);

static void
emit(enum log_level level, const char *msg, int error, const char *fields, va_list ap)
{
	struct line l;
	int saved = errno;

	assert(level < LOG_LEVEL_COUNT);
	if (log_wants(level)) {
		start(&l);
		put_head(&l, level, msg);
		put_fields(&l, fields, ap);
		if (error != 0)
			put_pair(&l, "error", strerror(error), true);
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
	struct line l;
	int saved = errno, n;
	va_list ap;

	if (!logger.options.narrate)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n >= 0) {
		start(&l);
		put_text(&l, text, strlen(text));
		put_end(&l, "\n");
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
	for (size_t i = 0; i < n;) {
		size_t whole = graphic(s + i, n - i);
		if (whole == 0 || s[i] == ' ' || s[i] == '"' || s[i] == '=' || s[i] == '\\')
			return true;
		i += whole;
	}
	return false;
}

/* At most QUOTED_MAX bytes of n, no character cut in two. */
static size_t
cut(const char *s, size_t n)
{
	size_t to = QUOTED_MAX;

	if (n <= QUOTED_MAX)
		return n;
	while (to > QUOTED_MAX - 3 && ((unsigned char)s[to] & 0xc0) == 0x80)
		to--;
	return to;
}

const char *
log_quoted_n(const char *s, unsigned long n)
{
	static char buffer[QUOTED_BUFFERS][QUOTED];
	static unsigned turn;
	char *out = buffer[turn++ % QUOTED_BUFFERS];
	struct line l;

	start(&l);
	n = cut(s, n);
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
