/* job_io.h - a job process's side of the job lines: reads a job, writes its answer.  Pure.
 *
 * See policypool-handler(7) for the lines, job_line.h for the worker's side. */
#ifndef POLICYPOOL_JOB_IO_H
#define POLICYPOOL_JOB_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "compiler.h"
#include "span.h"

/* Bytes, decoded; borrowed from the job_io until the next job is read. */
struct job_request {
	uint64_t number;
	uint64_t timeout; /* ms from now */
	struct span payload, policy, client;
	struct span key; /* of a pseudonym; empty: the one in use */
	bool binary;	 /* the payload came as base64 */
};

enum job_outcome { JOB_DONE, JOB_REFUSED, JOB_BUSY };

enum { HANDLER_WHY = 512 }; /* bytes of a reason, with its NUL */

struct job_reply {
	struct span payload;   /* DONE; bytes, borrowed until it has been written */
	bool binary;	       /* DONE: written as base64, otherwise it must be UTF-8 */
	bool repeatable;       /* DONE; told of job 0 */
	char why[HANDLER_WHY]; /* REFUSED */
	uint32_t retry;	       /* BUSY: ms */
};

/* Zeroed but for max_reply. */
struct job_io {
	size_t max_reply; /* bytes of a payload as it is written, escaped or base64 */
	struct buf text, bytes, out;
};

/* Makes room for lines of n bytes and answers to them, so that nothing has to be allocated later.
 * 0, or -1 with ENOMEM. */
MUST_CHECK int job_io_reserve(struct job_io *, size_t n);
void job_io_release(struct job_io *);

/* Takes a line without its LF.  0, or -1 with *why: the worker's line is none, and the process can
 * only end. */
MUST_CHECK int job_io_read(struct job_io *, struct span line, struct job_request *,
			   const char **why);

/* The answer as a line with its LF, in *line, borrowed until the next call.  What can't be said (a
 * reply that is no UTF-8, or too large) becomes an error.  0, or -1 with ENOMEM. */
MUST_CHECK int job_io_write(struct job_io *, uint64_t number, enum job_outcome,
			    const struct job_reply *, struct span *line);

/* For JOB_REFUSED; returns it. */
enum job_outcome job_refuse(struct job_reply *, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
