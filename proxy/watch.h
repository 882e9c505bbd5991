/* watch.h - the master's eye on the servers: what workers report, what probes find, and time ->
 * health; and what is told of it, in the log and the events. */
#ifndef POLICYPOOL_WATCH_H
#define POLICYPOOL_WATCH_H

#include <event2/event.h>

#include "events.h"
#include "handoff.h"
#include "health.h"
#include "permit.h"
#include "registry.h"
#include "settings.h"
#include "tally.h"

struct watch_env {
	struct event_base *base; /* borrowed, all of them */
	const struct proxy_conf *conf;
	struct registry *registry;
	struct permits *permits;
	struct tally *tally;
	struct verdicts *verdicts;
	struct events *events;
	unsigned worker;	    /* as whom the master takes permits */
	void (*changed)(void *ctx); /* the registry has: tell the workers */
	void *ctx;
};

struct watch;

/* NULL on ENOMEM. */
struct watch *watch_new(const struct watch_env *);
/* In a forked worker, too. */
void watch_free(struct watch *);

/* The registry has changed: who came, who left, who was replaced? */
void watch_registry(struct watch *);

/* Other settings are in force, to be borrowed from now on. */
void watch_settings(struct watch *, const struct proxy_conf *);

/* A worker's report; anything in it may be nonsense. */
void watch_incident(struct watch *, const struct handoff_incident *);

/* How the server at an index in use is, by all that is known now. */
void watch_look(struct watch *, unsigned server, struct health_view *);

/* The reason of its state in words, or "-"; constant. */
const char *watch_reason(const struct health_view *);

#endif
