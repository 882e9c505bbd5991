/* addr_net.h - networks, and the users of Unix sockets, that an address is of or not. */
#ifndef POLICYPOOL_ADDR_NET_H
#define POLICYPOOL_ADDR_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "compiler.h"

#define ADDR_UID_MAX (UINT32_MAX - 1)

/* A network "10.0.0.0/8", "::1/128" or a single address; or whoever connects to a Unix socket:
 * "unix", of one user "unix:uid=1000", of a process with that group "unix:gid=1000". */
struct addr_net {
	int family;
	bool group; /* of users: it is the group's number */
	unsigned bits;
	uint8_t prefix[16];
};

/* 0, or -1 with *why a constant sentence.  Host bits that are set are an error. */
MUST_CHECK int addr_net_parse(struct addr_net *, const char *text, const char **why);

/* An IPv4-mapped IPv6 address counts as the IPv4 one.  A Unix socket's address is in none: whoever
 * connects to one may be, see addr_peer_in_net(). */
bool addr_in_net(const struct addr *, const struct addr_net *);
/* The same of its bytes in network order, 4 or 16; with AF_UNIX of the numbers of a user and of a
 * group, 4 each as they lie in memory. */
bool addr_net_has(const struct addr_net *, int family, const uint8_t *bytes);

#endif
