/* log.h - one line an event, to stderr, a file or syslog; logfmt or JSON lines.
 *
 *   time=2026-03-01T12:34:56.789+01:00 level=info prog=ppool-proxy pid=7 msg="server joined" id=100
 *
 * errno is kept by every call here.  A line is one write of at most LOG_LINE bytes.  No call waits
 * for a reader, whatever the log is and whichever process opened it (log_sink.h): a line that is
 * not taken at once is dropped and counted; the next one that gets through tells the count
 * (dropped=N), and so do status and metrics.
 *
 * A stderr that is the journal's (JOURNAL_STREAM) gets lines as sd-daemon(3) has them,
 * "<4>level=warn pid=7 msg=...", and like syslog without the time and program that it has itself.
 */
#ifndef POLICYPOOL_LOG_H
#define POLICYPOOL_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

enum { LOG_LINE = 4096 }; /* bytes; what is longer is cut */

#define LOG_LEVELS(X) \
	X(LOG_ERROR, "error") X(LOG_WARN, "warn") X(LOG_INFO, "info") X(LOG_VERBOSE, "debug")
#define LOG_ENUM(name, text) name,
enum log_level { LOG_LEVELS(LOG_ENUM) LOG_LEVEL_COUNT };
#undef LOG_ENUM

struct log_options {
	const char *program; /* "ppool-proxy"; borrowed for good */
	const char *target;  /* "stderr", "syslog" or a file's path; copied */
	enum log_level level;
	bool json;     /* JSON lines in place of logfmt */
	bool narrate;  /* tell requests on stdout too */
	unsigned rate; /* lines a second of a kind, see log_limited(); 0: no limit */
};

/* Before it is called everything at info and above goes to stderr.  0, or -1 with errno and the
 * logger as it was (a file that can't be opened). */
MUST_CHECK int log_open(const struct log_options *);

/* Opens a log file, or FIFO, anew by its path, for rotation.  0, or -1 with errno, the old file
 * still open. */
MUST_CHECK int log_reopen(void);

/* The open log file, for a process that may not open it itself; -1 where the log is none. Borrowed.
 */
int log_file(void);

/* In a worker: from now on lines go to this descriptor, which becomes the logger's own. */
void log_take_file(int fd);

/* In a worker: nothing is opened from now on, not even standard error anew, and what it is, is not
 * looked at again: log_to_stderr_too() is off for good. */
void log_confine(void);

/* The descriptors that the logger writes to, some perhaps twice. */
enum { LOG_DESCRIPTORS = 3 };
void log_descriptors(int fd[LOG_DESCRIPTORS]);

void log_close(void);

/* In a worker: lines that are lost, or suppressed, are counted there too, from 0 on; its own row of
 * the scoreboard.
 */
void log_count_into(_Atomic uint64_t *lost, _Atomic uint64_t *suppressed);
/* Lines that someone else made and lost. */
void log_count_lost(unsigned long lines);
/* All lines that this process has lost: of log, narration, access log. */
unsigned long log_lost(void);
/* All that log_limited() has left out. */
unsigned long log_suppressed(void);

/* Whether standard output or standard error is written to from now on. */
bool log_uses(int fd);

/* Warnings and errors go to stderr as well: while somebody waits for a daemon to be ready.  For a
 * process that may look at its descriptors. */
void log_to_stderr_too(bool);

/* Errors go to this descriptor as well, which becomes the logger's own, until another is given; -1:
 * none.  Nobody else writes to its description. */
void log_also_to(int fd);

/* fields is logfmt text made by the caller's format: "id=%s port=%u", or NULL.  Where a value may
 * hold spaces or quotes, write it key=%s through log_quoted(). */
void log_event(enum log_level, const char *msg, const char *fields, ...) PRINTF_LIKE(3, 4);

/* As log_event(), and adds error="strerror(errno)". */
void log_errno(enum log_level, const char *msg, const char *fields, ...) PRINTF_LIKE(3, 4);

/* As log_event(), for what others can cause as often as they like: of lines with this msg, which is
 * a constant, at this level there are at most `rate` a second in this process after a burst; the
 * next one tells how many were left out (suppressed=N). */
void log_limited(enum log_level, const char *msg, const char *fields, ...) PRINTF_LIKE(3, 4);
void log_limited_errno(enum log_level, const char *msg, const char *fields, ...) PRINTF_LIKE(3, 4);

/* Once in a while, and before the end: those that no further line has told. */
void log_report_suppressed(void);

/* s as a logfmt value, quoted where needed, in one of eight rotating static buffers, cut at 250
 * bytes.  For peers' text: it can't forge a line. */
const char *log_quoted(const char *s);
const char *log_quoted_n(const char *s, unsigned long n);

/* Whole lines, made by the caller, each at most LOG_LINE bytes, to where the log goes: a file gets
 * them in one write, syslog each for itself.  How many of them did not get through; they are
 * counted here. */
unsigned log_raw(const char *lines, unsigned long n);

bool log_wants(enum log_level);
bool log_narrates(void);

/* The log and the narration go to one terminal: what is narrated needs no line at info beside. */
bool log_is_narrated(void);

/* One sentence on stdout, for a person at the terminal; nothing where narrate is off. */
void log_narrate(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
