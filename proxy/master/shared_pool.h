/* shared_pool.h - the servers that the proxies of a cluster share through a store: tells of those
 * that announced themselves here (shared_publish.h), and learns the others.
 *
 *   a row of another proxy       learned (registration_learn()), known from the store
 *   it says that it left         taken out
 *   it is not there any more     the server fades: it stays until its first incident, at most
 *                                store_hold, for what ended may have been the other proxy
 *   the store was reset, or      everything stays as it is
 *   is gone
 *
 * What is heard of the store counts as a stranger's word.  The master's. */
#ifndef POLICYPOOL_SHARED_POOL_H
#define POLICYPOOL_SHARED_POOL_H

#include <event2/event.h>
#include <json-c/json.h>

#include "compiler.h"
#include "events.h"
#include "health_monitor.h"
#include "registration.h"
#include "registry.h"
#include "store_msg.h"

struct shared_pool_env {
	struct event_base *base; /* borrowed, all of them */
	struct registry *registry;
	struct events *events;
	struct health_monitor *watch;
	/* What registrations are judged by now; borrowed for the moment. */
	const struct registration *(*join)(void *ctx);
	uint64_t (*hold)(void *ctx); /* ms that a server may fade, by the settings in force */
	void (*changed)(void *ctx);  /* the registry has */
	/* KEEP and DROP of store_msg.h. */
	void (*keep)(struct span key, struct span value, uint64_t over, void *ctx);
	void (*drop)(struct span key, struct span gone, uint64_t over, void *ctx);
	void *ctx;
};

struct shared_pool;

/* Nothing is told before shared_pool_on().  NULL on ENOMEM. */
struct shared_pool *shared_pool_new(const struct shared_pool_env *);
/* In a forked process, too. */
void shared_pool_free(struct shared_pool *);

/* A store process has begun: it is told all, and tells all. */
void shared_pool_on(struct shared_pool *);
/* There is none any more: what is known from it fades. */
void shared_pool_off(struct shared_pool *);

/* Another process goes on: nothing is told or changed any more. */
void shared_pool_rest(struct shared_pool *);

/* What it says, see store_msg.h. */
void shared_pool_row(struct shared_pool *, struct span key, struct span value, uint64_t mod_rev);
void shared_pool_deleted(struct shared_pool *, struct span key);
void shared_pool_synced(struct shared_pool *);
void shared_pool_reset(struct shared_pool *);
void shared_pool_clash(struct shared_pool *, struct span address);
void shared_pool_state(struct shared_pool *, const struct store_state *);

/* The registry has changed. */
void shared_pool_changed(struct shared_pool *);
/* Settings have: what was not believed may be now. */
void shared_pool_review(struct shared_pool *);
/* The lease of the server at an index is about to end. */
void shared_pool_lease_ended(struct shared_pool *, unsigned index);

/* All that is in the store was known once, since it is on. */
bool shared_pool_has_synced(const struct shared_pool *);

/* ---- for operators ---- */

/* As ppool-ctl store and proxies have it; NULL on ENOMEM. */
struct json_object *shared_pool_show(const struct shared_pool *);
struct json_object *shared_pool_show_proxies(const struct shared_pool *);

#endif
