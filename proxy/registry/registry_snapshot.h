/* registry_snapshot.h - a worker's own copy of the registry, indexed by policy.
 *
 * Asking whether it is still right costs one comparison; it is made anew only when the master has
 * changed the table. */
#ifndef POLICYPOOL_REGISTRY_SNAPSHOT_H
#define POLICYPOOL_REGISTRY_SNAPSHOT_H

#include "registry.h"
#include "span.h"

struct registry_snapshot;

struct registry_snapshot_policy {
	unsigned index;		/* of the policy in the registry */
	unsigned n;		/* servers */
	unsigned backups;	/* of these */
	const unsigned *server; /* their indices in the registry, in the order of their turns */
	const char *name;
};

/* NULL with errno; empty until the first registry_snapshot_refresh(). */
struct registry_snapshot *registry_snapshot_new(const struct registry *);
void registry_snapshot_free(struct registry_snapshot *);

/* True when the copy was made anew; what earlier calls returned is then no more. */
bool registry_snapshot_refresh(struct registry_snapshot *);

/* NULL for a policy that nobody ever served. */
const struct registry_snapshot_policy *registry_snapshot_find(const struct registry_snapshot *,
							      struct span name);
const struct registry_snapshot_policy *registry_snapshot_at(const struct registry_snapshot *,
							    unsigned policy_index);

/* The copy's entry; ->used is false for a free one. */
const struct registry_server *registry_snapshot_server(const struct registry_snapshot *,
						       unsigned index);
/* Indices are below these. */
unsigned registry_snapshot_server_end(const struct registry_snapshot *);
unsigned registry_snapshot_policy_end(const struct registry_snapshot *);

#endif
