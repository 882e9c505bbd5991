/* lb_algo.h - picks a server: the usable ones with their load, and the turn -> which one.  Pure. */
#ifndef POLICYPOOL_LB_ALGO_H
#define POLICYPOOL_LB_ALGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum { LB_NOBODY = -1 };

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
#define LB_BALANCES(X)                 \
	X(LB_ROUNDROBIN, "roundrobin") \
	X(LB_WEIGHTED, "weighted")     \
	X(LB_LEASTCONN, "leastconn")   \
	X(LB_RANDOM2, "random2")       \
	X(LB_HASH, "hash")

#define LB_ENUM(name, text) name,
enum lb_balance { LB_BALANCES(LB_ENUM) LB_BALANCE_COUNT };
#undef LB_ENUM

struct lb_server {
	bool usable;
	uint32_t weight; /* 1 to 2^20; ROUNDROBIN does not look at it */
	uint32_t load;	 /* requests sent and not answered; LEASTCONN, RANDOM2, HASH */
	uint64_t name;	 /* lb_hash() of its id; HASH */
};

struct lb_live {
	enum lb_balance balance;
	const struct lb_server *server; /* in the order of their turns */
	size_t n;
	uint64_t turn; /* 0, 1, 2, ... over all workers; RANDOM2: a random number */
	uint64_t key;  /* lb_hash() of what HASH goes by */
};

/* Has the first less to do than the second, each by its weight? */
static inline bool
lb_is_less(uint32_t load_a, uint32_t weight_a, uint32_t load_b, uint32_t weight_b)
{
	return (uint64_t)load_a * weight_b < (uint64_t)load_b * weight_a;
}

/* An index, LB_NOBODY when none is usable. */
int lb_pick(const struct lb_live *);

/* ---- HASH, of servers that are not all looked at ---- */

/* The key belongs to the server with the highest score.  equal: the weights of all are. */
double lb_score(uint64_t name, uint32_t weight, uint64_t key, bool equal);

/* Has it as much as a server may have and still be asked?  loads, weights: those of all. */
bool lb_is_saturated(uint32_t load, uint32_t weight, uint64_t loads, uint64_t weights);

/* Of an id or a key; the same in every process and version. */
uint64_t lb_hash(struct span);

#endif
