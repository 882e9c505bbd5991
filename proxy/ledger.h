/* ledger.h - what the servers of each policy have done, those that have gone too, so that the
 * counters of a policy never go back.  The master's. */
#ifndef POLICYPOOL_LEDGER_H
#define POLICYPOOL_LEDGER_H

#include "registry.h"
#include "tally.h"

struct ledger;

/* Borrows both.  NULL on ENOMEM. */
struct ledger *ledger_new(const struct registry *, struct tally *);
void ledger_free(struct ledger *);

/* The counts at this index are about to be forgotten, for another server begins there. */
void ledger_keep(struct ledger *, unsigned server);

/* The registry has changed: who is where. */
void ledger_follow(struct ledger *);

/* The counters of each policy, by its index: an array of registry_policy_end().  In flight,
 * connections and instants are 0. */
void ledger_sums(const struct ledger *, struct tally_cell *out);

#endif
