/* route.h - who can take a request now + whose turn it is -> which server.  Pure. */
#ifndef POLICYPOOL_ROUTE_H
#define POLICYPOOL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum { ROUTE_NOBODY = -1 };

/* How a policy's requests are shared out: enumerator, word.
 *
 * ROUNDROBIN: one after the other, in their order.
 *
 * WEIGHTED: turns in proportion to the weights, spread evenly over a round; with equal weights it
 * is ROUNDROBIN.
 *
 * LEASTCONN: the one with the least load by weight; among equals by turn.
 *
 * RANDOM2: of two drawn by weight, the one with the less load by weight.
 *
 * HASH: by the key: rendezvous, in proportion to the weights; one that has more than a quarter over
 * its share of the load is passed over, so that a key that all ask for does not make them wait
 * while others idle. */
#define ROUTE_BALANCES(X)                 \
	X(ROUTE_ROUNDROBIN, "roundrobin") \
	X(ROUTE_WEIGHTED, "weighted")     \
	X(ROUTE_LEASTCONN, "leastconn")   \
	X(ROUTE_RANDOM2, "random2")       \
	X(ROUTE_HASH, "hash")

#define ROUTE_ENUM(name, text) name,
enum route_balance { ROUTE_BALANCES(ROUTE_ENUM) ROUTE_BALANCE_COUNT };
#undef ROUTE_ENUM

struct route_server {
	bool usable;
	uint32_t weight; /* 1 to 2^20; ROUNDROBIN does not look at it */
	uint32_t load;	 /* requests sent and not answered; LEASTCONN, RANDOM2, HASH */
	uint64_t name;	 /* route_hash() of its id; HASH */
};

struct route_live {
	enum route_balance balance;
	const struct route_server *server; /* in the order of their turns */
	size_t n;
	uint64_t turn; /* 0, 1, 2, ... over all workers; RANDOM2: a random number */
	uint64_t key;  /* route_hash() of what HASH goes by */
};

/* An index, ROUTE_NOBODY when none is usable. */
int route_pick(const struct route_live *);

/* Of an id or a key; the same in every process and version. */
uint64_t route_hash(struct span);

#endif
