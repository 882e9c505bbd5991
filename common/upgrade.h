/* upgrade.h - replaces this daemon by another process of the binary that it was started as, while
 * it serves; see handover.h for what crosses over.
 *
 *   request -> the successor starts -> READY -> GO -> this one drains and ends
 *                |  ended, or not ready in time
 *                +-> this one goes on, untouched */
#ifndef POLICYPOOL_UPGRADE_H
#define POLICYPOOL_UPGRADE_H

#include <json-c/json.h>

#include "attr.h"
#include "command.h"
#include "control.h"
#include "handover.h"
#include "reload.h"
#include "supervisor.h"

struct upgrade;

struct upgrade_ops {
	/* upgrade_give() for all that the successor is to have.  0, or -1 with the reason logged.
	 */
	int (*gather)(struct upgrade *, void *ctx);
	/* The successor serves: give up what two can't have.  The workers drain after this. */
	void (*handed_over)(void *ctx);
	/* The successor says. */
	void (*on_data)(struct span, void *ctx);
};

struct upgrade_env {
	struct event_base *base; /* borrowed, all of them */
	const struct command *command;
	const char *name; /* of this instance */
	struct supervisor *supervisor;
	const struct reload *reload;
	const uint64_t *timeout; /* ms that a successor has to come up: the setting in force */
};

/* NULL on ENOMEM. */
struct upgrade *upgrade_new(const struct upgrade_env *, const struct upgrade_ops *, void *ctx);
void upgrade_free(struct upgrade *);

/* From gather(): see bequest_add(). */
void upgrade_give(struct upgrade *, enum handover_kind, int fd, const char *about, bool mine);

void upgrade_request(struct upgrade *);

/* Has the successor taken that?  From handed_over(). */
bool upgrade_took(const struct upgrade *, enum handover_kind);

/* A child that is no worker was reaped. */
void upgrade_child_ended(struct upgrade *, pid_t, int status);

/* A successor is on its way or in charge: it has to know what changes. */
bool upgrade_is_on(const struct upgrade *);
/* It is in charge. */
bool upgrade_is_over(const struct upgrade *);
/* 0, or -1 with errno. */
MUST_CHECK int upgrade_tell(struct upgrade *, struct span);

/* What was wrong with the last one, if anything was. */
void upgrade_add_status(const struct upgrade *, struct json_object *);

/* The order "upgrade"; its ctx is a struct upgrade. */
extern const struct control_verb upgrade_verbs[];

#endif
