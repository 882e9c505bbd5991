/* options.h - the command line of ppool-ctl: options anywhere, the command and its arguments. */
#ifndef POLICYPOOL_OPTIONS_H
#define POLICYPOOL_OPTIONS_H

#include <stdbool.h>

#include "compiler.h"
#include "target.h"
#include "view.h"

struct options {
	struct target target;
	struct view view;
	const char *runtime_dir, *color; /* NULL: not given */
	char **args; /* the command, its arguments, NULL; the array is the caller's to free */
	int n;
};

/* Ends the process, with status 0, after -h, --help-all and -V.  0, or -1 with what is wrong
 * told. */
MUST_CHECK int options_parse(struct options *, int argc, char *argv[]);

/* Where to look further, on standard error. */
void options_hint(void);

#endif
