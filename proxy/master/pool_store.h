/* pool_store.h - the store of the cluster in the life of a proxy's master: its process begins with
 * the proxy or once a predecessor has let go, begins anew when a reload changes where it is, and
 * ends with the proxy.  What is shared is shared_pool.h's. */
#ifndef POLICYPOOL_POOL_STORE_H
#define POLICYPOOL_POOL_STORE_H

#include <event2/event.h>
#include <json-c/json.h>
#include <sys/types.h>

#include "compiler.h"
#include "health_monitor.h"
#include "proxy_conf.h"
#include "registration.h"
#include "upgrade.h"

struct pool_store_env {
	struct event_base *base; /* borrowed, all of them */
	struct registry *registry;
	struct events *events;
	struct health_monitor *watch;
	/* The settings in force, and what registrations are judged by; borrowed for the moment. */
	struct proxy_settings *(*settings)(void *ctx);
	const struct registration *(*join)(void *ctx);
	void (*changed)(void *ctx);    /* the registry has */
	void (*after_fork)(void *ctx); /* see store_child_ops */
	void *ctx;
};

struct pool_store;

/* NULL on ENOMEM, or with the reason logged. */
struct pool_store *pool_store_new(const struct pool_store_env *);
/* Kills the process, but not in a forked worker.  NULL is fine. */
void pool_store_free(struct pool_store *);
/* In the process of the store: keys of registrations are the master's alone. */
void pool_store_forget_keys(struct pool_store *);

/* This proxy is in charge: its process begins where the settings in force want a store. */
void pool_store_begin(struct pool_store *);
/* Other settings are in force. */
void pool_store_review(struct pool_store *);
/* A start: runs the loop until what is in the store is known, at most for store_wait. */
void pool_store_wait(struct pool_store *);
/* The predecessor of an upgrade: the successor goes on.  To upgrade_give(); 0, or -1 logged. */
MUST_CHECK int pool_store_give(const struct pool_store *, struct upgrade *);
void pool_store_handed_over(struct pool_store *);
/* The proxy stops: what it has told is taken back; done(ctx) is called once, maybe before the
 * return. */
void pool_store_leave(struct pool_store *, void (*done)(void *ctx), void *ctx);

/* The registry has changed. */
void pool_store_changed(struct pool_store *);
/* The lease of the server at an index is about to end. */
void pool_store_lease_ended(struct pool_store *, unsigned index);

/* For supervisor_ops. */
bool pool_store_reaped(struct pool_store *, pid_t, int status);
void pool_store_reopen(struct pool_store *);

/* As ppool-ctl store and proxies have it.  NULL: on ENOMEM. */
struct json_object *pool_store_show(const struct pool_store *);
struct json_object *pool_store_show_proxies(const struct pool_store *);

#endif
