/* addr_peer.h - who is at the other end of a connection that was accepted: an address and port, or
 * the user and process of a Unix socket's, whose own end has no path.
 *
 * One is kept with each connection, so it is small: 24 bytes, where a struct addr is 116. */
#ifndef POLICYPOOL_ADDR_PEER_H
#define POLICYPOOL_ADDR_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "addr_net.h"
#include "compiler.h"
#include "span.h"

/* As the kernel told when it connected.  A process of another namespace has the pid 0. */
struct addr_peer_creds {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

struct addr_peer {
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX */
	uint16_t port;	 /* host order; of a Unix socket: 0 */
	uint32_t scope;	 /* of a link-local IPv6 address */
	union {
		uint8_t bytes[16]; /* network order; IPv4: the first 4 */
		struct addr_peer_creds creds;
	} u;
};

/* A TCP peer; of a Unix socket's address, which tells nothing of a user, nobody's. */
void addr_peer_of(struct addr_peer *, const struct addr *);
/* The other end of a connection over a Unix socket. */
void addr_peer_of_user(struct addr_peer *, const struct addr_peer_creds *);

bool addr_peer_is_unix(const struct addr_peer *);
/* Where it comes from; a Unix socket's comes from IPv4's loopback, port 0. */
void addr_peer_addr(const struct addr_peer *, struct addr *);

/* "127.0.0.1:40000", "[::1]:40000", "unix:uid=1000,pid=77".  Returns out. */
const char *addr_peer_text(const struct addr_peer *, char out[ADDR_TEXT]);
/* The host or the user alone: "127.0.0.1", "unix:uid=1000".  Returns out. */
const char *addr_peer_host_text(const struct addr_peer *, char out[ADDR_TEXT]);

/* It is one of the three, wherever it is from. */
bool addr_peer_is_whole(const struct addr_peer *);
/* The same host, whatever the port, or the same user; IPv4-mapped IPv6 is not the IPv4 one. */
bool addr_peer_is_same_host(const struct addr_peer *, const struct addr_peer *);
bool addr_peer_is_loopback(const struct addr_peer *); /* a Unix socket's is */
/* An address in a network, or a user that "unix:" or "unix:uid=N" is about. */
bool addr_peer_in_net(const struct addr_peer *, const struct addr_net *);

/* What tells it from others where something is counted: an IPv4 address, the first half of an IPv6
 * one, or a user.  Borrows from space. */
struct span addr_peer_key(const struct addr_peer *, char space[16]);

#endif
