/* Who is at the other end of a connection, for tests of what is told of one. */
#ifndef POLICYPOOL_TESTS_PEER_FIXTURE_H
#define POLICYPOOL_TESTS_PEER_FIXTURE_H

#include <criterion/criterion.h>

#include "addr_peer.h"

static inline struct addr_peer
peer_at(const char *host, uint16_t port)
{
	struct addr_peer p;
	struct addr a;

	cr_assert_eq(addr_numeric(&a, host, port), 0, "%s", host);
	addr_peer_of(&p, &a);
	return p;
}

/* Whoever connected over a Unix socket. */
static inline struct addr_peer
peer_user(uid_t uid, gid_t gid)
{
	const struct addr_peer_creds creds = {.uid = uid, .gid = gid, .pid = 77};
	struct addr_peer p;

	addr_peer_of_user(&p, &creds);
	return p;
}

#endif
