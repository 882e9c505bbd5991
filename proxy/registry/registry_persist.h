/* registry_persist.h - keeps the registry in a state file: read at the start, written after each
 * change.  A file that can't be used is set aside, one that can't be written is tried again:
 * neither is ever fatal. */
#ifndef POLICYPOOL_REGISTRY_PERSIST_H
#define POLICYPOOL_REGISTRY_PERSIST_H

#include <event2/event.h>

#include "compiler.h"
#include "events.h"
#include "registry.h"

/* Where it is kept: what is configured; for an empty one NAME.journal in $STATE_DIRECTORY, or when
 * detached in /var/lib/policypool for root, otherwise in $XDG_STATE_HOME/policypool or
 * ~/.local/state/policypool.  NULL for "none", and when nothing says where; *error is 0 then, or
 * ENOMEM.  Owned by the caller. */
char *registry_persist_path(const char *configured, bool detached, const char *name, int *error);

/* Could its folder be made, or written to?  Makes nothing.  0, or -1 with errno. */
MUST_CHECK int registry_persist_check(const char *path);

/* Locks it for this process (state_lock.h), its folder made.  0 with the descriptor in *lock, or -1
 * there where it can't be had now, which the first write tells and tries again; -1, logged, where
 * another process has it: two would overwrite each other. */
MUST_CHECK int registry_persist_lock(const char *path, int *lock);

struct registry_persist_env {
	struct event_base *base; /* borrowed, all of them */
	struct registry *registry;
	struct events *events;
	const char *path;
	uint64_t max_age; /* ms since the proxy lived; older is set aside; 0: no limit */
	int lock;	  /* of registry_persist_lock() or a predecessor; taken over; -1: none */
};

struct registry_persist;

/* NULL with the reason logged: then nothing is kept. */
struct registry_persist *registry_persist_new(const struct registry_persist_env *);

/* Fills the registry, which is empty, from the file, if there is one and it is right. */
void registry_persist_recall(struct registry_persist *);

/* The lock for a successor: another descriptor, the caller's; -1: there is none. */
int registry_persist_dup_lock(const struct registry_persist *);

/* The registry has changed.  NULL is fine, here and below. */
void registry_persist_changed(struct registry_persist *);

/* The end: writes it a last time.  Not before the successor of an upgrade is gone. */
void registry_persist_end(struct registry_persist *);

/* Writes nothing. */
void registry_persist_free(struct registry_persist *);
void registry_persist_after_fork(struct registry_persist *);

#endif
