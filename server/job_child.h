/* job_child.h - a job process between fork and its code: descriptors, environment, limits, user and
 * filter, then the program is executed, or the runner begins (job_runner.h).
 *
 * What is wrong is said on standard error, which the master reads (job_stderr.h); the status is
 * then JOB_CHILD_FAILED.  A process leads a session and a group of its own, and the kernel kills it
 * when the master ends. */
#ifndef POLICYPOOL_JOB_CHILD_H
#define POLICYPOOL_JOB_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"
#include "daemon.h"
#include "handler_conf.h"

enum { JOB_CHILD_FAILED = 127 };

/* In the environment of a job process and of what it starts: PID of the master and its serial. */
#define JOB_CHILD_COOKIE "PPOOL_PROCESS"

struct job_child {
	const struct handler_conf *conf; /* borrowed, as all here */
	const struct daemon_conf *daemon;
	int in, out, err; /* become 0, 1 and 2 */
	unsigned worker, number;
	uint64_t serial;
	pid_t master, worker_pid;
	bool plain; /* standard error is a terminal's: no level before what is wrong */
	/* Frees and wipes what is the master's alone, for code that will run in this process. */
	void (*forget)(void *ctx);
	void *ctx;
};

/* With all signals blocked; does not return. */
/* Forks it.  The pid, or -1 with errno. */
MUST_CHECK pid_t job_child_fork(const struct job_child *);

/* Has it a user that neither the master nor its workers have? */
bool job_child_has_own_user(const struct handler_conf *, const struct daemon_conf *);

/* Logs what this kernel cannot keep job processes from. */
void job_child_tell_isolation(const struct handler_conf *, const struct daemon_conf *);

#endif
