/* policy_stats.h - the counters of each policy, with those of servers that have left, so that
 * they never go back.  The master's. */
#ifndef POLICYPOOL_POLICY_STATS_H
#define POLICYPOOL_POLICY_STATS_H

#include "registry.h"
#include "server_stats.h"

struct policy_stats;

/* Borrows both.  NULL on ENOMEM. */
struct policy_stats *policy_stats_new(const struct registry *, struct counters *);
void policy_stats_free(struct policy_stats *);

/* The counts at this index are about to be forgotten, for another server begins there. */
void policy_stats_keep(struct policy_stats *, unsigned server);

/* The registry has changed: which server is in which policy. */
void policy_stats_follow(struct policy_stats *);

/* The counters of each policy, by its index: an array of registry_policy_end().  In flight,
 * connections and instants are 0. */
void policy_stats_sums(const struct policy_stats *, struct server_stats_cell *out);

#endif
