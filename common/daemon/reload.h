/* reload.h - new settings for a running daemon, with new workers before the old ones drain.
 *
 *   request -> take -> new workers beside the old -> keep -> reload_settled() -> the old drain
 *                |               |
 *                +-- refused     +-- undo: the old settings and workers stay
 *
 * One runs; of those asked for meanwhile one is remembered, which is enough: it reads the newest
 * settings.  A caller on the control socket is answered with the outcome. */
#ifndef POLICYPOOL_RELOAD_H
#define POLICYPOOL_RELOAD_H

#include <json-c/json.h>
#include <stdio.h>

#include "compiler.h"
#include "control.h"
#include "supervisor.h"

struct reload;

struct reload_ops {
	/* Reads fresh settings, judges them whole, opens what they need and puts them in force for
	 * workers forked from now on; the former are kept aside.  What is worth saying goes to
	 * notes, a line each.  0, or -1 with lines on err and everything as it was. */
	int (*take)(void *ctx, FILE *notes, FILE *err);
	/* What the settings in force ask of the supervisor. */
	void (*conf)(void *ctx, struct supervisor_conf *);
	/* The new workers serve: give up the former settings, tell the pool, then
	 * reload_settled(), maybe before the return. */
	void (*keep)(void *ctx);
	/* They do not: the former settings are in force again. */
	void (*undo)(void *ctx);
};

/* ops, ctx and base are borrowed.  NULL on ENOMEM. */
struct reload *reload_new(struct event_base *, const struct reload_ops *, void *ctx);
void reload_free(struct reload *);
/* The supervisor of its workers; borrowed.  Nothing runs before. */
void reload_attach(struct reload *, struct supervisor *);

void reload_request(struct reload *);
/* The supervisor has room again: on with what waits for it. */
void reload_resume(struct reload *);
/* yield: the new workers accept where the old ones do. */
void reload_settled(struct reload *, bool yield);
bool reload_runs(const struct reload *);

/* From now on none begins: what is asked for is remembered. */
void reload_pause(struct reload *);
/* On again, with what is remembered. */
void reload_release(struct reload *);
/* Another process has read the settings, later than what was remembered before reload_pause(): a
 * caller that waits for that is answered, and nothing runs here any more.  True when another was
 * asked for since then. */
bool reload_supersede(struct reload *);

/* fn is told whenever one has ended, before the one remembered begins. */
void reload_on_end(struct reload *, void (*fn)(void *ctx), void *ctx);

/* When the last one succeeded, and what was wrong with the last one if anything was. */
void reload_add_status(const struct reload *, struct json_object *);

/* The order "reload"; its ctx is a struct reload. */
extern const struct control_verb reload_verbs[];

#endif
