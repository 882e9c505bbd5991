/* supervisor.h - a master that keeps N forked workers alive.  Used by both daemons.
 *
 * The master never serves: it forks, reaps, waits, and answers to signals.  It allocates what it
 * needs before the first fork, and after that nothing that fails ends it: it waits and tries again.
 * A worker ends by itself when its master is gone (the kernel's parent-death signal, and the end of
 * its channel).
 *
 * Signals to the master: TERM drains within stop_timeout; a second TERM, or INT or QUIT, stops at
 * once; USR1 reopens logs; CHLD reaps.  To a worker: TERM drains it, QUIT ends it. */
#ifndef POLICYPOOL_SUPERVISOR_H
#define POLICYPOOL_SUPERVISOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attr.h"
#include "scoreboard.h"
#include "slot.h"
#include "span.h"
#include "worker.h"

struct supervisor;

struct supervisor_ops {
	/* ---- in the worker's process ---- */

	/* First of all: closes and frees what only the master may have. */
	void (*after_fork)(void *ctx);
	struct worker_ops worker;

	/* ---- in the master ---- */

	/* All workers are up, for the first time. */
	void (*on_up)(void *ctx);
	/* A message from the worker in a slot. */
	void (*from_worker)(unsigned slot, struct span message, void *ctx);
	/* A worker has been reaped: clear what it left in shared memory. */
	void (*on_exit)(unsigned slot, void *ctx);
	/* Stopping: leave the pool, then supervisor_stop_workers().  at_once: within a moment. */
	void (*on_stop)(bool at_once, void *ctx);
};

struct supervisor_conf {
	unsigned workers;
	uint64_t stop_timeout;	/* ms a draining worker has */
	uint64_t start_timeout; /* ms a starting worker has */
	uint64_t leave_timeout; /* ms that on_stop has before the workers are stopped anyway */
	uint32_t pause_min, pause_max; /* ms, back-off after a death */
};

/* NULL with errno.  ops, ctx and base are borrowed; conf is copied. */
struct supervisor *supervisor_new(struct event_base *, const struct supervisor_conf *,
				  const struct supervisor_ops *, void *ctx);
void supervisor_free(struct supervisor *);

/* Forks the workers and runs until stopped.  Returns the exit status: 0, or 1 when no set of
 * workers could be brought up at the very start.  Does not return in a worker: that ends in exit().
 */
int supervisor_run(struct supervisor *);

/* To be called from on_stop, or whenever its work is done. */
void supervisor_stop_workers(struct supervisor *);

/* Sends a message to the worker in a slot.  0, or -1 with errno; EAGAIN when it does not read. */
MUST_CHECK int supervisor_tell(struct supervisor *, unsigned slot, struct span message);

struct scoreboard *supervisor_scoreboard(struct supervisor *);
unsigned supervisor_slots(const struct supervisor *);
bool supervisor_stopping(const struct supervisor *);

/* ---- for looking in ---- */

struct supervisor_view {
	const char *state;	/* starting, running, leaving, stopping */
	uint64_t started;	/* clock_ms() */
	unsigned wanted, ready; /* workers */
};

struct supervisor_member {
	pid_t pid; /* 0: nobody */
	enum slot_state state;
	uint64_t born;	 /* clock_ms() */
	unsigned deaths; /* not asked for */
	int last_status; /* wait(2) status of the one before, -1: none */
};

void supervisor_look(const struct supervisor *, struct supervisor_view *);
void supervisor_look_at(const struct supervisor *, unsigned slot, struct supervisor_member *);

#endif
