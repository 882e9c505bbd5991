/* route_load.h - the picks of route.h that go by load or by key.  Pure; at least two candidates. */
#ifndef POLICYPOOL_ROUTE_LOAD_H
#define POLICYPOOL_ROUTE_LOAD_H

#include "route.h"

int route_least(const struct route_live *);

/* weights: the candidates' sum. */
int route_random2(const struct route_live *, uint64_t weights);
int route_rendezvous(const struct route_live *, uint64_t weights, bool equal);

#endif
