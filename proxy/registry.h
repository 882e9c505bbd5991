/* registry.h - who is in which policy: one table in shared memory, changed by the master alone.
 *
 * Workers read it without a lock through a copy of their own (roster.h).  A change makes the
 * generation odd, then even again; who copied meanwhile copies again.  Leases are the master's own
 * business and not shared. */
#ifndef POLICYPOOL_REGISTRY_H
#define POLICYPOOL_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "attr.h"
#include "packet.h"

/* What an operator wants of a server; kept for as long as the server stays, through renewals and
 * replacements.
 *   DRAINING  takes no new requests; what is in flight is finished, connections are kept
 *   DISABLED  as DRAINING, its connections are closed once they are empty, and nobody probes it */
#define REGISTRY_ADMINS(X)             \
	X(REGISTRY_ENABLED, "enabled") \
	X(REGISTRY_DRAINING, "draining") X(REGISTRY_DISABLED, "disabled")
#define REGISTRY_ENUM(name, text) name,
enum registry_admin { REGISTRY_ADMINS(REGISTRY_ENUM) REGISTRY_ADMIN_COUNT };
#undef REGISTRY_ENUM

const char *registry_admin_text(enum registry_admin);

struct registry_server {
	bool used;
	bool pooled;	   /* connections may be kept; otherwise plain: one request a connection */
	bool tls;	   /* to be spoken to in TLS */
	uint16_t pipeline; /* requests in flight on one connection, at least 1 */
	uint16_t slots;	   /* connections at once, at least 1 */
	uint16_t weight;
	uint8_t admin;	      /* enum registry_admin */
	bool unproved;	      /* known from a journal, and nothing was seen of it since */
	uint32_t policy;      /* index in the policies */
	uint64_t incarnation; /* another number whenever where or what it is has changed */
	uint64_t order;	      /* turn within the policy: who came first */
	struct addr addr;
	char id[PACKET_ID_MAX + 1];
};

struct registry_policy {
	_Atomic uint64_t ticket; /* turns taken, by all workers together */
	bool used;
	char name[PACKET_ID_MAX + 1];
};

struct registry;

/* Shared with every child forked later.  NULL with errno. */
struct registry *registry_new(unsigned max_servers, unsigned max_policies);
void registry_free(struct registry *);

/* ---- the master's ---- */

enum registry_change {
	REGISTRY_JOINED,   /* an id that was not there */
	REGISTRY_RENEWED,  /* nothing but the lease has changed */
	REGISTRY_REPLACED, /* the newer announcement took the older one's place and turn */
	REGISTRY_FULL	   /* max_servers or max_policies reached: nothing changed */
};

/* An id is one server in the whole proxy, whatever its policy.  addr is where to reach it; now in
 * clock_ms(). */
enum registry_change registry_join(struct registry *, const struct packet_announcement *,
				   const struct addr *, uint64_t now);

/* The index of the server with that id, or -1; of the policy with that name, or -1. */
int registry_find(const struct registry *, const char *id);
int registry_find_policy(const struct registry *, const char *name);

/* The policy stays known.  False when there is no such server under that policy. */
bool registry_leave(struct registry *, const char *id, const char *policy);

/* Takes out the server at an index that is in use. */
void registry_remove(struct registry *, unsigned index);

/* An order about the server at an index that is in use.  False when it was so before. */
bool registry_set_admin(struct registry *, unsigned index, enum registry_admin, uint64_t now);

/* The server at that index lives: it is unproved no more. */
void registry_prove(struct registry *, unsigned index);

/* Takes out servers whose lease has ended; gone is told each, before its entry is cleared. */
void registry_expire(struct registry *, uint64_t now,
		     void (*gone)(const struct registry_server *, unsigned index, void *ctx),
		     void *ctx);

/* The lease's end in clock_ms(); 0: none.  joined: when it came (since the last replacement). */
uint64_t registry_lease_end(const struct registry *, unsigned index);
uint64_t registry_joined(const struct registry *, unsigned index);
/* When it last announced itself, changed or not. */
uint64_t registry_heard(const struct registry *, unsigned index);
/* When the last order about it was given that changed something; 0: never. */
uint64_t registry_ordered(const struct registry *, unsigned index);
/* The whole lease as announced, in ms; 0: none. */
uint64_t registry_lease(const struct registry *, unsigned index);

/* Whose a server is: the named key that signed for it, empty where none did, and the highest epoch
 * that it has shown.  Kept for as long as the server stays. */
void registry_own(struct registry *, unsigned index, const char *keyid, uint64_t epoch,
		  bool old_secret);
const char *registry_keyid(const struct registry *, unsigned index);
uint64_t registry_epoch(const struct registry *, unsigned index);
bool registry_old_secret(const struct registry *, unsigned index);
unsigned registry_count_owned(const struct registry *, const char *keyid);

/* The indices of all servers, by policy and turn, into index (of registry_server_end() at least);
 * their number. */
unsigned registry_list(const struct registry *, unsigned *index);

/* ---- restoring an empty registry from what was kept ---- */

struct registry_tenure {
	uint64_t joined, lease, lease_end, ordered; /* as the functions of these names tell */
	char keyid[PACKET_ID_MAX + 1];		    /* empty: nobody's */
	uint64_t epoch;
	bool old_secret; /* signed with a secret of the key that is not the one to use */
};

/* The index; -1 when there is no room, or it is there. */
MUST_CHECK int registry_restore_policy(struct registry *, const char *name, uint64_t ticket);

/* A server of a policy restored before, taking its turn after those that are there; order and
 * incarnation are given anew.  0, or -1 when there is no room; its id must be new. */
MUST_CHECK int registry_restore_server(struct registry *, const struct registry_server *,
				       const struct registry_tenure *);

/* ---- everybody's ---- */

unsigned registry_max_servers(const struct registry *);
unsigned registry_max_policies(const struct registry *);
/* Indices in use are below these. */
unsigned registry_server_end(const struct registry *);
unsigned registry_policy_end(const struct registry *);

/* The generation; odd while the master is changing the table.  Two words, no lock. */
uint32_t registry_generation(const struct registry *);

/* Entries as they stand; a worker reads them within a generation only, see roster.h. */
const struct registry_server *registry_server(const struct registry *, unsigned index);
const struct registry_policy *registry_policy(const struct registry *, unsigned index);

/* The next turn of a policy, which is not taken. */
uint64_t registry_turn_next(const struct registry *, unsigned policy);

/* Takes the next turn of a policy: 0, 1, 2, ... over all workers. */
uint64_t registry_turn(struct registry *, unsigned policy);

#endif
