/* conf_option.h - walks the options of a command line.  Internal to conf. */
#ifndef POLICYPOOL_CONF_OPTION_H
#define POLICYPOOL_CONF_OPTION_H

#include "conf.h"

struct conf_walk {
	const struct conf_table *tables; /* with the options that every program has */
	size_t n;
	int argc;
	char *const *argv;
	int at;	   /* next argument; at the end the first that is no option */
	FILE *err; /* NULL: what is wrong has been told before */
};

struct conf_option {
	size_t place;	     /* of the key in the tables taken as one */
	const char *spelled; /* as it was typed, spelled_n bytes */
	int spelled_n;
	const char *value; /* "yes" or "no" for a BOOL without = */
};

/* The last part of argv[0]. */
const char *conf_option_program(const struct conf_walk *);

/* 1 with *option, 0 at the end, -1 for what is no option or lacks its value, and the walk can go
 * on. */
MUST_CHECK int conf_option_next(struct conf_walk *, struct conf_option *option);

#endif
