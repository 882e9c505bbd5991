/* retry.h - the requests of a worker on a further try: how many may be with a server at once, and
 * where the others wait.
 *
 * A request that failed once is likely to fail again: where much fails, further tries must not
 * stone what is left.  Nobody is refused for it at once: who is over the budget is parked, and goes
 * when another has come to its end.  So is who waits for a server that has not failed it: in a line
 * it would hold up those behind it, which may go anywhere. */
#ifndef POLICYPOOL_RETRY_H
#define POLICYPOOL_RETRY_H

#include "attr.h"
#include "request.h"

enum { RETRY_LEAST = 3 }; /* may always be on a further try */

struct retry {
	unsigned percent; /* of the pending requests */
	unsigned active;  /* with a server on a further try now */
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
void retry_park(struct retry *, struct request *, uint64_t since);
/* Back to where it was, in front of next (NULL: the last), having waited since. */
void retry_repark(struct retry *, struct request *, struct request *next);
void retry_unpark(struct retry *, struct request *);

/* Who has been parked for too long; NULL: nobody. */
struct request *retry_overdue(const struct retry *, uint64_t now);

#endif
