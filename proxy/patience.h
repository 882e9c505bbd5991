/* patience.h - how long clients may take with what they owe: a packet begun to be whole, answers to
 * be taken. */
#ifndef POLICYPOOL_PATIENCE_H
#define POLICYPOOL_PATIENCE_H

#include <event2/event.h>

#include "conn.h"
#include "waitlist.h"

struct patience;

/* Part of a client; zeroed. */
struct debtor {
	struct wait rest, taking;
};

/* The client has owed it for too long; told once. */
typedef void patience_fn(void *client, enum conn_debt, void *ctx);

/* Times in ms, 0: no limit.  NULL on ENOMEM. */
struct patience *patience_new(struct event_base *base, uint64_t rest, uint64_t taking,
			      patience_fn *fn, void *ctx);
void patience_free(struct patience *); /* nobody owes anything any more */

/* As on_owes() of a conn tells it. */
void patience_note(struct patience *, struct debtor *, void *client, enum conn_debt, bool owes);

/* The client goes. */
void patience_forget(struct patience *, struct debtor *);

#endif
