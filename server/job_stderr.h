/* job_stderr.h - what a job process says on standard error: lines in the log.
 *
 * A line that begins with <0> to <7> has that level, as in sd-daemon(3), any other is at info.  Of
 * a line that is longer than JOB_STDERR_LINE bytes the rest is passed over.  There are as many
 * lines as others that peers cause (log_rate); the process never waits for the log. */
#ifndef POLICYPOOL_JOB_STDERR_H
#define POLICYPOOL_JOB_STDERR_H

#include <event2/event.h>
#include <sys/types.h>

#include "compiler.h"

enum { JOB_STDERR_LINE = 8192, JOB_STDERR_LAST = 160 };

struct job_stderr;

/* From now on lines without a level are at warn: somebody at the terminal runs one job. */
void job_stderr_show(void);

/* fd: the pipe's end, non-blocking; taken over, also on failure.  NULL on ENOMEM. */
struct job_stderr *job_stderr_new(struct event_base *, int fd, unsigned worker, unsigned number);
/* The process that speaks. */
void job_stderr_of(struct job_stderr *, pid_t);

/* The process has ended: what it has still said, without waiting for others that have the pipe too;
 * closes and frees.  last: the last line that was not empty, without its level, cut; empty where
 * there was none.  NULL is fine. */
void job_stderr_end(struct job_stderr *, char last[JOB_STDERR_LAST]);
/* Closes and frees without a word, in another process.  NULL is fine. */
void job_stderr_forget(struct job_stderr *);

#endif
