/* registry_quota.c - see registry_quota.h. */
#include "registry_quota.h"

enum { LEASE_LONG = 600 * 1000 }; /* ms; beyond it a lease says as little as none */

static bool
is_same_origin(const struct addr_peer *a, const struct addr_peer *b)
{
	char one[16], other[16];
	bool users = addr_peer_is_unix(a) || addr_peer_is_unix(b);

	if (!users && (addr_peer_is_loopback(a) || addr_peer_is_loopback(b)))
		return addr_peer_is_loopback(a) && addr_peer_is_loopback(b);
	return span_eq(addr_peer_key(a, one), addr_peer_key(b, other));
}

static bool
is_from(const struct registry *r, unsigned i, const struct addr_peer *from)
{
	struct addr_peer origin = registry_origin(r, i);

	return is_same_origin(&origin, from);
}

static bool
is_unsigned(const struct registry *r, unsigned i)
{
	return registry_server(r, i)->used && !registry_server(r, i)->configured &&
	       registry_tenure_of(r, i)->keyid[0] == '\0';
}

bool
registry_quota_has_room(const struct registry_quota *c, const struct addr_peer *from)
{
	const struct registry *r = c->registry;
	unsigned n = 0;

	for (unsigned i = 0; i < registry_server_end(r); i++)
		n += is_unsigned(r, i) && is_from(r, i, from);
	return c->per_address == 0 || n < c->per_address;
}

/* Nobody stands for it: it never answered, and need not announce itself again for long. */
static bool
gives_way(const struct registry_quota *c, unsigned i)
{
	uint64_t lease = registry_tenure_of(c->registry, i)->lease;

	return is_unsigned(c->registry, i) && (lease == 0 || lease > LEASE_LONG) &&
	       !server_stats_has_served(c->tally, i);
}

static bool
is_alone(const struct registry *r, unsigned at)
{
	for (unsigned i = 0; i < registry_server_end(r); i++)
		if (i != at && registry_server(r, i)->used &&
		    registry_server(r, i)->policy == registry_server(r, at)->policy)
			return false;
	return true;
}

int
registry_quota_victim(const struct registry_quota *c, const struct addr_peer *from, bool policy_too)
{
	const struct registry *r = c->registry;
	int victim = -1;

	for (unsigned i = 0; i < registry_server_end(r); i++) {
		if (!gives_way(c, i) || (from != NULL && !is_from(r, i, from)) ||
		    (victim >= 0 && registry_heard(r, i) >= registry_heard(r, (unsigned)victim)))
			continue;
		if (!policy_too || is_alone(r, i))
			victim = (int)i;
	}
	return victim;
}
