/* state_lock.h - the lock of a state file, for one process at a time, and when that one last
 * lived.
 *
 * PATH.lock is locked for as long as its descriptor is open anywhere (an open file description
 * lock, fcntl(2)): a successor that is handed the descriptor has the lock without a gap.  It holds
 * one line:
 *
 *   {"pid":4711,"wall":1767225600000,"uptime":86400000,"boot":"BOOT-ID"}
 *
 * written in place every now and then.  wall is in ms since 1970, uptime in ms since the boot,
 * suspended time included: within one boot a clock that was set does not count. */
#ifndef POLICYPOOL_STATE_LOCK_H
#define POLICYPOOL_STATE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

enum { STATE_LOCK_BOOT = 40 };

struct state_lock_beat {
	long pid;
	uint64_t wall, uptime;
	char boot[STATE_LOCK_BOOT]; /* empty: not known */
};

/* PATH.lock, owned by the caller; NULL on ENOMEM. */
char *state_lock_path(const char *path);

/* Locks that file, made with mode 0600 where it is missing.  The descriptor, or -1 with errno:
 * EAGAIN when another process has it, *holder then being its pid, 0 where that is not known; EPERM
 * when the file is somebody else's.  Allocates nothing, as below. */
MUST_CHECK int state_lock_take(const char *lock_path, long *holder);
/* Is it still the file of that name?  Someone may have removed it. */
bool state_lock_is_at(int fd, const char *lock_path);

/* What stands there.  False when nothing does that is understood. */
bool state_lock_read(int fd, struct state_lock_beat *);
/* Writes that this process lives now.  0, or -1 with errno. */
MUST_CHECK int state_lock_beat(int fd);

/* This moment. */
void state_lock_now(struct state_lock_beat *);
/* ms from then to now; 0 where the clock on the wall goes backwards or was not set then. */
uint64_t state_lock_age(const struct state_lock_beat *then, const struct state_lock_beat *now);

#endif
