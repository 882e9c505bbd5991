/* cmd_events.h - the command events: the history of a pool, or each event as it happens. */
#ifndef POLICYPOOL_CMD_EVENTS_H
#define POLICYPOOL_CMD_EVENTS_H

#include "command.h"

/* A command's run(). */
int cmd_events(const struct command *, const struct target *, const struct view *,
	       char *const args[]);

#endif
