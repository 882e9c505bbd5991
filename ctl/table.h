/* table.h - JSON data as text for people: aligned tables and lists. */
#ifndef POLICYPOOL_TABLE_H
#define POLICYPOOL_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

struct table_look {
	unsigned width;	    /* in columns of the terminal; 0: as wide as it becomes */
	const char *first;  /* keys "id,state" by importance, for where not all fit; the others
			     * follow as they come; NULL: none */
	const char *marked; /* the header of this key has a mark (sorted by); NULL: none */
	bool color;
	bool tells; /* a line below says how many columns were left out */
};

/* An array of objects: a row each, the columns of the first one, numbers to the right, a last
 * column without trailing blanks.  Keys are the headers in upper case; NAME_s and NAME_us are NAME,
 * a time in the units of its size.  Where the width is limited, columns that fit are chosen, none
 * without any value, and the last may be cut. */
void table_print(struct json_object *rows, const struct table_look *, FILE *out);

/* An object: a line a member, "key  value"; inner objects as outer.inner; a list of objects as a
 * table below. */
void table_print_object(struct json_object *, const struct table_look *, FILE *out);

/* Whichever of the two it is. */
void table_print_either(struct json_object *, const struct table_look *, FILE *out);

#endif
