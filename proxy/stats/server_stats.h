/* server_stats.h - what each worker counts of each server: a cell of counters (counters.h), by the
 * server's index. */
#ifndef POLICYPOOL_SERVER_STATS_H
#define POLICYPOOL_SERVER_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"

/* Its policy has the counters, too, those of servers that have gone included (policy_stats.h).
 * reached_at is the last reply. */
#define SERVER_STATS(X, A)                                                                \
	X(COUNTER_GAUGE, connections, "connections", "connections", "Connections to it.") \
	X(COUNTER_GAUGE, in_flight, "in_flight", "in_flight",                             \
	  "Requests sent and not yet replied to.")                                        \
	X(COUNTER, served, "served", "served_total", "Requests replied to.")              \
	X(COUNTER, failed, "failed", "failed_total", "Requests sent and not replied to.") \
	X(COUNTER, retried, "retried", "retried_total",                                   \
	  "Of those, requests that went to another server.")                              \
	X(COUNTER_INSTANT, reached_at, NULL, NULL, NULL)                                  \
	A(COUNTER_LATENCY, latency, COUNTERS_LATENCY, NULL, "latency_seconds",            \
	  "Time from sending a request to a server to its reply.", NULL, NULL)

COUNTERS_DECLARE(server_stats_cell, SERVER_STATS);

/* As counters_new(). */
static inline struct counters *
server_stats_new(unsigned workers, unsigned servers)
{
	return counters_new(&server_stats_cell_type, workers, servers);
}

/* For its writer. */
static inline struct server_stats_cell *
server_stats_cell(const struct counters *c, unsigned worker, unsigned server)
{
	return counters_own(c, worker, server);
}

/* Has it ever answered a request? */
bool server_stats_has_served(const struct counters *, unsigned server);

/* Requests in flight at a server, of all workers but one. */
uint32_t server_stats_in_flight(const struct counters *, unsigned server, unsigned but_worker);

/* When any worker last had a reply of it, in clock_ms(), not after now; 0: none. */
uint64_t server_stats_reached(const struct counters *, unsigned server, uint64_t now);

#endif
