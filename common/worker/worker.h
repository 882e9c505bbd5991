/* worker.h - a forked worker's own side: its loop, its row, its channel to the master.
 *
 * A worker ends at once when its master is gone: the channel's end tells it, and the kernel's
 * parent-death signal when its loop does not turn.  Signals: TERM drains, QUIT ends; those that a
 * terminal or an operator sends to the whole group (INT, HUP, USR1, USR2, TTIN, TTOU) are the
 * master's business and ignored here. */
#ifndef POLICYPOOL_WORKER_H
#define POLICYPOOL_WORKER_H

#include <event2/event.h>
#include <stdbool.h>

#include "compiler.h"
#include "privdrop.h"
#include "sandbox.h"
#include "sched_policy.h"
#include "scoreboard.h"
#include "span.h"

struct worker;

struct worker_ops {
	/* Opens what serving needs.  Returns the worker's state, or NULL: the worker ends and a
	 * successor is tried after a pause. */
	void *(*start)(struct worker *, void *ctx);
	/* A message from the master. */
	void (*on_message)(void *state, struct span message);
	/* Take nothing new, finish what is there, then worker_done(). */
	void (*drain)(void *state);
	/* The loop has ended: free everything. */
	void (*end)(void *state);
	/* A file from the master, the worker's to close, and what is said of it.  NULL: the worker
	 * wants none. */
	void (*on_file)(void *state, struct span body, int fd);
	/* Is an answer to something that it asked on its way?  NULL: it never asks. */
	bool (*expects)(void *state);
};

/* Where a worker finds itself. */
struct worker_place {
	unsigned slot;
	int channel;  /* to the master */
	pid_t master; /* which must still be the parent */
	struct counters *scoreboard;
	/* Names the descriptors that serving needs; all others are closed.  NULL: none. */
	void (*keep)(struct fd_keep *, void *ctx);
	const struct privdrop *isolation; /* what it gives up before it starts */
	enum sandbox_profile sandbox;
	enum sched_policy_mode scheduling;
	unsigned busy_poll; /* us, see worker_loop.h; 0: never */
};

/* In the child, signals blocked: closes what it is not to have, confines itself, then serves until
 * drained, stopped or orphaned.  Returns the exit status. */
int worker_run(const struct worker_place *, const struct worker_ops *, void *ctx);

struct event_base *worker_base(struct worker *);
unsigned worker_slot(const struct worker *);
struct counters *worker_scoreboard(struct worker *);
struct scoreboard_row *worker_row(struct worker *); /* its own */

/* Serving now; the master counts it as up. */
void worker_ready(struct worker *);
/* When draining: others accept at the same place, so nobody has to be waited for there. */
bool worker_yields(const struct worker *);

/* Drained: the loop ends, once the master has been told all that it was to be, and the process
 * exits 0. */
void worker_done(struct worker *);
/* To the master; at most CHANNEL_MAX bytes.  What it does not read yet is kept.  0, or -1 with the
 * errno of channel_queue_send(). */
MUST_CHECK int worker_send(struct worker *, struct span message);

#endif
