/* admission.h - may a signed announcement change the pool?  Judges, changes nothing.
 *
 * What is wrong is a constant sentence for the operator's log; whoever was refused is not told. */
#ifndef POLICYPOOL_ADMISSION_H
#define POLICYPOOL_ADMISSION_H

#include <time.h>

#include "addr.h"
#include "keyring.h"
#include "packet.h"
#include "registry.h"

struct admission {
	const struct keyring *keyring; /* NULL: no key is known */
	const char *cluster;
	const struct registry *registry;
};

struct admission_case {
	int type; /* PACKET_REGISTER or PACKET_DEREGISTER */
	const struct packet_announcement *a;
	const struct addr *peer;
	const char *nonce; /* the one that was given on this connection; empty: none */
	time_t now;	   /* by the wall clock */
};

/* Did a key of the keyring sign it, here and now?  NULL: then *key is the server's key, with which
 * the answer is to be signed, and *old whether its secret is not the one to use.  It takes about as
 * long for a key that is not known. */
MUST_CHECK const char *admission_signature(const struct admission *, const struct admission_case *,
					   uint8_t key[DIGEST_MAC], bool *old);

/* May this key, which signed it, do that?  at: where the server is to be reached; NULL when it
 * leaves.  NULL: it may. */
MUST_CHECK const char *admission_rights(const struct admission *, const struct admission_case *,
					const struct addr *at);

/* May somebody without a key do that?  NULL: the id is nobody's. */
MUST_CHECK const char *admission_unsigned(const struct admission *, const char *id);

#endif
