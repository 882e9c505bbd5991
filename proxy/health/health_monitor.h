/* health_monitor.h - feeds health with workers' reports, probes and time, and tells its changes
 * in the log and the events. */
#ifndef POLICYPOOL_HEALTH_MONITOR_H
#define POLICYPOOL_HEALTH_MONITOR_H

#include <event2/event.h>

#include "conn_limit.h"
#include "events.h"
#include "health.h"
#include "proxy_conf.h"
#include "registry.h"
#include "server_stats.h"
#include "worker_msg.h"

struct health_monitor_env {
	struct event_base *base; /* borrowed, all of them */
	/* The settings in force; borrowed for the moment. */
	const struct proxy_conf *(*conf)(void *ctx);
	struct registry *registry;
	struct permits *permits;
	struct counters *tally;
	struct verdicts *verdicts;
	struct events *events;
	const char *instance;	    /* of the proxy: see request_probed() */
	unsigned worker;	    /* the master's number when it takes permits */
	void (*changed)(void *ctx); /* the registry has: tell the workers */
	void *ctx;
};

struct health_monitor;

/* NULL on ENOMEM. */
struct health_monitor *health_monitor_new(const struct health_monitor_env *);
/* In a forked worker, too. */
void health_monitor_free(struct health_monitor *);

/* The registry has changed: which servers came, left, were replaced? */
void health_monitor_registry(struct health_monitor *);

/* Other settings are in force. */
void health_monitor_settings(struct health_monitor *);

/* A worker's report; anything in it may be nonsense. */
void health_monitor_incident(struct health_monitor *, const struct worker_msg_failure *);

/* A worker's word that the probe of a server has come back to this proxy (request_probed()): that
 * server is taken out of the registry. */
void health_monitor_loop(struct health_monitor *, const char *server);

/* Does the server at an index in use still answer?  For lack of a recent answer it is asked by a
 * probe; the outcome is known at a later call. */
enum server_life health_monitor_life(unsigned server, void *watch);

/* How the server at an index in use is, by all that is known now. */
void health_monitor_snapshot(struct health_monitor *, unsigned server, struct health_view *);

/* The reason of its state in words, or "-"; constant. */
const char *health_monitor_reason(const struct health_view *);

#endif
