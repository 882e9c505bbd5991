/* pool.h - the pool of servers as the proxy's master keeps it: the registry, what workers share
 * beside it, what registrations are judged by, what watches it, and where it is kept.
 *
 * The master alone changes it.  After a change all that stands on the registry is told, and the
 * workers, before the caller that asked for it. */
#ifndef POLICYPOOL_POOL_H
#define POLICYPOOL_POOL_H

#include <event2/event.h>

#include "acl.h"
#include "buf.h"
#include "compiler.h"
#include "conn_limit.h"
#include "events.h"
#include "health_monitor.h"
#include "listen_socket.h"
#include "policy_stats.h"
#include "pool_store.h"
#include "proxy_conf.h"
#include "registration.h"
#include "registry_persist.h"
#include "server_health.h"
#include "span.h"
#include "static_servers.h"
#include "supervisor.h"
#include "worker_stats.h"

/* What registrations and requests are judged by, made of one snapshot of the settings. */
struct pool_rules {
	struct proxy_settings *settings; /* held: the rest borrows from it */
	struct registration join;
	struct buf proxies; /* what join tells of further ones */
	struct acl *gate;   /* NULL: everybody's requests are taken */
};

/* Zeroed, journal_lock -1, with forget, before pool_open(). */
struct pool {
	struct event_base *base; /* borrowed */
	struct registry *registry;
	struct permits *permits;
	struct counters *tally;
	struct worker_stats *meter;
	struct verdicts *verdicts;
	struct policy_stats *ledger;
	struct events *events;
	struct registration_stats joins;
	struct pool_rules rules, former; /* former: while a reload's workers come up */
	struct health_monitor *watch;
	struct static_servers *statics;
	struct pool_store *store;
	void (*forget)(void *ctx); /* in the process of the store, see store_child_ops */
	void *forget_ctx;
	char instance[REQUEST_SECRET + 1]; /* in probes, see request_probed() */
	struct event *expiry;		   /* of leases */
	char *journal_path;		   /* NULL: none is kept */
	int journal_lock;		   /* until the keeper has it; -1: none */
	struct registry_persist *keeper;
	struct supervisor *supervisor; /* borrowed; from pool_begin() on */
};

/* name: of this instance; self: where the proxy listens.  0, or -1 with the reason logged; both
 * ways pool_close() is due. */
MUST_CHECK int pool_open(struct pool *, struct event_base *, struct settings *, const char *name,
			 const struct listen_socket *self);
/* Fills the registry with what was handed over, or kept.  0, or -1 with the reason logged. */
MUST_CHECK int pool_begin(struct pool *, struct supervisor *);
/* The registry is this process's to keep: its file, if there is one, is read where there is no
 * predecessor, and written from now on. */
void pool_keep_registry(struct pool *);
void pool_close(struct pool *);

/* The settings in force; borrowed for the call. */
const struct proxy_conf *pool_conf(void *pool);

/* The registry has changed: watched, kept, and waiting workers told. */
void pool_changed(void *pool);

/* A registration as a worker handed it over, judged and carried out; what the worker is to be told
 * is appended. */
void pool_register(struct pool *, struct span message, struct buf *answer);

/* Fresh settings are in force until pool_keep_rules() or pool_undo_rules(); at: where the proxy
 * listens then.  0, or -1 on ENOMEM with nothing changed. */
MUST_CHECK int pool_take_rules(struct pool *, struct settings *, const struct listen_socket *at);
/* For good: servers that would be refused now leave. */
void pool_keep_rules(struct pool *);
void pool_undo_rules(struct pool *);

/* A worker: in its process first of all, and once it has ended. */
void pool_after_fork(struct pool *, unsigned slot);
void pool_worker_ended(struct pool *, unsigned slot);

/* In the process of the store: keys of registrations, and what workers share. */
void pool_forget(struct pool *);

/* The successor keeps the registry, ends leases, and has the store. */
void pool_handed_over(struct pool *);

#endif
