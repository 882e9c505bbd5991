/* command.h - what can be asked of a daemon: a row for each command. */
#ifndef POLICYPOOL_COMMAND_H
#define POLICYPOOL_COMMAND_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "discover.h"
#include "target.h"
#include "view.h"

/* The exit statuses beside 0. */
enum { STATUS_REFUSED = 1, STATUS_USAGE = 2, STATUS_UNREACHED = 3 };

/* What its part of the help is about. */
enum command_group { COMMAND_LOOK, COMMAND_POOL, COMMAND_DAEMON, COMMAND_GROUPS };

struct command {
	const char *name;
	enum command_group group;
	const char *args;	  /* for the usage; empty: none */
	enum discover_program of; /* whose it is */
	/* Of an answer that is a table: its columns by importance, see table.h, as many as matter;
	 * empty: as they come.  NULL: it is no table. */
	const char *columns;
	/* NULL: what it is asked is one question. */
	int (*run)(const struct command *, const struct target *, const struct view *,
		   char *const args[]);
	const char *help;
};

/* NULL when there is no such command. */
const struct command *command_find(const char *name);
/* The name that is so near that it may be meant; NULL: none is. */
const char *command_nearest(const char *name);

/* A line each, in parts with a title. */
void command_usage(FILE *);

/* The exit status, everything told.  args are ended by NULL. */
int command_run(const struct command *, const struct target *, const struct view *,
		char *const args[]);

#endif
