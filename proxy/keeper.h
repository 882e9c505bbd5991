/* keeper.h - keeps the registry in a file beyond the master's life: read at the start, written
 * after each change.  A file that can't be used is set aside, one that can't be written is tried
 * again: neither is ever fatal. */
#ifndef POLICYPOOL_KEEPER_H
#define POLICYPOOL_KEEPER_H

#include <event2/event.h>

#include "attr.h"
#include "events.h"
#include "registry.h"

/* Where it is kept: what is configured; for an empty one NAME.journal in $STATE_DIRECTORY, or when
 * detached in /var/lib/policypool for root, otherwise in $XDG_STATE_HOME/policypool or
 * ~/.local/state/policypool.  NULL for "none", and when nothing says where; *error is 0 then, or
 * ENOMEM.  Owned by the caller. */
char *keeper_path(const char *configured, bool detached, const char *name, int *error);

struct keeper_env {
	struct event_base *base; /* borrowed, all of them */
	struct registry *registry;
	struct events *events;
	const char *path;
	uint64_t max_age; /* ms; a journal that is older is set aside; 0: none is too old */
};

struct keeper;

/* NULL with the reason logged: then nothing is kept. */
struct keeper *keeper_new(const struct keeper_env *);

/* Fills the registry, which is empty, from the file, if there is one and it is right. */
void keeper_recall(struct keeper *);

/* The registry has changed.  NULL is fine, here and below. */
void keeper_changed(struct keeper *);

/* The end: writes it a last time.  Not before the successor of an upgrade is gone. */
void keeper_end(struct keeper *);

/* Writes nothing. */
void keeper_free(struct keeper *);
void keeper_after_fork(struct keeper *);

#endif
