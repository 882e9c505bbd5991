/* place.c - see place.h. */
#include "place.h"

#include "net.h"

const char *
place_of(const struct packet_announcement *a, const struct addr *peer, struct addr *out)
{
	*out = *peer;
	addr_set_port(out, a->port);
	if (a->host[0] != '\0' && addr_numeric(out, a->host, a->port) < 0)
		return "host must be a numeric address";
	addr_unmap(out);
	return NULL;
}

static bool
is_self(const struct addr *at, const struct addr *self)
{
	struct addr own = *self;

	addr_unmap(&own);
	if (addr_port(at) != addr_port(&own))
		return false;
	return addr_eq(at, &own) ||
	       (addr_is_wildcard(&own) && (addr_is_loopback(at) || net_is_own(at)));
}

const char *
place_judge(const struct addr *at, const struct addr *peer, const struct addr *self)
{
	if (!addr_is_unicast(at))
		return "nobody can be at the announced address";
	if (addr_is_loopback(at) && !addr_is_loopback(peer))
		return "a loopback address, announced from elsewhere";
	if (is_self(at, self))
		return "the announced address is the proxy's own";
	return NULL;
}
