/* log.h - one line an event, to stderr, a file or syslog; logfmt or JSON lines.
 *
 *   time=2026-03-01T12:34:56.789+01:00 level=info prog=ppool-proxy pid=7 msg="server joined" id=100
 *
 * errno is kept by every call here.  A line is one write of at most LOG_LINE bytes; a reader that
 * does not read never blocks the caller: the line is dropped, counted, and the count is told by the
 * next one that gets through. */
#ifndef POLICYPOOL_LOG_H
#define POLICYPOOL_LOG_H

#include <stdbool.h>

#include "attr.h"

enum { LOG_LINE = 4096 }; /* bytes; what is longer is cut */

#define LOG_LEVELS(X) \
	X(LOG_ERROR, "error") X(LOG_WARN, "warn") X(LOG_INFO, "info") X(LOG_VERBOSE, "debug")
#define LOG_ENUM(name, text) name,
enum log_level { LOG_LEVELS(LOG_ENUM) LOG_LEVEL_COUNT };
#undef LOG_ENUM

struct log_options {
	const char *program; /* "ppool-proxy"; borrowed for good */
	const char *target;  /* "stderr", "syslog" or a file's path; borrowed for good */
	enum log_level level;
	bool json;    /* JSON lines in place of logfmt */
	bool narrate; /* tell requests on stdout too */
};

/* Before it is called everything at info and above goes to stderr.  0, or -1 with errno and the
 * logger as it was (a file that can't be opened). */
MUST_CHECK int log_open(const struct log_options *);

/* Opens a log file anew by its path, for rotation.  0, or -1 with errno, the old file still open.
 */
MUST_CHECK int log_reopen(void);

/* The open log file, for a process that may not open it itself; -1 where the log is none. Borrowed.
 */
int log_file(void);

/* In a worker: from now on lines go to this descriptor, which becomes the logger's own. */
void log_take_file(int fd);

/* In a worker: nothing is opened from now on, not even by a roundabout way. */
void log_confine(void);

/* The descriptors that the logger writes to, some perhaps twice. */
enum { LOG_DESCRIPTORS = 3 };
void log_descriptors(int fd[LOG_DESCRIPTORS]);

void log_close(void);

/* Warnings and errors go to stderr as well: while somebody waits for a daemon to be ready. */
void log_to_stderr_too(bool);

/* Errors go to this descriptor as well, which becomes the logger's own, until another is given; -1:
 * none. */
void log_tell_too(int fd);

/* fields is logfmt text made by the caller's format: "id=%s port=%u", or NULL.  Where a value may
 * hold spaces or quotes, write it key=%s through log_quoted(). */
void log_event(enum log_level, const char *msg, const char *fields, ...) PRINTF_LIKE(3, 4);

/* As log_event(), and adds error="strerror(errno)". */
void log_errno(enum log_level, const char *msg, const char *fields, ...) PRINTF_LIKE(3, 4);

/* s as a logfmt value, quoted where needed, in one of eight rotating static buffers, cut at 250
 * bytes.  For peers' text: it can't forge a line. */
const char *log_quoted(const char *s);
const char *log_quoted_n(const char *s, unsigned long n);

/* Whole lines, made by the caller, to where the log goes: a file gets them in one write, syslog
 * each for itself.  How many of them did not get through. */
unsigned log_raw(const char *lines, unsigned long n);

bool log_wants(enum log_level);
bool log_narrates(void);

/* One sentence on stdout, for a person at the terminal; nothing where narrate is off. */
void log_narrate(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
