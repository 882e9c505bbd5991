/* keyring.h - the named keys that sign registrations, and what each may do; see keyring(5) in
 * policypool.conf(5).
 *
 *   key alpha
 *       secret use HEX-OR-BASE64 [until 2027-01-31]
 *       policies 111 PP_*
 *       ids web-*
 *       jobs sha*
 *       networks 192.0.2.0/24
 *       count 10
 */
#ifndef POLICYPOOL_KEYRING_H
#define POLICYPOOL_KEYRING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "addr_peer.h"
#include "compiler.h"
#include "packet.h"
#include "signature.h"
#include "span.h"

enum { KEYRING_SECRETS = 4, KEYRING_ITEMS = 64 }; /* of one key; of one of its limits */

/* What an operator has decided about a secret. */
#define KEYRING_STATES(X)                                               \
	X(KEYRING_INSTALL, "install") /* taken beside the one to use */ \
	X(KEYRING_USE, "use")	      /* the one to use */              \
	X(KEYRING_REMOVE, "remove")   /* taken no more */
#define KEYRING_ENUM(name, text) name,
enum keyring_state { KEYRING_STATES(KEYRING_ENUM) KEYRING_STATE_COUNT };
#undef KEYRING_ENUM

const char *keyring_state_text(enum keyring_state);

struct keyring_secret {
	enum keyring_state state;
	time_t until; /* 0: for ever */
	size_t n;
	uint8_t bytes[SIGNATURE_SECRET_MAX];
};

struct keyring_names {
	size_t n; /* 0: no limit */
	char *pattern[KEYRING_ITEMS];
};

struct keyring_key {
	char name[PACKET_ID_MAX + 1];
	struct keyring_secret secret[KEYRING_SECRETS]; /* the oldest first */
	size_t secrets;
	struct keyring_names policies, ids, jobs;
	struct addr_net network[KEYRING_ITEMS];
	size_t networks; /* 0: no limit */
	unsigned count;	 /* servers registered at once; 0: no limit */
};

struct keyring;

/* NULL when anything was wrong, each told on err with file and line. */
struct keyring *keyring_load(const char *path, FILE *err);
struct keyring *keyring_parse(const char *name, struct span text, FILE *err);
/* Wipes the secrets.  NULL is fine. */
void keyring_free(struct keyring *);

/* NULL when there is none of that name, or no keyring (NULL). */
const struct keyring_key *keyring_find(const struct keyring *, const char *name);

bool keyring_has_policy(const struct keyring_key *, const char *policy);
bool keyring_has_id(const struct keyring_key *, const char *id);
bool keyring_has_job(const struct keyring_key *, const char *job);
bool keyring_has_network(const struct keyring_key *, const struct addr *);
bool keyring_has_peer(const struct keyring_key *, const struct addr_peer *);

/* Is the secret taken at that time? */
bool keyring_takes(const struct keyring_secret *, time_t now);

/* Is there a newer one that is taken?  Then it is to go, whichever of them is the one to use. */
bool keyring_is_old(const struct keyring_key *, const struct keyring_secret *, time_t now);

#endif
