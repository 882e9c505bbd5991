/* target.h - which daemon is meant: by its socket, port, id or pid, or the only one. */
#ifndef POLICYPOOL_TARGET_H
#define POLICYPOOL_TARGET_H

#include <stdbool.h>
#include <stdio.h>

#include "compiler.h"
#include "discover.h"

enum { TARGET_PATH = 4200, TARGET_DIRS = 3 };

#define TARGET_SYSTEM_DIR "/run/policypool"
#define TARGET_UNITS_DIR  "/run/policypool/service"

struct target {
	const char *socket, *port, *id, *pid; /* one of them at most; borrowed */
	/* Of the control sockets: the one that was named, or this user's, then the system's and
	 * that of its units; borrowed.  NULL behind the last. */
	const char *dir[TARGET_DIRS];
	bool dir_named;
};

/* All daemons of these folders.  0, or -1 with the reason told on standard error; folders that
 * can't be trusted are told of and left out.  discover_free() is due where it is 0. */
MUST_CHECK int target_collect(const struct target *, const char *verb, struct discover_list *);

/* "DIR or DIR", and the line's end. */
void target_tell_folders(const struct target *, FILE *out);

/* The path of its control socket.  By a pid, the daemons are asked for theirs, and for the one
 * under which they were started and which a supervisor knows.  0, or -1 with the reason told on
 * standard error, where verb says what for.  A socket that was found, not named, is one of a daemon
 * that can be trusted (discover.h).
 */
MUST_CHECK int target_path(const struct target *, enum discover_program, const char *verb,
			   char path[TARGET_PATH]);

#endif
