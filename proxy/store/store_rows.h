/* store_rows.h - rows by key: what the store has, as far as was heard, and what is wanted of it.
 *
 * Of a value that is there only a hash is kept, for whoever is told of it has it.  Knows no time
 * and asks for nothing. */
#ifndef POLICYPOOL_STORE_ROWS_H
#define POLICYPOOL_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "compiler.h"
#include "span.h"

struct store_rows;

enum { STORE_ROWS_MAX = 200000 };

enum store_want {
	STORE_WANT_NOTHING,
	STORE_WANT_KEPT,   /* with the value, under the session's lease */
	STORE_WANT_GONE,   /* with the value, under a lease of its own, once */
	STORE_WANT_REMOVED /* if it is ours, once */
};

struct store_row {
	struct store_row *next;		   /* in its place of the table */
	LIST_ENTRY(store_row) wanted_link; /* while something is wanted */

	/* ---- what the store has ---- */
	bool there, ignored; /* ignored: its key is too long to be told of */
	unsigned seen;	     /* in which reading */
	uint64_t create_rev, mod_rev, lease, hash;

	/* ---- what is wanted; see store_plan.h ---- */
	enum store_want want;
	char *value;
	size_t value_n;
	uint64_t value_hash;
	uint64_t over;	     /* mod_rev of another's row that may be replaced; 0: none may */
	uint64_t put_hash;   /* of what was put last; 0: nothing was */
	uint64_t moved;	     /* to this lease, from another; 0: it was not */
	uint64_t not_before; /* clock_ms() */
	uint64_t tried;	     /* mod_rev that it had then, 0: it was absent */
	uint64_t held_until; /* what was tried is to be seen first, but not for ever */
	bool written;	     /* and it was done */
	bool in_flight;	     /* it is being tried */
	unsigned serial;     /* of what is wanted: what was tried is of a former one */

	size_t key_n;
	char key[];
};

LIST_HEAD(store_row_list, store_row);

/* NULL on ENOMEM. */
struct store_rows *store_rows_new(void);
void store_rows_free(struct store_rows *);

/* NULL: nothing is known or wanted of it. */
struct store_row *store_rows_find(const struct store_rows *, struct span key);

static inline struct span
store_row_key(const struct store_row *r)
{
	return span_of(r->key, r->key_n);
}

uint64_t store_rows_hash(const struct store_rows *, struct span value); /* never 0 */

/* ---- what the store has ---- */

/* Begins a reading: what is not seen until store_rows_swept() is not there any more. */
void store_rows_read(struct store_rows *);
/* A row as it is there.  *changed: it was not so before.  NULL on ENOMEM, and where there are
 * STORE_ROWS_MAX: with errno ENOMEM, EMFILE. */
struct store_row *store_rows_take(struct store_rows *, struct span key, struct span value,
				  uint64_t create_rev, uint64_t mod_rev, uint64_t lease,
				  bool *changed);
/* It is not there any more; it may be freed, also if key is its own.  False where it was not known
 * to be. */
bool store_rows_gone(struct store_rows *, struct span key);
/* A row that was not seen is gone; the next one of these each time, NULL: there is none left. */
struct store_row *store_rows_swept(struct store_rows *);
/* Nothing is known to be there. */
void store_rows_forget(struct store_rows *);

struct store_rows_count {
	uint64_t there, ignored;
	uint64_t wanted; /* to be kept */
};
void store_rows_count(const struct store_rows *, struct store_rows_count *);
/* The highest mod_rev of all that are there; 0: none is. */
uint64_t store_rows_newest(const struct store_rows *);

/* ---- what is wanted ---- */

/* Instead of what was before.  The row, or NULL on ENOMEM; KEPT again with the same value and over
 * changes nothing. */
struct store_row *store_rows_want(struct store_rows *, struct span key, enum store_want,
				  struct span value, uint64_t over);
/* Nothing is any more; it may be freed. */
void store_rows_unwant(struct store_rows *, struct store_row *);
/* Those with a want that is not NOTHING. */
struct store_row_list *store_rows_wanted(struct store_rows *);

#endif
