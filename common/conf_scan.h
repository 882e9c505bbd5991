/* conf_scan.h - a settings file made ready for libconfuse.  Internal to conf.
 *
 * libconfuse 3.3 counts lines wrongly after a comment, takes none inside a list, drops characters
 * it does not know without a word, expands ${ENV} and takes the next line's key for a missing
 * value. Here comments become blanks, ${ loses its meaning, the rest is told with its line. */
#ifndef POLICYPOOL_CONF_SCAN_H
#define POLICYPOOL_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "attr.h"

struct conf_statement {
	char *name;    /* what stands before the = */
	unsigned line; /* of the = */
};

struct conf_scan {
	char *text; /* what libconfuse reads, line for line the original */
	struct conf_statement *statement;
	size_t n;
	size_t errors; /* told on err */
	bool readable; /* to its end: no quote, comment or brace is left open */
};

/* Scans `in`, which came from the file `path`.  0, or -1 on ENOMEM; conf_scan_free() is due both
 * ways. */
MUST_CHECK int conf_scan(struct conf_scan *, const char *in, const char *path, FILE *err);
void conf_scan_free(struct conf_scan *);

#endif
