/* store_plan.h - what is to be done about a row, from what the store has and what is wanted.
 *
 * Each change is conditional on the row being as it was heard to be, so what was heard late, or
 * tried twice, or by a process that was stopped meanwhile, changes nothing that it does not know.
 * Pure: the time is an argument. */
#ifndef POLICYPOOL_STORE_PLAN_H
#define POLICYPOOL_STORE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "store_rows.h"

enum {
	STORE_PLAN_HOLD_MS = 2000, /* that a try is given to be seen by the watch */
	STORE_PLAN_JITTER_MS = 300 /* before what was deleted is put again: others do so too */
};

enum store_step {
	STORE_STEP_NONE,   /* it is as wanted, or another has it: that one's stays */
	STORE_STEP_OVER,   /* it is as wanted, and was wanted once: store_rows_unwant() */
	STORE_STEP_WAIT,   /* until *again */
	STORE_STEP_PUT,	   /* if its mod_revision is *expected, 0: if it is absent */
	STORE_STEP_REMOVE, /* the same */
};

/* lease: of the session, not 0. */
enum store_step store_plan(const struct store_row *, uint64_t lease, uint64_t now,
			   uint64_t *expected, uint64_t *again);

/* It is being tried.  Returns what store_plan_tried() is to be told. */
unsigned store_plan_try(struct store_row *);
/* It was put or removed (did), or it was not as it was heard to be, or nobody knows. */
void store_plan_tried(struct store_row *, bool did, unsigned serial, uint64_t lease, uint64_t now);

/* It was heard to be another than before; jitter: 32 random bits. */
void store_plan_heard(struct store_row *, uint64_t now, uint32_t jitter);

/* KEPT, and not in the store with this value; one that another has is not missing. */
bool store_plan_is_missing(const struct store_row *);

#endif
