/* sandbox_program.h - the system calls that stay forbidden to a program that is executed (seccomp),
 * and to what it starts.
 *
 * A call fails with EPERM, or with ENOSYS where libraries know another way.  Forbidden is what
 * reaches out of a process: tracing, mounts, namespaces, keys, BPF, io_uring, signals to all, to
 * those spared, and whatever a descriptor would send (F_SETOWN, F_SETSIG); sockets unless network.
 * A process that is spared has one thread: others could be signalled by the number of another. */
#ifndef POLICYPOOL_SANDBOX_PROGRAM_H
#define POLICYPOOL_SANDBOX_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "compiler.h"
#include "sandbox.h"

struct sandbox_program {
	bool network;
	bool alone;	     /* it signals and limits itself alone, not even its group */
	const pid_t *spared; /* processes, and groups as negative numbers */
	size_t n;
};

/* no_new_privs is set with it.  0, or -1 with the reason logged. */
MUST_CHECK int sandbox_program_apply(enum isolation, const struct sandbox_program *);

#endif
