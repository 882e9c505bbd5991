/* signature.h - what the signature of a registration covers, and its key.  Pure.
 *
 * A message is a context string and then pairs of name and value, each with its length in front, so
 * that no two different announcements give the same bytes; what is not announced is left out. MACs,
 * nonces and salts are lower-case hex. */
#ifndef POLICYPOOL_SIGNATURE_H
#define POLICYPOOL_SIGNATURE_H

#include "compiler.h"
#include "digest.h"
#include "packet.h"
#include "span.h"

enum { SIGNATURE_SECRET_MIN = 32, SIGNATURE_SECRET_MAX = 256 }; /* bytes */

/* The key of one server, from the secret of a named key: its holder can be that id alone. */
void signature_server_key(struct span secret, const char *keyid, const char *id,
			  uint8_t key[DIGEST_MAC]);

/* Everything of an announcement but its mac, for a packet of type 1 or 5, in one pool of servers
 * (cluster), once (nonce).  0, or -1 with ENOMEM. */
MUST_CHECK int signature_of_request(const uint8_t key[DIGEST_MAC], const char *cluster, int type,
				    const struct packet_announcement *, const char *nonce,
				    char mac[PACKET_MAC + 1]);

/* The answer to a request that bore request_mac, with the nonce for the next one.  0, or -1 with
 * ENOMEM. */
MUST_CHECK int signature_of_ack(const uint8_t key[DIGEST_MAC], const char *request_mac,
				const char *verb, const char *nonce, char mac[PACKET_MAC + 1]);

/* What such an answer tells of further proxies: apart, so that servers that do not know of it
 * verify the answer as before.  0, or -1 with ENOMEM. */
MUST_CHECK int signature_of_proxies(const uint8_t key[DIGEST_MAC], const char *request_mac,
				    struct span proxies, char mac[PACKET_MAC + 1]);

/* What proxies tell one another of a server through a store that anybody may have written to. */
struct signature_record {
	const struct packet_announcement *a; /* all but host, port and what else of it signs */
	const char *addr;		     /* where it is, as addr_text() has it */
	const char *by;			     /* the proxy that tells it */
	const char *gone;		     /* why it is there no more; empty: it is */
};

/* The key for records of one server, which only those have that have the secret: it is not the
 * server's own. */
void signature_record_key(struct span secret, const char *keyid, const char *id,
			  uint8_t key[DIGEST_MAC]);
/* 0, or -1 with ENOMEM. */
MUST_CHECK int signature_of_record(const uint8_t key[DIGEST_MAC], const char *cluster,
				   const struct signature_record *, char mac[PACKET_MAC + 1]);

/* Takes the same time wherever they differ. */
bool signature_equal(const char a[PACKET_MAC + 1], const char b[PACKET_MAC + 1]);

/* 32 random hex digits, for a nonce or a salt.  0, or -1 with errno: the kernel has none. */
MUST_CHECK int signature_random(char out[PACKET_NONCE + 1]);

#endif
