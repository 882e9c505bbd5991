/* store_child.h - the store process, as the master has it: forked, heard, sent what to keep, and
 * forked again whenever it ends.
 *
 * It speaks to the etcd of the settings (store_process.h), and the master never waits for it.  A
 * process that died is followed by another after a pause, which knows nothing: on_started is the
 * time to tell it all that is to be kept, and it tells every row anew.  While there is none, or it
 * hears nothing of etcd, nothing is told: not a row is DELETED for that.
 *
 * It logs itself what an operator has to know of the connection to the store and of the process's
 * life; a CLASH is the caller's to log. */
#ifndef POLICYPOOL_STORE_CHILD_H
#define POLICYPOOL_STORE_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "compiler.h"
#include "privdrop.h"
#include "store_conf.h"
#include "store_msg.h"

struct store_child;

/* All is borrowed for the child's life. */
struct store_child_env {
	struct event_base *base;
	const struct store_conf *conf; /* hold the settings */
	const struct privdrop *isolation;
	const char *cluster; /* name of the pool: the prefix is /policypool/CLUSTER/v1/ */
	const char *id;	     /* of this proxy, in proxies/ID */
	const char *boot;    /* of this run of it: a successor has its predecessor's */
	const char *address; /* where it listens, for people */
	/* A process was forked: send it what is to be kept. */
	void (*on_started)(void *ctx);
	/* What it says, judged; spans are borrowed for the call.  Must not free the child. */
	void (*on_message)(const struct store_msg *, void *ctx);
	/* After store_child_end(): the process has gone.  May free the child. */
	void (*on_ended)(void *ctx);
	/* In the process, before anything else: closes and frees what only the master may have
	 * (supervisor, control socket, keys), but neither conf nor this child.  base is freed then.
	 */
	void (*after_fork)(void *ctx);
	void *ctx;
};

/* No process yet: store_child_begin().  NULL on ENOMEM. */
struct store_child *store_child_new(const struct store_child_env *);
/* Forks.  That it can't be is no error: it is tried again after a pause. */
void store_child_begin(struct store_child *);
/* A process that lives is killed, and what it published ends with its lease; on_ended is not told.
 * NULL is fine; in another forked child too: then nothing is killed. */
void store_child_free(struct store_child *);

/* Sends KEEP or DROP, in order; without a process nothing happens, for the next one is told all.
 *
 * KEEP: the row is to be in the store with that value until it is dropped, and is put again
 * whenever it is missing.  A row that is there already is replaced if this proxy has put it, or if
 * it is still the one of ROW.mod_rev == mod_rev; otherwise it stays, and this one is put as soon as
 * that one is gone.  mod_rev 0: it stays.  A row of exactly this value that has another lease (a
 * predecessor's) is put anew under ours.  Again with the same value and mod_rev: nothing happens.
 *
 * DROP: it is not kept any more, whether it was or not.  value: what is put in its place for twice
 * store_ttl, under the same conditions, or where there is none; empty: what this proxy has put is
 * deleted, and what another has stays.
 *
 * 0, or -1 with errno: EMSGSIZE where it is no message, ENOMEM.  One that does not read is killed.
 */
MUST_CHECK int store_child_send(struct store_child *, const struct store_msg *);

/* Nothing is told any more but on_ended: once the process has gone, within 2 s, or at once where
 * there is none.  revoke: what it published is deleted; without, it outlives it by store_ttl, and a
 * successor with the same boot takes it over. */
void store_child_end(struct store_child *, bool revoke);

/* For supervisor_ops.on_child: was it the store process? */
bool store_child_reaped(struct store_child *, pid_t, int status);
/* The log was opened anew: supervisor_ops.on_reopen. */
void store_child_reopen(struct store_child *);

/* 0: there is none. */
pid_t store_child_pid(const struct store_child *);
/* How often a process has ended without being asked to. */
unsigned store_child_deaths(const struct store_child *);

#endif
