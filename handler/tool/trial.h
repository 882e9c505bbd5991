/* trial.h - a job process of a handler, run by ppool-handler as a server runs it: by job_child.h,
 * with the same environment, user, limits and filter, and the same lines over pipes.  Its standard
 * error is ours. */
#ifndef POLICYPOOL_TRIAL_H
#define POLICYPOOL_TRIAL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "buf.h"
#include "compiler.h"
#include "daemon.h"
#include "handler_conf.h"
#include "job_line.h"
#include "span.h"

enum { TRIAL_NUMBER_READY = 0 }; /* of the job that asks whether it is ready */

enum trial_result {
	TRIAL_NOTHING,	/* no whole line yet */
	TRIAL_ANSWERED, /* one */
	TRIAL_BROKEN,	/* a line that is no answer, or none in so many bytes */
	TRIAL_ENDED	/* it has closed its standard output, or ended */
};

struct trial {
	pid_t pid;	/* of its process, and of that one's group; 0: there is none */
	int to, from;	/* pipes; -1: closed */
	bool said_all;	/* its standard output has ended */
	size_t longest; /* bytes of a line */
	size_t taken;	/* bytes of in: the line that was read last */
	struct buf out, in;
};

/* Starts the process.  0, or -1 with a line on err.  Release: trial_end() or trial_kill(), in
 * either case. */
MUST_CHECK int trial_start(struct trial *, const struct handler_conf *, const struct daemon_conf *,
			   FILE *err);

/* The job is to be written by trial_move().  payload as the handler shall see it; base64: it is
 * bytes.  0, or -1 with ENOMEM. */
MUST_CHECK int trial_send(struct trial *, uint64_t number, struct span payload, bool base64,
			  uint64_t timeout_ms);

/* What poll(2) is to wait for. */
void trial_poll(const struct trial *, struct pollfd at[2]);
/* What it has found: writes and reads as much as there is.  0, or -1 with ENOMEM. */
MUST_CHECK int trial_move(struct trial *, const struct pollfd at[2]);

/* The next line that has come.  ANSWERED: *out, which borrows until the next call.  BROKEN: *why is
 * a constant, and *line the line or its beginning. */
enum trial_result trial_next(struct trial *, struct job_answer *out, struct span *line,
			     const char **why);

/* Both, until there is a line, or for so long.  NOTHING: the time is over. */
enum trial_result trial_await(struct trial *, uint64_t ms, struct job_answer *out,
			      struct span *line, const char **why);

/* Closes its standard input, and waits for its end for at most so long; then kills what is left of
 * its group.  The ms that it took, or -1 where it had to be killed.  status is that of wait(2). */
int64_t trial_end(struct trial *, uint64_t ms, int *status);

/* SIGKILL to its group.  Its wait(2) status, that of its own end where it had ended. */
int trial_kill(struct trial *);

/* "ended with status 3", "was ended by signal 11 (Segmentation fault)". */
const char *trial_status_text(int status, char *out, size_t size);

#endif
