/* cmd_list.h - the command list: the daemons of the runtime folders. */
#ifndef POLICYPOOL_CMD_LIST_H
#define POLICYPOOL_CMD_LIST_H

#include "command.h"

/* A command's run(). */
int cmd_list(const struct command *, const struct target *, const struct view *,
	     char *const args[]);

#endif
