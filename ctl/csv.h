/* csv.h - JSON data as comma-separated values (RFC 4180), for spreadsheets and databases. */
#ifndef POLICYPOOL_CSV_H
#define POLICYPOOL_CSV_H

#include <json-c/json.h>
#include <stdio.h>

/* An array of objects: a line of the first one's keys, then one a row.  An object: those two lines
 * of it, inner members as outer.inner, lists as JSON.  Nothing for no rows.  null is empty, lines
 * end with \n, and what a terminal obeys is escaped (printable.h). */
void csv_print(struct json_object *, FILE *out);

#endif
