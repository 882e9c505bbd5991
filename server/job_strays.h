/* job_strays.h - processes that job processes have left behind: a child of one that has left its
 * group, as a daemon does, becomes the master's (reaper_adopt()) when its parent ends.
 *
 * They are known by what stands in their environment, JOB_CHILD_COOKIE: what removes that is not
 * found. */
#ifndef POLICYPOOL_JOB_STRAYS_H
#define POLICYPOOL_JOB_STRAYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Kills children of this process that a job process has left, unless lives() says that this is one
 * of those kept (by pid), or that the one that it comes from (by serial) lives.  How many. */
unsigned job_strays_kill(bool (*lives)(uint64_t serial, pid_t, void *ctx), void *ctx);

#endif
