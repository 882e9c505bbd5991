/* pool_metrics.h - the pool's measured values for monitoring: policies and servers. */
#ifndef POLICYPOOL_POOL_METRICS_H
#define POLICYPOOL_POOL_METRICS_H

#include <json-c/json.h>

#include "console.h"
#include "exposition.h"

/* servers and policies as describe.h tells them; latencies from the pool's tally, by the registry's
 * order (registry_list()), which is that of servers. */
void pool_metrics_write(struct exposition *, struct json_object *servers,
			struct json_object *policies, const struct console_env *);

#endif
