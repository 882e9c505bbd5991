/* lb_load.h - the requests that all workers have in flight at a server: a worker's own number is
 * exact, the others' may be a moment old. */
#ifndef POLICYPOOL_LB_LOAD_H
#define POLICYPOOL_LB_LOAD_H

#include "upstream.h"

struct lb_load;

/* Borrowed.  NULL on ENOMEM. */
struct lb_load *lb_load_new(const struct upstream_env *, unsigned servers);
void lb_load_free(struct lb_load *);

/* The roster was made anew: an index may be another server's. */
void lb_load_refresh(struct lb_load *);

/* now in clock_ms(). */
uint32_t lb_load_of(struct lb_load *, const struct upstreams *, unsigned server, uint64_t now);

#endif
