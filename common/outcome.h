/* outcome.h - orders about workers that take time: whoever gave one is answered when it is carried
 * out, or told why it is not. */
#ifndef POLICYPOOL_OUTCOME_H
#define POLICYPOOL_OUTCOME_H

#include "control.h"
#include "supervisor.h"

/* Both are called from a verb's run() whose order the supervisor has just taken, and return what
 * run() is to return: NULL, with *error set where the order goes on and nobody can be told.  The
 * supervisor must outlive the caller's connection, or stop.  Nobody waits longer than a worker has
 * to start, and another has to end. */

/* So many workers serve, and those too many have ended. */
struct json_object *outcome_of_scale(const struct control_call *, struct supervisor *,
				     unsigned workers, const char **error);

/* Another worker serves in place of the one in that slot, which has ended. */
struct json_object *outcome_of_recycle(const struct control_call *, struct supervisor *,
				       unsigned slot, const char **error);

#endif
