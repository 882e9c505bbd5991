/* lb_turns.h - turns by weight among many servers, as lb_algo.h gives them, in steps that grow with
 * the logarithm of their number; for servers of a few different weights.  Pure. */
#ifndef POLICYPOOL_LB_TURNS_H
#define POLICYPOOL_LB_TURNS_H

#include "lb_tree.h"

enum { LB_TURNS_WEIGHTS = 8 };

struct lb_turns;

/* Of so many servers, each with its weight; none is usable.  NULL with errno: E2BIG when they have
 * more different weights, ENOMEM. */
struct lb_turns *lb_turns_new(const uint32_t *weight, unsigned servers);
void lb_turns_free(struct lb_turns *);

/* What is in the tree has to be the same.  weight: as it was given. */
void lb_turns_use(struct lb_turns *, unsigned server, uint32_t weight);
void lb_turns_leave(struct lb_turns *, unsigned server, uint32_t weight);

/* Which server has that turn; one at least is usable. */
unsigned lb_turns_nth(const struct lb_turns *, const struct lb_tree *, uint64_t turn);

#endif
