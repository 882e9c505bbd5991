/* job_line.h - the lines between a worker and a job process: JSON objects (RFC 8259), each ended by
 * a newline, with none inside; policypool-handler(7).
 *
 *   {"job":17,"policy":"111","srcid":"1","timeout":5000,"payload":"..."}    to the process
 *   {"job":17,"payload":"..."}                                              from it, or
 *   {"job":17,"error":"why"}    {"job":17,"busy":200}
 *
 * "encoding":"base64" in either: the payload stands for bytes.  "key" names the key of a keyed job.
 * Job 0 asks whether the process is ready.  Pure. */
#ifndef POLICYPOOL_JOB_LINE_H
#define POLICYPOOL_JOB_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "compiler.h"
#include "span.h"

enum {
	JOB_LINE_HEAD = 32,	     /* bytes that job_line_head() needs at most */
	JOB_LINE_DEPTH = 16,	     /* nesting of what is not known */
	JOB_LINE_BUSY_MAX = 3600000, /* ms */
	JOB_LINE_EXTRA = 4096 /* bytes of an answer's line beside its payload: keys, white space */
};

/* Greater numbers are not the same everywhere: many languages read numbers as doubles. */
#define JOB_LINE_NUMBER_MAX ((UINT64_C(1) << 53) - 1)
#define JOB_LINE_NO_NUMBER  UINT64_MAX

/* ---- to the process ---- */

struct job_line {
	struct span policy, srcid; /* as in a request: a string with its quotes, or a number */
	struct span payload;	   /* the content of a JSON string, still escaped */
	struct span key;	   /* as policy and srcid; empty: none */
	bool base64;
	uint64_t timeout; /* ms */
};

/* The line begins with the number, which is given once a process takes the job.  Not
 * NUL-terminated; returns the bytes. */
size_t job_line_head(char head[JOB_LINE_HEAD], uint64_t number);

/* Appends all that follows the number, newline included.  0, or -1 with ENOMEM and out as it was.
 */
MUST_CHECK int job_line_rest(struct buf *out, const struct job_line *);

/* ---- from the process ---- */

enum job_answer_kind {
	JOB_ANSWER_NOTHING, /* of job 0: any answer means ready */
	JOB_ANSWER_PAYLOAD,
	JOB_ANSWER_ERROR,
	JOB_ANSWER_BUSY
};

struct job_answer {
	uint64_t number;
	enum job_answer_kind kind;
	struct span text; /* PAYLOAD, ERROR: content of a JSON string, judged, still escaped */
	bool escaped;	  /* it has escapes */
	bool base64;	  /* PAYLOAD: so it says; not judged */
	bool repeatable;  /* such jobs may be done twice */
	uint64_t busy;	  /* BUSY: ms */
};

/* Judges a line without its newline, strictly: an object with a job number and one of payload,
 * error and busy; other keys pass unread.  NULL with *out, which borrows from line; or what is
 * wrong, a constant.  out->number tells then which job's answer it would be, where it is an object
 * with a number: JOB_LINE_NO_NUMBER otherwise. */
MUST_CHECK const char *job_line_read(struct span line, struct job_answer *out);

#endif
