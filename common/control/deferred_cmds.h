/* deferred_cmds.h - commands about workers that take time: the caller is answered when one is
 * carried out, or told why it is not. */
#ifndef POLICYPOOL_DEFERRED_CMDS_H
#define POLICYPOOL_DEFERRED_CMDS_H

#include "control.h"
#include "supervisor.h"

/* Both are called from a verb's run(), once the supervisor has begun, and return what
 * run() is to return: NULL, with *error set where it goes on and nobody can be told.  The
 * supervisor must outlive the caller's connection, or stop.  Nobody waits longer than a worker has
 * to start, and another has to end. */

/* So many workers serve, and those too many have ended. */
struct json_object *deferred_cmds_scale(const struct control_call *, struct supervisor *,
					unsigned workers, const char **error);

/* Another worker serves in place of the one in that slot, which has ended. */
struct json_object *deferred_cmds_recycle(const struct control_call *, struct supervisor *,
					  unsigned slot, const char **error);

#endif
