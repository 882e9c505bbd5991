/* lb_tree.h - picks a server of many, as lb_algo.h does, in steps that grow with the logarithm of
 * their number: a binary tree over the servers in the order of their turns, each node of which sums
 * up what is below it.  Pure. */
#ifndef POLICYPOOL_LB_TREE_H
#define POLICYPOOL_LB_TREE_H

#include <stddef.h>
#include <stdint.h>

/* Of the usable servers below a node.  As a leaf: a server; all zero: it is not usable. */
struct lb_node {
	uint32_t n;
	uint32_t load, weight; /* of the one with the least load by weight */
	uint32_t least;	       /* that have no more by weight than that one */
	uint64_t weights;      /* the sum */
};

struct lb_tree {
	struct lb_node *node; /* the root is 1, below i are 2 i and 2 i + 1 */
	unsigned leaves;      /* a power of 2 */
};

/* Nodes that a tree of so many servers, at least 1, takes: below 4 a server. */
unsigned lb_tree_nodes(unsigned servers);

/* None is usable.  The memory is borrowed. */
void lb_tree_init(struct lb_tree *, struct lb_node *memory, unsigned servers);

/* Each of many at once, and then the sums; until these the tree can't be asked. */
void lb_tree_place(struct lb_tree *, unsigned server, uint32_t load, uint32_t weight);
void lb_tree_sum_up(struct lb_tree *);

/* weight 1 to 2^20, see lb_algo.h. */
void lb_tree_use(struct lb_tree *, unsigned server, uint32_t load, uint32_t weight);
void lb_tree_leave(struct lb_tree *, unsigned server);

static inline const struct lb_node *
lb_tree_sum(const struct lb_tree *t)
{
	return &t->node[1];
}

/* A server, all zero if it is not usable. */
static inline const struct lb_node *
lb_tree_leaf(const struct lb_tree *t, unsigned server)
{
	return &t->node[t->leaves + server];
}

/* The usable server with that number, below lb_tree_sum()->n, in the order of turns; of those with
 * the least load, below ->least. */
unsigned lb_tree_nth(const struct lb_tree *, uint32_t nth);
unsigned lb_tree_nth_least(const struct lb_tree *, uint32_t nth);

/* Two different ones of two at least, by weight and a random number. */
void lb_tree_draw_two(const struct lb_tree *, uint64_t random, unsigned out[2]);

#endif
