/* registry.h - which server is in which policy: the master's table, in memory of its own.
 *
 * Each change is copied into a view (shm.h) that workers read and can't write, without a lock,
 * through a copy of their own (registry_snapshot.h).  A change makes the generation odd, then even
 * again; a worker that copied meanwhile copies again.  Leases are not in the view. */
#ifndef POLICYPOOL_REGISTRY_H
#define POLICYPOOL_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr_peer.h"
#include "compiler.h"
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

/* How a server is known where proxies share theirs. */
#define REGISTRY_KNOWNS(X)                                                                   \
	X(REGISTRY_SELF, "self")     /* it announced itself here, or is of the file */       \
	X(REGISTRY_STORE, "store")   /* another proxy tells of it */                         \
	X(REGISTRY_BOTH, "both")     /* it announced itself here, and another tells of it */ \
	X(REGISTRY_FADING, "fading") /* another told of it, and none does any more */
#define REGISTRY_ENUM(name, text) name,
enum registry_known { REGISTRY_KNOWNS(REGISTRY_ENUM) REGISTRY_KNOWN_COUNT };
#undef REGISTRY_ENUM

const char *registry_known_text(enum registry_known);

struct registry_server {
	bool used;
	bool pooled;	   /* connections may be kept; otherwise plain: one request a connection */
	bool tls;	   /* to be spoken to in TLS */
	uint16_t pipeline; /* requests in flight on one connection, at least 1 */
	uint16_t slots;	   /* connections at once, at least 1 */
	uint16_t weight;
	uint8_t admin;	      /* enum registry_admin */
	bool unproved;	      /* known from a journal or a file, and nothing was seen of it since */
	bool once;	      /* a request that it was sent is not to be sent once more */
	bool backup;	      /* used while no other server of the policy can be */
	bool configured;      /* of the proxy's file: no announcement, lease or key is about it */
	uint32_t job_timeout; /* ms that a job may take there; 0: not announced */
	uint32_t policy;      /* index in the policies */
	uint32_t user;	      /* of a Unix socket: uid that has to listen there; 0: any */
	uint64_t incarnation; /* another number whenever where or what it is has changed */
	uint64_t order;	      /* turn within the policy: the first to come */
	struct addr addr;
	char id[PACKET_ID_MAX + 1];
	char job[PACKET_ID_MAX + 1]; /* what it does with payloads; never empty */
};

struct registry_policy {
	bool used;
	char name[PACKET_ID_MAX + 1];
};

/* Is the server with an id that is announced from elsewhere still there? */
enum server_life {
	SERVER_ASKED, /* it is being asked: to be seen in a moment */
	SERVER_LIVES,
	SERVER_GONE
};

struct registry;

/* The view is every child's that is forked later.  NULL with errno. */
struct registry *registry_new(unsigned max_servers, unsigned max_policies);
void registry_free(struct registry *);

/* ---- the master's: a child's copy is what was known when it was forked ---- */

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

/* The same of a server whose socket has to be that user's: of a Unix socket that was announced over
 * one.  Else the proxy could be had to connect where its user may not. */
enum registry_change registry_join_of(struct registry *, const struct packet_announcement *,
				      const struct addr *, uid_t user, uint64_t now);

/* A server of the proxy's file, which takes the place of one that was announced with its id.  That
 * nothing has changed (RENEWED) says nothing of its life. */
enum registry_change registry_configure(struct registry *, const struct packet_announcement *,
					const struct addr *, uint64_t now);

/* The index of the server with that id, or -1; of the policy with that name, or -1. */
int registry_find(const struct registry *, const char *id);
int registry_find_policy(const struct registry *, const char *name);

/* The index of another server than that id in that policy, which does another job; -1: there is
 * none. */
int registry_find_other_job(const struct registry *, const char *policy, const char *id,
			    const char *job);

/* The index of another server than that id that is plain, no key's, in that policy and at that
 * address; -1: there is none. */
int registry_find_twin(const struct registry *, const char *policy, const char *id,
		       const struct addr *);

/* The server at an index in use has another id from now on, which no server has: it keeps its
 * turn and what an operator wants of it. */
void registry_rename(struct registry *, unsigned index, const char *id);

/* The policy stays known.  False when there is no such server under that policy. */
bool registry_leave(struct registry *, const char *id, const char *policy);

/* Takes out the server at an index that is in use. */
void registry_remove(struct registry *, unsigned index);

/* An order about the server at an index that is in use.  False when it was so before. */
bool registry_set_admin(struct registry *, unsigned index, enum registry_admin, uint64_t now);

/* The server at that index lives: it is unproved no more. */
void registry_prove(struct registry *, unsigned index);

/* Takes out servers with a lease that has ended; gone is told each, before its entry is cleared.
 * One that another proxy tells of stays, known from that one alone. */
void registry_expire(struct registry *, uint64_t now,
		     void (*gone)(const struct registry_server *, unsigned index, void *ctx),
		     void *ctx);

/* ---- servers that other proxies tell of ---- */

/* What another proxy tells of a server: it joins, or is replaced by what it is now, without a lease
 * and unproved.  As registry_join(), but RENEWED says nothing of its life. */
enum registry_change registry_learn(struct registry *, const struct packet_announcement *,
				    const struct addr *, uint64_t now);

/* Another proxy tells of the server at an index in use, empty: none does any more, and what is
 * known from others alone fades from now on.  False when that was so before. */
bool registry_set_told(struct registry *, unsigned index, const char *proxy, uint64_t now);

/* What announced itself here does so no more: from now on it is known from others alone. */
void registry_unhear(struct registry *, unsigned index);

enum registry_known registry_known(const struct registry *, unsigned index);

/* Fades it already, its time begins anew. */
void registry_fade_anew(struct registry *, unsigned index, uint64_t now);

/* How a server stands in the registry; times in clock_ms(). */
struct registry_tenure {
	uint64_t joined;	       /* when it came, since the last replacement */
	uint64_t lease, lease_end;     /* as announced, in ms, and its end; 0: none */
	uint64_t ordered;	       /* the last order that changed something; 0: never */
	char keyid[PACKET_ID_MAX + 1]; /* the owner, see registry_own(); empty: no key's */
	uint64_t epoch;		       /* the highest that the owner has shown */
	bool old_secret;	       /* signed with a secret for which the key has a newer one */
	char job_keys[JOB_KEYS_MAX + 1]; /* see job_keys.h; empty: not told */
	bool second;		    /* it is known from other proxies alone, and has no lease */
	uint64_t fading;	    /* second: since when no proxy tells of it; 0: one does */
	char by[PACKET_ID_MAX + 1]; /* the other proxy that tells of it; empty: none does */
};

const struct registry_tenure *registry_tenure_of(const struct registry *, unsigned index);
/* When it last announced itself, changed or not. */
uint64_t registry_heard(const struct registry *, unsigned index);
/* What announced it; where it is, as long as none was told. */
void registry_set_origin(struct registry *, unsigned index, const struct addr_peer *);
struct addr_peer registry_origin(const struct registry *, unsigned index);
/* Where another server was that announced the same id and was refused.  Taken once: false when
 * there was none since. */
void registry_set_rival(struct registry *, unsigned index, const struct addr *);
bool registry_take_rival(struct registry *, unsigned index, struct addr *);

/* The owner of a server: the named key that signed for it, empty where none did, and the highest
 * epoch that it has shown.  Kept for as long as the server stays. */
void registry_own(struct registry *, unsigned index, const char *keyid, uint64_t epoch,
		  bool old_secret);
unsigned registry_count_owned(const struct registry *, const char *keyid);

/* With which keys the server does its job, as announced.  Were it others before? */
bool registry_set_job_keys(struct registry *, unsigned index, const char *keys);
/* The index of another server than that id in that policy, whose keys do not agree with these; -1:
 * there is none. */
int registry_find_other_keys(const struct registry *, const char *policy, const char *id,
			     const char *keys);

/* The indices of all servers, by policy and turn, into index (of registry_server_end() at least);
 * their number. */
unsigned registry_list(const struct registry *, unsigned *index);

/* ---- restoring an empty registry from what was kept ---- */

/* The index; -1 when there is no room, or it is there. */
MUST_CHECK int registry_restore_policy(struct registry *, const char *name, uint64_t ticket);

/* A server of a policy restored before, taking its turn after those that are there; order and
 * incarnation are given anew.  0, or -1 when there is no room; its id must be new. */
MUST_CHECK int registry_restore_server(struct registry *, const struct registry_server *,
				       const struct registry_tenure *);

/* No newcomer of that policy finds room: for want of a policy, or of a server. */
bool registry_lacks_policy(const struct registry *, const char *policy);
bool registry_lacks_server(const struct registry *);

unsigned registry_max_servers(const struct registry *);
unsigned registry_max_policies(const struct registry *);
/* Indices in use are below these. */
unsigned registry_server_end(const struct registry *);
unsigned registry_policy_end(const struct registry *);

/* Entries as they stand. */
const struct registry_server *registry_server(const struct registry *, unsigned index);
const struct registry_policy *registry_policy(const struct registry *, unsigned index);

/* Can no worker make its view writable?  False where the system has no sealed files. */
bool registry_is_sealed(const struct registry *);

/* ---- everybody's ---- */

/* The generation of the view; odd while the master is changing it.  Two words, no lock. */
uint32_t registry_generation(const struct registry *);

struct registry_copy {
	unsigned server_end, policy_end;
	struct registry_server *server; /* room for max_servers */
	struct registry_policy *policy; /* room for max_policies */
};

/* The view as it stands at one moment; returns its generation. */
uint32_t registry_copy(const struct registry *, struct registry_copy *);

/* Turns taken of a policy, by all workers together.  The counters are written by all, so that a
 * worker that was taken over can spoil turns: they are numbers of which any is as good as another.
 */
uint64_t registry_turn_next(const struct registry *, unsigned policy); /* not taken */
/* Takes the next turn of a policy: 0, 1, 2, ... over all workers. */
uint64_t registry_turn(struct registry *, unsigned policy);

#endif
