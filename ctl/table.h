/* table.h - JSON data as text for people: aligned tables and lists. */
#ifndef POLICYPOOL_TABLE_H
#define POLICYPOOL_TABLE_H

#include <json-c/json.h>
#include <stdio.h>

/* An array of objects: a row each, the columns of the first one, numbers to the right, a last
 * column without trailing blanks.  Keys are the headers in upper case; NAME_s is NAME, in seconds.
 */
void table_print(struct json_object *rows, FILE *out);

/* An object: a line a member, "key  value"; inner objects as outer.inner. */
void table_print_object(struct json_object *, FILE *out);

#endif
