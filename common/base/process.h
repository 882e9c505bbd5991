/* process.h - other processes: what they use (proc(5)), and descriptors by which their end is seen
 * for certain, also if a pid is used again (pidfd_open(2)). */
#ifndef POLICYPOOL_PROCESS_H
#define POLICYPOOL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"

struct procstat {
	pid_t parent;
	uint64_t cpu_ms;   /* user and system, since it began */
	uint64_t resident; /* bytes */
};

/* 0, or -1 with errno. */
MUST_CHECK int procstat_read(pid_t, struct procstat *);

/* Close-on-exec; readable once the process has ended.  -1 with errno. */
MUST_CHECK int pidfd_of(pid_t);

/* 0, or -1 with errno; ESRCH: it has ended. */
MUST_CHECK int pidfd_signal(int fd, int sig);

/* fork(2), with all signals blocked in the child, which unblocks them once it has handlers of its
 * own: until then one that is meant for it would be told to the loop of its parent. */
pid_t process_fork_blocked(void);

#endif
