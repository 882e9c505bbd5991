/* lb_keys.h - which server of a policy has a key, as lb_algo.h says for HASH: to which it belongs
 * is remembered, for that takes a look at each. */
#ifndef POLICYPOOL_LB_KEYS_H
#define POLICYPOOL_LB_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "lb_ready.h"

struct lb_keys;

/* name: lb_hash() of each server's id, by its index; it and the roster are borrowed.  NULL on
 * ENOMEM. */
struct lb_keys *lb_keys_new(const struct registry_snapshot *, const uint64_t *name);
void lb_keys_free(struct lb_keys *);

/* The roster was made anew. */
void lb_keys_refresh(struct lb_keys *);

/* A policy, and what lb_ready_look() has said of it. */
struct lb_keys_view {
	const struct registry_snapshot_policy *policy;
	const struct lb_tree *tree;
	bool equal_weights; /* of all */
};

/* The place in the policy of the one that is to have it, of two at least in the tree. */
unsigned lb_keys_pick(struct lb_keys *, struct lb_ready *, const struct upstreams *,
		      const struct lb_keys_view *, uint64_t key, uint64_t now);

#endif
