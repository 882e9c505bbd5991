/* cmd_key.h - the command derive-key: the key of one server, which needs no daemon. */
#ifndef POLICYPOOL_CMD_KEY_H
#define POLICYPOOL_CMD_KEY_H

#include "command.h"

/* A command's run(). */
int cmd_key(const struct command *, const struct target *, const struct view *, char *const args[]);

#endif
