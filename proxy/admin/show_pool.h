/* show_pool.h - servers and policies as JSON, for the control socket and the pages. */
#ifndef POLICYPOOL_SHOW_POOL_H
#define POLICYPOOL_SHOW_POOL_H

#include <json-c/json.h>

#include "conn_limit.h"
#include "events.h"
#include "health_monitor.h"
#include "proxy_conf.h"
#include "registry.h"
#include "server_stats.h"
#include "worker_stats.h"

/* Arrays, an object a server or policy, in the order of policy and turn.  NULL on ENOMEM. */
struct json_object *show_servers(const struct registry *, struct counters *,
				 struct health_monitor *, uint64_t now);
/* The words that a server's state may be: the i-th, NULL after the last. */
const char *show_state_word(unsigned i);
struct json_object *show_policies(const struct registry *, struct counters *,
				  struct health_monitor *, struct worker_stats *,
				  const struct proxy_conf *conf);

/* Adds to the rows of show_servers() how long replies took: [[most, count], ...], a time in us
 * and how many took no longer than that but longer than the one before; without those of which
 * there are none. */
void show_latencies(struct json_object *servers, const struct registry *, struct counters *);

/* Adds to an object what workers have counted of requests, clocks and memory. */
void show_meter(struct json_object *, const struct worker_stats *);

/* Adds to an object how many permits are held and waited for. */
void show_permits(struct json_object *, const struct registry *, const struct permits *);

/* An array, an object an event, those after that number, the oldest first.  NULL on ENOMEM. */
struct json_object *show_events(const struct events *, uint64_t after);

#endif
