/* cmd_server.h - the command server: all of one server, a line each, and its last events. */
#ifndef POLICYPOOL_CMD_SERVER_H
#define POLICYPOOL_CMD_SERVER_H

#include "command.h"

/* A command's run(). */
int cmd_server(const struct command *, const struct target *, const struct view *,
	       char *const args[]);

#endif
