/* fair_queue.h - the queue of a policy's requests: clients take turns, so that one with a
 * thousand waiting does not hold up another.
 *
 *   turn    A1 ---- B1 ---- C1        the first of each client, in the order of their turns
 *            |       |
 *   behind  A2      B2                the others of that client, in the order in which they came
 *            |
 *           A3                        served: A1 B1 C1 A2 B2 A3
 *
 * All costs the same however many wait, but for finding a client's place: that goes through the
 * policies in which this client waits. */
#ifndef POLICYPOOL_FAIR_QUEUE_H
#define POLICYPOOL_FAIR_QUEUE_H

#include "request.h"

struct fair_queue {
	struct request_list turn;
	unsigned n, clients;
};

void fair_queue_init(struct fair_queue *);

/* Behind what its client has waiting here; a client that has nothing here is the last to have its
 * turn.  The request's places must be set and outlive its waiting. */
void fair_queue_push(struct fair_queue *, struct request *);

/* It is the next of all, what else its client has waiting behind it. */
void fair_queue_push_first(struct fair_queue *, struct request *);

/* The next in turn; NULL when none waits. */
struct request *fair_queue_first(const struct fair_queue *);

/* Takes any of them out; when it was its client's first, the next of that client has its turn: at
 * the end when it was served, in the same place when it was not. */
void fair_queue_remove(struct fair_queue *, struct request *, bool served);

/* How many would at most be served before one more of that client. */
unsigned fair_queue_ahead(const struct fair_queue *, const struct request_places *);

#endif
