/* place.h - where a server says that it is to be reached, and whether that can be. */
#ifndef POLICYPOOL_PLACE_H
#define POLICYPOOL_PLACE_H

#include "addr.h"
#include "attr.h"
#include "packet.h"

/* The host that it named, or else the address it came from, with its port; an IPv4-mapped address
 * as the IPv4 one.  NULL, or what is wrong, a constant sentence. */
MUST_CHECK const char *place_of(const struct packet_announcement *, const struct addr *peer,
				struct addr *out);

/* Nobody is at a wildcard, multicast or broadcast address, nor where the proxy itself listens
 * (self; if that is every address, any of this machine's); and loopback is this machine's own, of
 * no use to who comes from elsewhere.  NULL, or why it can't be there. */
MUST_CHECK const char *place_judge(const struct addr *at, const struct addr *peer,
				   const struct addr *self);

#endif
