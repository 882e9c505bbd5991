/* double_fork.h - starts a process as a child of the caller's own parent, for a service manager
 * that knows its children alone.
 *
 *   caller -fork-> intermediate -fork-> process
 *          <- its end, as the process ended      until double_fork_release()
 *          release ->  ends with 0               the kernel gives the process its new parent: the
 *                                                nearest subreaper, or pid 1
 *
 * The intermediate is a child like any other: the caller reaps it.  It ends by itself when the
 * caller does. */
#ifndef POLICYPOOL_DOUBLE_FORK_H
#define POLICYPOOL_DOUBLE_FORK_H

#include <stdbool.h>
#include <sys/types.h>

#include "compiler.h"

/* Zeroed but for the descriptors, which are -1, where there is none. */
struct double_fork {
	pid_t pid;	    /* of the process */
	pid_t intermediate; /* 0: ended; of no other child of the caller */
	int orders;	    /* to the intermediate */
	int process;	    /* pidfd of the process; -1: the kernel has none */
};

/* child runs in the process, with all signals blocked, and does not return.  0, or -1 with errno
 * and no process. */
MUST_CHECK int double_fork(struct double_fork *, void (*child)(void *ctx), void *ctx);

/* Lets go of the process.  When the intermediate is reaped after this, and has ended with 0, the
 * process has its new parent. */
void double_fork_release(struct double_fork *);

/* SIGKILL to the process, let go or not, and whether or not the intermediate lives, which ends
 * after it. */
void double_fork_kill(struct double_fork *);

/* Nothing more is wanted of either, or the caller is another process by now: closes what is open.
 */
void double_fork_end(struct double_fork *);

/* The pid of another process's parent; 0 when that can't be known. */
pid_t double_fork_parent_of(pid_t);

/* Ends this process as another did that ended with this wait(2) status: by the same code, or by the
 * same signal without a core of its own. */
NORETURN void end_as(int status);

#endif
