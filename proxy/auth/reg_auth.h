/* reg_auth.h - whether an announcement may change the pool, by its signature and the address that
 * it names; changes nothing itself.
 *
 * What is wrong is a constant sentence for the operator's log; the peer is not told. */
#ifndef POLICYPOOL_REG_AUTH_H
#define POLICYPOOL_REG_AUTH_H

#include <stdbool.h>
#include <time.h>

#include "addr_peer.h"
#include "keyring.h"
#include "packet.h"
#include "registry.h"

struct reg_auth {
	const struct keyring *keyring; /* NULL: no key is known */
	const char *cluster;
	const struct registry *registry;
};

struct reg_auth_case {
	int type; /* PACKET_REGISTER or PACKET_DEREGISTER */
	const struct packet_announcement *a;
	const struct addr_peer *peer;
	const char *nonce; /* the one that was given on this connection; empty: none */
	time_t now;	   /* by the wall clock */
};

/* Did a key of the keyring sign it, here and now?  NULL: then *key is the server's key, with which
 * the answer is to be signed, and *old whether its secret is one that is to go.  It takes about as
 * long for a key that is not known. */
MUST_CHECK const char *reg_auth_signature(const struct reg_auth *, const struct reg_auth_case *,
					  uint8_t key[DIGEST_MAC], bool *old);

/* May this key, which signed it, do that?  at: where the server is to be reached; NULL when it
 * leaves.  NULL: it may. */
MUST_CHECK const char *reg_auth_rights(const struct reg_auth *, const struct reg_auth_case *,
				       const struct addr *at);

/* May somebody without a key do that?  NULL: the id is nobody's. */
MUST_CHECK const char *reg_auth_unsigned(const struct reg_auth *, const char *id);

/* ---- where a server says that it is to be reached, and whether it can be there ---- */

/* The host that it named, or else the address it came from, with its port, or the Unix socket that
 * it named; an IPv4-mapped address as the IPv4 one.  NULL, or what is wrong, a constant sentence.
 */
MUST_CHECK const char *server_addr_of(const struct packet_announcement *,
				      const struct addr_peer *peer, struct addr *out);

/* No server is at a wildcard, multicast or broadcast address, nor where the proxy itself listens
 * (self; if that is every address, any of this machine's; also by another path); and loopback and
 * Unix sockets are this machine's own, of no use to a peer that comes from elsewhere.  NULL, or why
 * it can't be there. */
MUST_CHECK const char *server_addr_check(const struct addr *at, const struct addr_peer *peer,
					 const struct addr *self);

/* Is it one of those that serve the machines of a network themselves: link-local, or one at which a
 * cloud tells each machine its secrets?  No server is there, and what is sent there by a proxy
 * would be answered. */
bool server_addr_is_internal(const struct addr *at);

#endif
