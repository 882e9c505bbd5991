/* store_child.h - the store process, as the master has it: forked, heard, sent what to keep, and
 * forked again whenever it ends.
 *
 * It speaks to the etcd of the settings (store_process.h), and the master never waits for it.  It
 * is a stranger: what it says is judged (store_msg.h) and then told by the callbacks, one row each:
 *
 *   on_row      a row is there, or is another than was told before; a second time after a reset
 *   on_deleted  a row that was told is gone: deleted, or its lease has ended
 *   on_synced   all that the store has was told, and what was told and is not there any more, too;
 *               again after each time that it was not sure of that
 *   on_reset    the store was emptied, restored, or is another one: rows that were told count as
 *               never told, and no on_deleted follows for them
 *   on_clash    another living proxy has this one's id: nothing is published until it is gone,
 *               when on_state says claimed
 *   on_state    at each change, and every second
 *
 * A process that died is forked again after a pause, and is told what to keep.  What has changed
 * meanwhile is told as if nothing had happened: rows that are as they were are not told again.
 * While there is no process, or it hears nothing of etcd, nothing is told at all: not a row is
 * deleted for that, and state tells since when.
 *
 * It logs itself what an operator has to know of the connection to the store and of the process's
 * life; on_clash is the caller's to log. */
#ifndef POLICYPOOL_STORE_CHILD_H
#define POLICYPOOL_STORE_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"
#include "privdrop.h"
#include "span.h"
#include "store_conf.h"
#include "store_msg.h"

struct store_child;

struct store_child_ops {
	/* Spans are borrowed for the call.  None may call store_child_free(). */
	void (*on_row)(struct span key, struct span value, uint64_t create_rev, uint64_t mod_rev,
		       void *ctx);
	void (*on_deleted)(struct span key, uint64_t mod_rev, void *ctx);
	void (*on_synced)(uint64_t revision, void *ctx);
	void (*on_reset)(void *ctx);
	/* Bytes of a stranger: log_quoted_n(). */
	void (*on_clash)(struct span boot, struct span address, void *ctx);
	void (*on_state)(const struct store_state *, void *ctx);
	/* After store_child_end(): the process has gone. */
	void (*on_ended)(void *ctx);
	/* In the process, before anything else: closes and frees what only the master may have
	 * (supervisor, control socket, keys).  Settings are not to be freed. */
	void (*after_fork)(void *ctx);
};

/* Texts are copied. */
struct store_child_self {
	const char *cluster; /* the name of the pool: the prefix is /policypool/CLUSTER/v1/ */
	const char *id;	     /* of this proxy, in proxies/ID */
	const char *boot;    /* of this run of it: a successor has its predecessor's */
	const char *address; /* where it listens, for people */
};

/* Forks at once.  conf and isolation are borrowed until store_child_free(): hold the settings that
 * they are of.  NULL with errno on ENOMEM; that it can't be forked is no error, it is tried again.
 */
struct store_child *store_child_new(struct event_base *, const struct store_conf *,
				    const struct privdrop *isolation,
				    const struct store_child_self *, const struct store_child_ops *,
				    void *ctx);
/* A process that lives is killed, and what it published ends with its lease.  NULL is fine; in a
 * forked child too: then nothing is killed. */
void store_child_free(struct store_child *);

/* The row is to be in the store with that value (1 to STORE_VALUE_MAX bytes; key: 1 to
 * STORE_KEY_MAX), until it is dropped: it is put again whenever it is missing.  A row that is there
 * already is replaced if this proxy has published it, or if it is still as it was at mod_rev `over`
 * of on_row; otherwise it stays, and this one is put as soon as that one is gone.  0: it stays.
 * Again with the same value and over: nothing happens.  0, or -1 with errno: EMSGSIZE, ENOMEM. */
MUST_CHECK int store_child_keep(struct store_child *, struct span key, struct span value,
				uint64_t over);
/* It is not kept any more, whether it was or not.  gone: what is put in its place for twice
 * store_ttl, once it can be; empty: a row that this proxy has published is deleted, and that of
 * another stays.  over: as above.  0, or -1 with errno: EMSGSIZE, ENOMEM. */
MUST_CHECK int store_child_drop(struct store_child *, struct span key, struct span gone,
				uint64_t over);

/* Nothing is told any more but on_ended: once the process has gone, within 2 s, or at once where
 * there is none.  revoke: what it published is deleted; without, it outlives it by store_ttl, and a
 * successor with the same boot takes it over. */
void store_child_end(struct store_child *, bool revoke);

/* For supervisor_ops.on_child: was it the store process? */
bool store_child_reaped(struct store_child *, pid_t, int status);
/* The log was opened anew: supervisor_ops.on_reopen. */
void store_child_reopen(struct store_child *);

/* What on_state told last; all zero at first. */
const struct store_state *store_child_state(const struct store_child *);
/* 0: there is none. */
pid_t store_child_pid(const struct store_child *);
/* How often a process has ended without being asked to. */
unsigned store_child_deaths(const struct store_child *);

#endif
