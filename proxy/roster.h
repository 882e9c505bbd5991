/* roster.h - a worker's own copy of the registry, indexed by policy.
 *
 * Asking whether it is still right costs one comparison; it is made anew only when the master has
 * changed the table. */
#ifndef POLICYPOOL_ROSTER_H
#define POLICYPOOL_ROSTER_H

#include "registry.h"
#include "span.h"

struct roster;

struct roster_policy {
	unsigned index;		/* of the policy in the registry */
	unsigned n;		/* servers */
	const unsigned *server; /* their indices in the registry, in the order of their turns */
	const char *name;
};

/* NULL with errno; empty until the first roster_refresh(). */
struct roster *roster_new(const struct registry *);
void roster_free(struct roster *);

/* True when the copy was made anew; what earlier calls returned is then no more. */
bool roster_refresh(struct roster *);

/* NULL for a policy that nobody ever served. */
const struct roster_policy *roster_find(const struct roster *, struct span name);
const struct roster_policy *roster_at(const struct roster *, unsigned policy_index);

/* The copy's entry; ->used is false for a free one. */
const struct registry_server *roster_server(const struct roster *, unsigned index);
/* Indices are below these. */
unsigned roster_server_end(const struct roster *);
unsigned roster_policy_end(const struct roster *);

#endif
