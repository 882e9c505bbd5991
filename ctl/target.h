/* target.h - which daemon is meant: named by its socket, port or id, or the only one. */
#ifndef POLICYPOOL_TARGET_H
#define POLICYPOOL_TARGET_H

#include <stdbool.h>

#include "attr.h"

enum { TARGET_PATH = 4200 };

struct target {
	const char *socket, *port, *id; /* one of them at most; borrowed */
	const char *dir;		/* of the control sockets */
};

/* The path of its control socket.  0, or -1 with the reason told on standard error, where verb says
 * what for. */
MUST_CHECK int target_path(const struct target *, bool proxy_only, const char *verb,
			   char path[TARGET_PATH]);

#endif
