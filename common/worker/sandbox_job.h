/* sandbox_job.h - the system calls that a job process of ours may make (seccomp) once it is ready.
 *
 * Any other is written to standard error by name, and the process exits with
 * SANDBOX_JOB_STATUS. */
#ifndef POLICYPOOL_SANDBOX_JOB_H
#define POLICYPOOL_SANDBOX_JOB_H

#include "compiler.h"

enum sandbox_job {
	SANDBOX_JOB_NONE,
	/* A module's: memory that is not executed, clocks, random bytes, what is open read, written
	 * and closed, its end.  Nothing is opened, made or sent. */
	SANDBOX_JOB_MODULE,
	/* read(2), write(2) and exit(2), and nothing else. */
	SANDBOX_JOB_PIPE
};

enum { SANDBOX_JOB_STATUS = 128 + 31 }; /* as of a shell's command that SIGSYS has ended */

/* For the rest of the process's life; no_new_privs is set with it.  Nothing is done where a filter
 * can't be, sandbox_why_not().  0, or -1 with errno. */
MUST_CHECK int sandbox_job_apply(enum sandbox_job);

#endif
