/* conf_file.h - reads a settings file and those that it includes, hands its statements out.
 * Internal to conf; its grammar is in conf.h. */
#ifndef POLICYPOOL_CONF_FILE_H
#define POLICYPOOL_CONF_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "compiler.h"

struct conf_place {
	const char *path; /* borrowed until conf_file_read() returns */
	unsigned line;
};

/* name = value, name = { value, ... } */
struct conf_assignment {
	struct conf_place place;
	const char *name;
	const char *const *item; /* these and name are borrowed for the call */
	size_t n;
	bool list; /* in braces */
};

/* What takes the statements, in their order.  Each returns 0, or -1 when it has told what is wrong.
 */
struct conf_sink {
	const char *program;	    /* stands before what is told of the whole file */
	const char *const *section; /* words that begin one: section "title" { ... }; up to NULL */
	int (*assign)(const struct conf_assignment *, void *ctx);
	/* What is assigned until leave() stands in that section; what stands in a refused one is
	 * not handed out. */
	int (*enter)(struct conf_place, const char *word, const char *title, void *ctx);
	void (*leave)(void *ctx);
	void *ctx;
};

enum {
	CONF_FILE_OPTIONAL = 1, /* no such file is an empty one, and *read false */
	CONF_FILE_AT_ONCE = 2	/* a FIFO or a device, which could be waited for, is refused */
};

/* how: of the flags above.  0, or -1 when anything was wrong, all of which is told on err. */
MUST_CHECK int conf_file_read(const char *path, unsigned how, const struct conf_sink *, bool *read,
			      FILE *err);

#endif
