/* shared_rows.h - what the store of a cluster has of servers, as it was told: rows by id.
 *
 * A row is remembered whether or not it was believed, so that it can be judged again when settings
 * change or there is room.  Finding one takes the logarithm of their number. */
#ifndef POLICYPOOL_SHARED_ROWS_H
#define POLICYPOOL_SHARED_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "packet.h"
#include "span.h"

struct shared_row {
	char id[PACKET_ID_MAX + 1];
	char *value; /* NULL: there is none, the row is only to be left alone for a while */
	size_t n;
	uint64_t mod_rev;
	uint64_t quiet; /* clock_ms(): not judged before; 0: at any time */
	uint64_t told;	/* the last time that ours was put in its place; 0: never */
	bool seen;	/* since shared_rows_begin() */
	bool believed;	/* the registry is as it says */
	char why[160];	/* where it is not: the reason; or empty */
};

struct shared_rows;

/* NULL on ENOMEM.  max: rows that are remembered. */
struct shared_rows *shared_rows_new(unsigned max);
void shared_rows_free(struct shared_rows *);

/* NULL: there is none. */
struct shared_row *shared_rows_find(const struct shared_rows *, const char *id);

/* That row, made where there is none, without a value.  Rows found before are then elsewhere.  NULL
 * when there is no room, or no memory. */
struct shared_row *shared_rows_make(struct shared_rows *, const char *id);

/* Its value from now on.  0, or -1 on ENOMEM with the row as it was. */
MUST_CHECK int shared_rows_set(struct shared_row *, struct span value, uint64_t mod_rev);

void shared_rows_remove(struct shared_rows *, struct shared_row *);

/* By id, in use: 0 to shared_rows_n() - 1. */
struct shared_row *shared_rows_at(const struct shared_rows *, unsigned i);
unsigned shared_rows_n(const struct shared_rows *);

/* From here on all of them are told anew: none is seen. */
void shared_rows_begin(struct shared_rows *);
/* Removes rows with a value that were not told since. */
void shared_rows_sweep(struct shared_rows *);
void shared_rows_clear(struct shared_rows *);

#endif
