/* handler_reach.h - may a user enter the folders on the way to a handler's program, execute it, and
 * read its script or module?  One that root starts runs as another user, and below /root that one
 * finds nothing. */
#ifndef POLICYPOOL_HANDLER_REACH_H
#define POLICYPOOL_HANDLER_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "privdrop.h"

/* As whom this process runs: the length of the first folder of path that may not be entered, 0
 * where all may. */
size_t handler_reach_closed(const char *path);

enum handler_reach {
	HANDLER_REACH_FINE, /* or it can't be tried */
	HANDLER_REACH_MISSING,
	HANDLER_REACH_CLOSED, /* a folder on the way */
	HANDLER_REACH_DENIED
};

/* May the plan's user read the file (how: R_OK), or execute it (X_OK)?  Tried in a process of its
 * own: lists of access count too.  *folder is the length of the one that is closed, else 0. */
enum handler_reach handler_reach_file(const struct privdrop *plan, const char *path, int how,
				      size_t *folder);

/* Of a user, and twice of the folder's length and path. */
#define HANDLER_REACH_WHY                                                                          \
	"job processes run as user %s, which may not enter %.*s: move it, chmod o+x %.*s, or set " \
	"handler_user"

/* "nobody", or its number. */
const char *handler_reach_user(uid_t uid, char out[32]);

#endif
