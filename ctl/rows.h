/* rows.h - an array of objects as a table of data: rows kept, sorted, and with the columns that
 * were asked for. */
#ifndef POLICYPOOL_ROWS_H
#define POLICYPOOL_ROWS_H

#include <json-c/json.h>

#include "compiler.h"

enum { ROWS_WHY = 1024 };

/* Each is NULL where it was not asked for. */
struct rows_wish {
	const char *columns; /* "id,state": these, in this order */
	const char *sort;    /* the column to sort by, "-served": the largest first */
	/* Rows with one of these values, parted by commas; "!up,suspect": with none of them. */
	const char *policy, *state;
};

/* Columns are named as in JSON or as in the header, in any case.  Text is sorted with its numbers
 * by value (100 behind 20), what is null last.  A new array, the caller's, or NULL with why: a
 * column that is not there, or out of memory.  Of no rows nothing can be said to be missing. */
MUST_CHECK struct json_object *rows_select(struct json_object *rows, const struct rows_wish *,
					   char why[ROWS_WHY]);

/* The first row whose `key` is that text; borrowed, NULL where there is none. */
struct json_object *rows_find(struct json_object *rows, const char *key, const char *text);

#endif
