/* table.h - JSON data as text for people, aligned tables and lists, or as it is. */
#ifndef POLICYPOOL_TABLE_H
#define POLICYPOOL_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

/* An array of objects: a row each, the columns of the first one, numbers to the right, a last
 * column without trailing blanks.  Keys are the headers in upper case; NAME_s is NAME, in seconds.
 */
void table_print(struct json_object *rows, FILE *out);

/* An object: a line a member, "key  value"; inner objects as outer.inner; a list of objects as a
 * table below. */
void table_print_object(struct json_object *, FILE *out);

/* Whichever of the two it is. */
void table_print_either(struct json_object *, FILE *out);

/* JSON is on a line, or indented on a terminal; print is one of table.h. */
void show(struct json_object *data, bool json, void (*print)(struct json_object *, FILE *));

/* A line or page of JSON in which nothing stands that a terminal obeys (printable.h). */
void show_json(struct json_object *, int flags, FILE *);

#endif
