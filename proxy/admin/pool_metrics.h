/* pool_metrics.h - the metrics of policies and servers. */
#ifndef POLICYPOOL_POOL_METRICS_H
#define POLICYPOOL_POOL_METRICS_H

#include <json-c/json.h>

#include "admin_cmds.h"
#include "prometheus.h"

/* servers and policies as show_pool.h tells them; latencies from the pool's tally, by the
 * registry's order (registry_list()), which is that of servers. */
void pool_metrics_write(struct prometheus *, struct json_object *servers,
			struct json_object *policies, const struct admin_cmds_env *);

#endif
