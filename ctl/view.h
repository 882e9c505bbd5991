/* view.h - how ppool-ctl shows data: form, rows, columns and colours, as its options say. */
#ifndef POLICYPOOL_VIEW_H
#define POLICYPOOL_VIEW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "compiler.h"
#include "rows.h"
#include "table.h"

enum view_form { VIEW_TEXT, VIEW_JSON, VIEW_CSV };

struct view {
	enum view_form form;
	struct rows_wish wish; /* borrowed */
	bool wide;	       /* every column, whatever the width */
	bool color;
	unsigned width; /* of the terminal, 0: none */
};

/* Finds out what standard output is.  color: see color_wanted().  0, or -1 for another word. */
MUST_CHECK int view_open(struct view *, const char *color);

/* Were rows or columns asked for, which only a table has? */
bool view_wants_rows(const struct view *);

/* What a table of these is to look like; first: see table.h. */
struct table_look view_look(const struct view *, const char *first);

/* Data as it is wanted, on standard output: of an array of objects those rows and columns; JSON on
 * a line, or indented on a terminal.  0, or -1 with what is wrong told after "ppool-ctl: WHAT". */
MUST_CHECK int view_show(const struct view *, struct json_object *data, const char *first,
			 const char *what);

/* A line or page of JSON in which nothing stands that a terminal obeys (printable.h). */
void view_json(struct json_object *, int flags, FILE *);

#endif
