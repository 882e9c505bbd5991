/* lb_ready.h - which servers of a policy can take a request, known without a look at each: kept as
 * things change, so that a request costs as little among thousands as among two.
 *
 * A server is READY, NEW or LADEN until something is told that concerns it (upstream_standing());
 * the few that vary, for they fail, return, or are on trial, are looked at for each request by
 * whoever asks.  Where those that are NEW are no equals of others (LEASTCONN, RANDOM2), they vary
 * too.  Backups are not among them. */
#ifndef POLICYPOOL_LB_READY_H
#define POLICYPOOL_LB_READY_H

#include "lb_algo.h"
#include "lb_load.h"
#include "lb_tree.h"
#include "lb_turns.h"
#include "upstream.h"

struct lb_ready;

/* Both borrowed.  NULL on ENOMEM. */
struct lb_ready *lb_ready_new(const struct upstream_env *, struct lb_load *, unsigned servers,
			      unsigned policies);
void lb_ready_free(struct lb_ready *);

/* The roster was made anew. */
void lb_ready_refresh(struct lb_ready *);

struct lb_ready_view {
	const struct lb_tree *tree; /* the ready ones, by their places in the policy */
	const unsigned *varying;    /* registry indices, until the next lb_ready_look() */
	unsigned varying_n, ready_n, new_n, laden_n;
	const struct lb_turns *turns; /* of the same servers; NULL: all weights are equal, or their
					 turns are not asked for, or can't be told by it */
	bool pooled;		      /* all of them are */
	bool equal_weights;	      /* of all of them */
};

/* A policy with servers as it is now, for requests that are not larger than its servers take.  how:
 * what the tree is asked for, so what it has to have; for a policy the same until the roster is
 * made anew.  now in clock_ms(), never less than before. */
struct lb_ready_view lb_ready_look(struct lb_ready *, struct upstreams *,
				   const struct registry_snapshot_policy *, enum lb_balance how,
				   uint64_t now);

/* After lb_ready_look(), of each that varies, before the tree is asked: is it in it, as if it were
 * ready? */
void lb_ready_use(struct lb_ready *, const struct upstreams *, unsigned server, bool use,
		  uint64_t now);
/* A server has been tried: it is not in the tree until the next lb_ready_look(). */
void lb_ready_pass(struct lb_ready *, unsigned server);

/* Its load in the tree is brought up to date, as far as other workers have changed it.  False when
 * it was. */
bool lb_ready_weigh(struct lb_ready *, const struct upstreams *, unsigned server, uint64_t now);

/* The load of all that are in the tree now. */
uint64_t lb_ready_load(const struct lb_ready *, const struct registry_snapshot_policy *);

bool lb_ready_varies(const struct lb_ready *, unsigned server);
/* It has answered nobody yet, and is in the tree like those that have. */
bool lb_ready_is_new(const struct lb_ready *, unsigned server);

#endif
