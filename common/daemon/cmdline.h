/* cmdline.h - how this process was started, as absolute paths: for reading the settings again,
 * and for starting its successor. */
#ifndef POLICYPOOL_CMDLINE_H
#define POLICYPOOL_CMDLINE_H

#include "compiler.h"
#include "conf.h"

struct cmdline {
	int argc;
	/* Owned; the settings file that it names is an absolute path, and one that was read without
	 * being named is named. */
	char **argv;
	char *binary; /* owned, absolute; a link in it is followed anew each time it is started */
};

/* To be called before the process changes its folder or its title.  0, or -1 with errno. */
MUST_CHECK int cmdline_remember(struct cmdline *, int argc, char *const argv[],
				const struct conf_command *);
void cmdline_release(struct cmdline *);

#endif
