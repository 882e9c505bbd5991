/* queue.h - the requests of a policy that wait for a server: clients take turns, so that who has a
 * thousand waiting does not hold up who has one.
 *
 *   turn    A1 ---- B1 ---- C1        the first of each client, in the order of their turns
 *            |       |
 *   behind  A2      B2                the others of that client, in the order in which they came
 *            |
 *           A3                        served: A1 B1 C1 A2 B2 A3
 *
 * All costs the same however many wait, but for finding a client's place: that goes through the
 * policies in which this client waits. */
#ifndef POLICYPOOL_QUEUE_H
#define POLICYPOOL_QUEUE_H

#include "request.h"

struct queue {
	struct request_list turn;
	unsigned n, clients;
};

void queue_init(struct queue *);

/* Behind what its client has waiting here; a client that has nothing here is the last to have its
 * turn.  The request's places must be set and outlive its waiting. */
void queue_push(struct queue *, struct request *);

/* It is the next of all, what else its client has waiting behind it. */
void queue_push_first(struct queue *, struct request *);

/* Whose turn it is; NULL when nobody waits. */
struct request *queue_first(const struct queue *);

/* Takes any of them out; when it was its client's first, the next of that client has its turn: at
 * the end when it was served, in the same place when it was not. */
void queue_remove(struct queue *, struct request *, bool served);

/* How many would at most be served before one more of that client. */
unsigned queue_ahead(const struct queue *, const struct request_places *);

#endif
