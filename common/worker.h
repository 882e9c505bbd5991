/* worker.h - a forked worker's own side: its loop, its row, its line to the master.
 *
 * A worker whose master is gone ends at once: the channel's end tells it, and the kernel's
 * parent-death signal when its loop does not turn.  Signals: TERM drains, QUIT ends; those that a
 * terminal or an operator sends to the whole group (INT, HUP, USR1, USR2, TTIN, TTOU) are the
 * master's business and ignored here. */
#ifndef POLICYPOOL_WORKER_H
#define POLICYPOOL_WORKER_H

#include <event2/event.h>
#include <stdbool.h>

#include "attr.h"
#include "isolate.h"
#include "sandbox.h"
#include "scheduling.h"
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
	/* A file from the master, the worker's to close.  NULL: the worker wants none. */
	void (*on_file)(void *state, int fd);
	/* Is an answer to something that it asked on its way?  NULL: it never asks. */
	bool (*expects)(void *state);
};

/* Where a worker finds itself. */
struct worker_place {
	struct event_base *base; /* its own */
	unsigned slot;
	int channel;  /* to the master */
	pid_t master; /* which must still be the parent */
	struct scoreboard *scoreboard;
	const struct isolate *isolation; /* what it gives up before it starts */
	enum sandbox_profile sandbox;
	enum sandbox_mode sandbox_mode;
	enum scheduling_mode scheduling;
	unsigned busy_poll; /* us, see busypoll.h; 0: never */
};

/* In the child, signals blocked: confines itself, then serves until drained, stopped or orphaned.
 * Returns the exit status. */
int worker_run(const struct worker_place *, const struct worker_ops *, void *ctx);

struct event_base *worker_base(struct worker *);
unsigned worker_slot(const struct worker *);
struct scoreboard *worker_scoreboard(struct worker *);
struct scoreboard_row *worker_row(struct worker *); /* its own */

/* Serving now; the master counts it as up. */
void worker_ready(struct worker *);
/* When draining: others accept at the same place, so nobody has to be waited for there. */
bool worker_yields(const struct worker *);

/* Drained: the loop ends and the process exits 0. */
void worker_done(struct worker *);
/* To the master; at most CHANNEL_MAX bytes.  0, or -1 with errno; EAGAIN when it does not read. */
MUST_CHECK int worker_tell(struct worker *, struct span message);

#endif
