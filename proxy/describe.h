/* describe.h - what the proxy's master tells of servers and policies on its control socket. */
#ifndef POLICYPOOL_DESCRIBE_H
#define POLICYPOOL_DESCRIBE_H

#include <json-c/json.h>

#include "conf.h"
#include "events.h"
#include "join.h"
#include "meter.h"
#include "permit.h"
#include "registry.h"
#include "tally.h"
#include "watch.h"

/* Arrays, an object a server or policy, in the order of policy and turn.  NULL on ENOMEM. */
struct json_object *describe_servers(const struct registry *, struct tally *, struct watch *,
				     uint64_t now);
struct json_object *describe_policies(const struct registry *, struct tally *, struct watch *,
				      struct meter *, const struct conf_list *balance);

/* Adds to the rows of describe_servers() how long replies took: [[most, count], ...], a time in us
 * and how many took no longer than that but longer than the one before; without those of which
 * there are none. */
void describe_latencies(struct json_object *servers, const struct registry *, struct tally *);

/* Adds to an object what workers have counted of requests, clocks and memory. */
void describe_meter(struct json_object *, struct meter *);

/* Adds to an object how announcements were answered; refusals that there were. */
void describe_joins(struct json_object *, const struct join_counts *);

/* An array, an object an event, those after that number, the oldest first.  NULL on ENOMEM. */
struct json_object *describe_events(const struct events *, uint64_t after);

#endif
