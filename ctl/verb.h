/* verb.h - what can be asked of a daemon: a row a command. */
#ifndef POLICYPOOL_VERB_H
#define POLICYPOOL_VERB_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "target.h"

/* The exit statuses beside 0. */
enum { STATUS_REFUSED = 1, STATUS_USAGE = 2, STATUS_UNREACHED = 3 };

struct verb {
	const char *name;
	const char *args; /* for the usage; empty: none */
	bool proxy_only;
	/* How the answer's data looks; NULL: what run does is not one question. */
	void (*print)(struct json_object *, FILE *);
	int (*run)(const struct verb *, const struct target *, bool json, char *const args[]);
	const char *help;
};

/* NULL when there is no such command. */
const struct verb *verb_find(const char *name);

/* A line each. */
void verb_usage(FILE *);

/* The exit status, everything told.  args are ended by NULL. */
int verb_run(const struct verb *, const struct target *, bool json, char *const args[]);

#endif
