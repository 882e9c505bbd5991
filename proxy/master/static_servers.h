/* static_servers.h - puts the servers of the proxy's file into the registry, and takes out those
 * that it has no more.
 *
 * One with a name as its host is put there once that has an address, asked for without blocking
 * (resolver.h) at the start and at each reload, and again while there is none, or while the server
 * is down: then it moves to the next address that the name has.  One that was there before stays
 * where it was meanwhile. */
#ifndef POLICYPOOL_STATIC_SERVERS_H
#define POLICYPOOL_STATIC_SERVERS_H

#include <event2/event.h>

#include "compiler.h"
#include "counters.h"
#include "events.h"
#include "policy_stats.h"
#include "proxy_conf.h"
#include "registry.h"

struct static_servers_env {
	struct event_base *base; /* borrowed, all of them */
	struct registry *registry;
	struct counters *tally;
	struct policy_stats *ledger;
	struct events *events;
	/* The settings in force; borrowed for the moment. */
	const struct proxy_conf *(*conf)(void *ctx);
	void (*changed)(void *ctx); /* the registry has, later than in static_servers_apply() */
	/* Has nothing been had of the server at that index of late, as if nobody were there? */
	bool (*is_down)(unsigned server, void *ctx);
	void *ctx;
	unsigned again; /* ms between two tries of what can't be done now, and two looks */
};

struct static_servers;

/* NULL on ENOMEM. */
struct static_servers *static_servers_new(const struct static_servers_env *);
/* In a forked worker, too.  NULL is fine. */
void static_servers_free(struct static_servers *);

/* The settings in force are others, or the registry has just been filled.  Has it changed? */
bool static_servers_apply(struct static_servers *);

/* One that could not be put there as it is tried again; why: in words.  Borrowed until the next
 * turn of the loop. */
struct static_missing {
	const char *id, *host, *why;
};

/* The n-th of them, in the order of the file.  False: there are fewer. */
bool static_servers_missing(const struct static_servers *, size_t n, struct static_missing *);

#endif
