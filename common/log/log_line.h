/* log_line.h - builds one log line, logfmt or JSON.  What does not fit is left out so that the
 * line stays a whole one: a text is cut and its quote closed, a number is not told at all.  Knows
 * no descriptor.  For log.c alone. */
#ifndef POLICYPOOL_LOG_LINE_H
#define POLICYPOOL_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

struct log_line {
	char text[LOG_LINE];
	size_t n;
	size_t head; /* bytes of a prefix, which only some readers are given */
	bool json;   /* else logfmt */
	bool full;   /* something did not fit: only log_line_end() puts more in */
};

void log_line_start(struct log_line *, bool json);

/* What stands before all pairs: right after log_line_start(). */
void log_line_prefix(struct log_line *, const char *);

/* As it is: all of it or nothing. */
void log_line_put(struct log_line *, const char *);

/* A few bytes that belong to every line: in a full one too. */
void log_line_end(struct log_line *, const char *);

/* Control characters and what is not UTF-8 are escaped, so that no text can forge a line. */
void log_line_text(struct log_line *, const char *, size_t n);

/* key and value; in logfmt the value is quoted if `quote`. */
void log_line_pair(struct log_line *, const char *key, const char *value, bool quote);

/* The caller's fields, in logfmt as log_event() has them. */
void log_line_fields(struct log_line *, const char *fields);

#endif
