/* admin_cmds.h - control commands about servers and policies.  The master's. */
#ifndef POLICYPOOL_ADMIN_CMDS_H
#define POLICYPOOL_ADMIN_CMDS_H

#include <event2/event.h>
#include <json-c/json.h>

#include "control.h"
#include "events.h"
#include "health_monitor.h"
#include "policy_stats.h"
#include "proxy_conf.h"
#include "registry.h"
#include "server_stats.h"
#include "span.h"
#include "worker_stats.h"

struct admin_cmds_env {
	struct event_base *base; /* borrowed, all of them */
	struct registry *registry;
	struct counters *tally;
	struct policy_stats *ledger;
	struct worker_stats *meter;
	const struct registration_stats *joins;
	struct events *events;
	struct health_monitor *watch;
	const struct proxy_conf *(*conf)(void *ctx); /* in force; borrowed for the moment */
	void (*changed)(void *ctx);		     /* the registry has: tell the workers */
	/* Asks a worker that serves.  0, or -1 when there is none. */
	int (*ask)(struct span question, void *ctx);
	/* What the proxies of a cluster share: an object, and an array of the proxies.  NULL on
	 * ENOMEM. */
	struct json_object *(*store)(void *ctx);
	struct json_object *(*proxies)(void *ctx);
	void *ctx;
};

struct admin_cmds;

/* NULL on ENOMEM. */
struct admin_cmds *admin_cmds_new(const struct admin_cmds_env *);
void admin_cmds_free(struct admin_cmds *);

/* A worker's answer to what it was asked. */
void admin_cmds_answer(struct admin_cmds *, struct span message);

/* In a forked worker, after the control socket is freed: that still tells the console of its
 * callers. */
void admin_cmds_after_fork(struct admin_cmds *);

/* For control_add(), with the console as ctx. */
extern const struct control_verb admin_cmds_verbs[];

#endif
