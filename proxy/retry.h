/* retry.h - the retry budget of a worker: how many requests may be on a further try at once, and
 * who waits until fewer are.
 *
 * A request that failed once is likely to fail again: where much fails, further tries must not
 * stone what is left.  Nobody is refused for it at once: who is over the budget is parked, and goes
 * when another has come to its end. */
#ifndef POLICYPOOL_RETRY_H
#define POLICYPOOL_RETRY_H

#include "attr.h"
#include "request.h"

enum { RETRY_LEAST = 3 }; /* may always be on a further try */

struct retry {
	unsigned percent; /* of the pending requests */
	unsigned active;  /* on a further try now */
	unsigned parked_n;
	struct request_list parked; /* state PARKED, in the order in which they go */
	struct waitlist waits;	    /* the same, in the order in which they came */
};

/* limit: how long one may be parked, in ms. */
void retry_init(struct retry *, unsigned percent, uint64_t limit);

/* May it be tried further, with so many pending?  Then it counts until retry_end(); one that counts
 * already may. */
MUST_CHECK bool retry_take(struct retry *, struct request *, unsigned pending);

/* It has come to its end, or is parked: it does not count any more. */
void retry_end(struct retry *, struct request *);

/* It waits, in front of those that do: the last one lost is told of first. */
void retry_park(struct retry *, struct request *, uint64_t now);
void retry_unpark(struct retry *, struct request *);

/* Takes the first of those parked that may go now, which counts from here on; NULL when none may.
 */
struct request *retry_next(struct retry *, unsigned pending);

/* Who has been parked for too long; NULL: nobody. */
struct request *retry_overdue(const struct retry *, uint64_t now);

#endif
