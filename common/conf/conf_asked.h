/* conf_asked.h - what a command line asks for, before any settings are loaded. */
#ifndef POLICYPOOL_CONF_ASKED_H
#define POLICYPOOL_CONF_ASKED_H

#include "conf.h"

/* Does it give the key of that name?  What is wrong with the line is told by conf_load(). */
bool conf_asked(const struct conf_table *tables, size_t n, int argc, char *const argv[],
		const char *name);

#endif
