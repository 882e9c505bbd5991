/* command.h - how this process was started, in a form that holds after it has gone to another
 * folder: for reading the settings again, and for starting its successor. */
#ifndef POLICYPOOL_COMMAND_H
#define POLICYPOOL_COMMAND_H

#include "attr.h"
#include "conf.h"

struct command {
	int argc;
	char **argv;  /* owned; the settings file that it names is an absolute path */
	char *binary; /* owned, absolute; a link in it is followed anew each time it is started */
};

/* To be called before the process changes its folder or its title.  0, or -1 with errno. */
MUST_CHECK int command_remember(struct command *, int argc, char *const argv[],
				const struct conf_command *);
void command_release(struct command *);

#endif
