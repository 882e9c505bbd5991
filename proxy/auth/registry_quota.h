/* registry_quota.h - the quota of unsigned servers: how many one address may announce, and which
 * one gives way in a full registry.  Looks only.
 *
 * Announcements without a key could fill the registry for good: plain servers have no lease.  So a
 * server that has never answered a request and has no short lease gives way, the one heard of the
 * longest ago first. */
#ifndef POLICYPOOL_REGISTRY_QUOTA_H
#define POLICYPOOL_REGISTRY_QUOTA_H

#include "addr_peer.h"
#include "compiler.h"
#include "registry.h"
#include "server_stats.h"

struct registry_quota {
	const struct registry *registry;
	const struct counters *tally;
	unsigned per_address; /* unsigned servers that one address may announce; 0: no limit */
};

/* May this address announce one more unsigned server?  An address is as addr_peer_key() counts it,
 * all of loopback one. */
MUST_CHECK bool registry_quota_has_room(const struct registry_quota *,
					const struct addr_peer *from);

/* The index of the unsigned server that gives way: one of that address, or of any for NULL.  With
 * policy_too it has to be the last one of its policy.  -1: none does. */
MUST_CHECK int registry_quota_victim(const struct registry_quota *, const struct addr_peer *from,
				     bool policy_too);

#endif
