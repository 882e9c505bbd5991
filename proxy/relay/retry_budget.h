/* retry_budget.h - a worker's requests on a further try: how many may be with a server at once,
 * and where the others wait.
 *
 * A request that failed once is likely to fail again: where much fails, further tries must not
 * overload what is left.  A request over the budget is not refused but parked, and goes when
 * another has ended.  So is one that waits for a server that has not failed it: in a line it would
 * hold up those behind it, which may go anywhere. */
#ifndef POLICYPOOL_RETRY_BUDGET_H
#define POLICYPOOL_RETRY_BUDGET_H

#include "compiler.h"
#include "request.h"
#include "worker_stats.h"

enum { RETRY_BUDGET_LEAST = 3 }; /* may always be on a further try */

struct retry_budget {
	unsigned percent;		/* of the pending requests */
	unsigned active;		/* with a server on a further try now */
	struct worker_stats_row *meter; /* where active and parked_n are told */
	unsigned parked_n;
	struct request_list parked; /* state PARKED, in the order in which they go */
};

/* The meter is borrowed. */
void retry_budget_init(struct retry_budget *, unsigned percent, struct worker_stats_row *);

/* May it be tried further, with so many pending?  Then it counts until retry_budget_end(); one that
 * counts already may. */
MUST_CHECK bool retry_budget_take(struct retry_budget *, struct request *, unsigned pending);

/* It has come to its end, or is parked: it does not count any more. */
void retry_budget_end(struct retry_budget *, struct request *);

/* It waits, in front of those that do: the last one lost is told of first; and in that list, as
 * one that has waited since then. */
void retry_budget_park(struct retry_budget *, struct request *, struct timeout_list *,
		       uint64_t since);
/* Back to where it was, in front of next (NULL: the last), having waited since. */
void retry_budget_repark(struct retry_budget *, struct request *, struct request *next);
void retry_budget_unpark(struct retry_budget *, struct request *);

#endif
