/* job_pipe.h - a worker's ends of the two pipes of a job process: lines go in, lines come out.
 *
 * Never waits: the part of a line for which the pipe has no room is written once it has, a line of
 * which only a part has come is kept until its rest does. */
#ifndef POLICYPOOL_JOB_PIPE_H
#define POLICYPOOL_JOB_PIPE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

#include "buf.h"
#include "compiler.h"
#include "job_line.h"
#include "span.h"

enum job_pipe_end {
	JOB_PIPE_CLOSED,  /* by the process, or it has ended; or the system failed */
	JOB_PIPE_TOO_LONG /* a line is longer than it may be */
};

struct job_pipe_ops {
	/* A line, without its newline; it borrows until return or job_pipe_close().  more: what
	 * follows it has come too, in part or whole. */
	void (*on_line)(void *ctx, struct span line, bool more);
	/* A part of a line has come. */
	void (*on_part)(void *ctx);
	/* Nothing more is to be expected: close it. */
	void (*on_end)(void *ctx, enum job_pipe_end);
};

/* All zero but for the descriptors, which are -1: closed. */
struct job_pipe {
	int in, out; /* standard input and output of the process */
	struct event readable, writable;
	size_t max_line;
	struct buf *scratch; /* where is read to */
	struct buf part;     /* a line that is not whole yet */
	size_t looked_at;    /* bytes of it, without a newline */
	size_t delivering;   /* bytes of it that on_line() is being told of */
	char head[JOB_LINE_HEAD];
	struct span line[2]; /* that is being written: head and rest */
	size_t sent;	     /* bytes of it */
	const struct job_pipe_ops *ops;
	void *ctx;
};

/* scratch is shared by all pipes of a loop and empty between their events.  max_line: bytes of a
 * line that comes.  Takes over both descriptors.  0, or -1 with errno, the descriptors closed;
 * EINVAL: they are not non-blocking. */
MUST_CHECK int job_pipe_open(struct job_pipe *, struct event_base *, int in, int out,
			     size_t max_line, struct buf *scratch, const struct job_pipe_ops *,
			     void *ctx);

/* Also in a callback of it.  Nothing happens where it is closed. */
void job_pipe_close(struct job_pipe *);

/* Writes a job's line (job_line.h); the one before has been written.  rest is borrowed until it is,
 * or the pipe is closed.  0, or -1 with errno: the process does not read any more. */
MUST_CHECK int job_pipe_write(struct job_pipe *, uint64_t number, struct span rest);

static inline bool
job_pipe_is_open(const struct job_pipe *p)
{
	return p->out >= 0;
}

/* A part of the line is not written yet. */
bool job_pipe_is_writing(const struct job_pipe *);
/* The process has not read a byte of the last line, dead or alive.  False where it can't be known.
 */
bool job_pipe_is_unread(const struct job_pipe *);
/* Something has come that on_line() is not told of yet, a part of a line too. */
bool job_pipe_has_input(const struct job_pipe *);

/* The process has ended: takes what it has still written.  Calls back, but for on_end. */
void job_pipe_drain(struct job_pipe *);

#endif
