/* upgrade.h - replaces this daemon by a new process of its binary while it serves; see takeover.h
 * for what crosses over.
 *
 *   request -> the successor starts -> READY -> it gets its parent -> GO -> this one drains,
 *                |                                                      and ends
 *                |  ended, or not ready in time
 *                +-> this one goes on, untouched
 *
 * The parent is this process's own: the service manager, which is told which process is in charge.
 * Where nobody can be told, this process stays as the successor's parent, see reaper.h.
 *
 * What is ordered meanwhile is remembered, one of each kind.  An upgrade waits for the end of the
 * reload that runs.  A reload waits for the upgrade: the successor is told to, or this process does
 * it when there is none. */
#ifndef POLICYPOOL_UPGRADE_H
#define POLICYPOOL_UPGRADE_H

#include <json-c/json.h>

#include "cmdline.h"
#include "compiler.h"
#include "control.h"
#include "reload.h"
#include "supervisor.h"
#include "takeover.h"

struct upgrade;

struct upgrade_ops {
	/* upgrade_give() for all that the successor is to have.  0, or -1 with the reason logged.
	 */
	int (*gather)(struct upgrade *, void *ctx);
	/* The successor serves: give up what two can't have.  The workers drain after this. */
	void (*handed_over)(void *ctx);
	/* The successor says. */
	void (*on_data)(struct span, void *ctx);
	/* ms that a successor has to come up, by the settings in force. */
	uint64_t (*timeout)(void *ctx);
};

struct upgrade_env {
	struct event_base *base; /* borrowed, all of them */
	const struct cmdline *command;
	const char *name; /* of this instance */
	struct supervisor *supervisor;
	struct reload *reload;
	bool detached; /* what started this process does not watch it */
};

/* The supervisor is told of it (supervisor_succeeded_by()), and is to be freed with it.  NULL on
 * ENOMEM. */
struct upgrade *upgrade_new(const struct upgrade_env *, const struct upgrade_ops *, void *ctx);
void upgrade_free(struct upgrade *);

/* From gather(): see takeover_env_add(). */
void upgrade_give(struct upgrade *, enum takeover_kind, int fd, const char *about, bool mine);

void upgrade_request(struct upgrade *);
/* Begins what is remembered, once it can.  NULL is fine. */
void upgrade_resume(struct upgrade *);
/* A successor: it has taken over. */
void upgrade_in_charge(struct upgrade *);

/* Has the successor taken that?  From handed_over(). */
bool upgrade_took(const struct upgrade *, enum takeover_kind);

/* The daemon stops: a successor that is not in charge yet is ended, or it would be the daemon that
 * goes on. */
void upgrade_stop(struct upgrade *);

/* A successor is on its way or in charge: it has to know what changes. */
bool upgrade_is_on(const struct upgrade *);
/* It is in charge. */
bool upgrade_is_over(const struct upgrade *);
/* 0, or -1 with errno. */
MUST_CHECK int upgrade_send(struct upgrade *, struct span);

/* The pid under which the daemon was started where that is another process's by now, and what was
 * wrong with the last one, if anything was. */
void upgrade_add_status(const struct upgrade *, struct json_object *);

/* The order "upgrade"; its ctx is a struct upgrade. */
extern const struct control_verb upgrade_verbs[];

#endif
