/* show.h - an answer's data on standard output: as JSON, or as text for people. */
#ifndef POLICYPOOL_SHOW_H
#define POLICYPOOL_SHOW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

/* JSON is on a line, or indented on a terminal; print is one of table.h. */
void show(struct json_object *data, bool json, void (*print)(struct json_object *, FILE *));

#endif
