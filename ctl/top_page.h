/* top_page.h - the page of ppool-ctl top: what it shows of a look, and what keys change of that. */
#ifndef POLICYPOOL_TOP_PAGE_H
#define POLICYPOOL_TOP_PAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "view.h"

/* What there is to show; borrowed. */
struct top_data {
	const char *head;			/* lines above the tables */
	struct json_object *policies, *servers; /* arrays, a row each */
};

/* What keys have chosen; zeroed to begin with. */
struct top_state {
	bool help;
	bool sorted; /* by the column of that place in the servers' rows, otherwise as view says */
	unsigned column;
	bool up;     /* the smallest first */
	size_t from; /* first server that is shown */
	size_t page; /* servers that fit; by top_page_text() */
};

/* A key of screen.h.  False: it is to end. */
bool top_page_key(struct top_state *, const struct top_data *, int key);

/* So many lines of so many columns, the last one about where one is and which keys there are; the
 * caller's, NULL on ENOMEM.  state->from is bound to the servers that there are. */
char *top_page_text(struct top_state *, const struct top_data *, const struct view *,
		    unsigned columns, unsigned lines);

/* Without a limit of lines, for what is no screen: to out. */
void top_page_print(const struct top_data *, const struct view *, FILE *out);

#endif
