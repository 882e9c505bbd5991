/* log_sink.h - writes whole lines to a descriptor of any kind, and never waits for a reader.
 * Used by log.c and by the access log.
 *
 * O_NONBLOCK belongs to the open file description.  That of a standard stream is shared with the
 * processes that gave it to us: set there it would make their writes fail, and one of them could
 * clear it.  So, by the kind of file (as measured on Linux 6.18):
 *
 * - a file, FIFO or device opened by its path: O_NONBLOCK on a description of our own
 * - a regular file that we were given: write(2), which waits for its disk and for no reader
 * - a socket: send(2) with MSG_DONTWAIT
 * - a pipe that we were given: pwritev2(2) with RWF_NOWAIT, where a pipe of our own takes it
 * - a FIFO or terminal that we were given (EOPNOTSUPP there), or a pipe without RWF_NOWAIT:
 *   opened anew through /proc/self/fd with O_NONBLOCK
 * - the same where that is refused (EACCES: it is another user's): poll(2), then write(2) under
 *   an interval timer; if others fill it between the two, its signal ends the write after
 *   LOG_SINK_GUARD_US
 *
 * The last one costs seven further calls a write; a write that another process raced is the only
 * one that waits at all.  A process that writes for us would have to outlive and be outlived by
 * every daemon, worker and successor, and a thread is lost by each fork.
 *
 * Whole lines: a pipe takes up to PIPE_BUF bytes undivided, and no line is longer (LOG_LINE). Where
 * a part of a line was taken all the same (a full disk, a terminal) the rest of it is kept, and
 * goes out first as soon as there is room: until then lines are lost.  Another process may write to
 * the same file between the two. */
#ifndef POLICYPOOL_LOG_SINK_H
#define POLICYPOOL_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "compiler.h"
#include "log.h"

enum { LOG_SINK_GUARD_US = 2000 };

/* How one writes there, see above. */
enum log_sink_way {
	LOG_SINK_FLAGGED, /* write(2): the description does not block, or is a regular file's */
	LOG_SINK_SOCKET,
	LOG_SINK_NOWAIT,
	LOG_SINK_GUARDED
};

struct log_sink {
	int fd; /* -1: nothing can be written there, every line is lost */
	enum log_sink_way way;
	bool own;      /* fd is the sink's to close */
	bool regular;  /* takes any number of lines in one write */
	bool terminal; /* where SIGTTOU could stop a writer in the background */
	off_t most;    /* bytes that a regular file may have, RLIMIT_FSIZE; -1: any number */
	size_t rest_n; /* of a line that was taken in part */
	char rest[LOG_LINE];
};

/* Writes to fd, which is the caller's and stays open for as long as the sink is used: a standard
 * stream, of which the description is shared. */
void log_sink_borrow(struct log_sink *, int fd);

/* Writes to fd, which becomes the sink's: it was opened by log_sink_open(), here or in the process
 * that passed it.  -1: nowhere. */
void log_sink_take(struct log_sink *, int fd);

/* Closes what is its own.  An unfinished line is lost. */
void log_sink_close(struct log_sink *);

/* A log by its path, for appending: a regular file (made where there is none), a device, or a FIFO,
 * which needs no reader: what is written without one is lost.  The descriptor, or -1 with errno;
 * ENXIO for a FIFO that has no reader and that this process may not read. */
MUST_CHECK int log_sink_open(const char *path);

/* Whole lines, each at most LOG_LINE bytes with its newline.  How many of them did not get
 * through. */
unsigned log_sink_write(struct log_sink *, const char *lines, size_t n);

unsigned log_sink_count(const char *lines, size_t n);

#endif
