/* registry_internal.h - internal to the registry: registry.c (the table), registry_view.c (what
 * workers share of it), registry_lease.c (leases, which they do not see). */
#ifndef POLICYPOOL_REGISTRY_INTERNAL_H
#define POLICYPOOL_REGISTRY_INTERNAL_H

#include "registry.h"
#include "shm.h"

/* A row a server that workers do not see. */
struct registry_row {
	struct registry_tenure is;
	struct addr_peer origin; /* what announced it; family 0: not told */
	struct addr rival;	 /* refused with the same id; len 0: nobody */
	uint64_t heard;		 /* clock_ms(): its last announcement */
	uint64_t freed; /* count of removals when it was freed: oldest is used again first */
};

struct registry {
	unsigned max_servers, max_policies;
	unsigned server_end, policy_end;
	struct registry_server *server;
	struct registry_policy *policy;
	struct registry_row *tenure;
	uint64_t orders, incarnations, removals;
	struct shm_view view;
	_Atomic uint64_t *turn; /* a policy each, written by all workers */
};

/* ---- registry_view.c ---- */

/* The view and the turns.  0, or -1 with errno; closed in any case, at any time. */
MUST_CHECK int registry_view_open(struct registry *);
void registry_view_close(struct registry *);
/* What is shown between begin and end is seen as one change. */
void registry_view_begin(struct registry *);
void registry_view_server(struct registry *, unsigned index);
void registry_view_policy(struct registry *, unsigned index);
void registry_view_end(struct registry *);

/* ---- registry_lease.c ---- */

/* seconds: 0 is no lease. */
void registry_set_lease(struct registry *, unsigned index, unsigned seconds, uint64_t now);

#endif
