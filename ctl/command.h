/* command.h - what can be asked of a daemon: a row for each command. */
#ifndef POLICYPOOL_COMMAND_H
#define POLICYPOOL_COMMAND_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "discover.h"
#include "target.h"

/* The exit statuses beside 0. */
enum { STATUS_REFUSED = 1, STATUS_USAGE = 2, STATUS_UNREACHED = 3 };

struct command {
	const char *name;
	const char *args;	  /* for the usage; empty: none */
	enum discover_program of; /* whose it is */
	/* How the answer's data looks; NULL: what run does is not one question. */
	void (*print)(struct json_object *, FILE *);
	int (*run)(const struct command *, const struct target *, bool json, char *const args[]);
	const char *help;
};

/* NULL when there is no such command. */
const struct command *command_find(const char *name);
/* The name that is so near that it may be meant; NULL: none is. */
const char *command_nearest(const char *name);

/* A line each. */
void command_usage(FILE *);

/* The exit status, everything told.  args are ended by NULL. */
int command_run(const struct command *, const struct target *, bool json, char *const args[]);

#endif
