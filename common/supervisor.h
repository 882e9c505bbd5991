/* supervisor.h - a master that keeps N forked workers alive.  Used by both daemons.
 *
 * The master never serves: it forks, reaps, waits, and answers to signals.  It allocates what it needs
 * before the first fork, and after that nothing that fails ends it: it waits and tries again.
 * A worker ends by itself when its master is gone (the kernel's parent-death signal, and the end of
 * its channel).
 *
 * Signals to the master: TERM drains within stop_timeout; a second TERM, or INT or QUIT, stops at once;
 * USR1 reopens logs; CHLD reaps.  To a worker: TERM drains it, QUIT ends it. */
#ifndef POLICYPOOL_SUPERVISOR_H
#define POLICYPOOL_SUPERVISOR_H

#include <event2/event.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attr.h"
#include "scoreboard.h"
#include "slot.h"
#include "span.h"

struct supervisor;
struct worker; /* the worker's own view of itself, in its process */

enum { SUPERVISOR_MESSAGE_MAX = 16384 }; /* bytes of one message between master and worker */

struct supervisor_ops {
	/* ---- in the worker's process ---- */

	/* First of all: closes and frees what only the master may have. */
	void (*after_fork)(void *ctx);
	/* Opens what serving needs.  Returns the worker's state, or NULL: the worker ends and a
	 * successor is tried after a pause. */
	void *(*start)(struct worker *, void *ctx);
	/* A message from the master. */
	void (*on_message)(void *state, struct span message);
	/* Take nothing new, finish what is there, then worker_done(). */
	void (*drain)(void *state);
	/* The loop has ended: free everything. */
	void (*end)(void *state);

	/* ---- in the master ---- */

	/* All workers are up, for the first time. */
	void (*on_up)(void *ctx);
	/* A message from the worker in a slot. */
	void (*from_worker)(unsigned slot, struct span message, void *ctx);
	/* A worker has been reaped: clear what it left in shared memory. */
	void (*on_exit)(unsigned slot, void *ctx);
	/* Stopping: leave the pool, then supervisor_stop_workers().  at_once: within a moment. */
	void (*on_stop)(bool at_once, void *ctx);
	/* USR1 was received; the log is open anew already. */
	void (*on_reopen)(void *ctx);
};

struct supervisor_conf {
	unsigned workers;
	uint64_t stop_timeout;	 /* ms a draining worker has */
	uint64_t start_timeout;	 /* ms a starting worker has */
	uint64_t leave_timeout;	 /* ms that on_stop has before the workers are stopped anyway */
	uint32_t pause_min, pause_max; /* ms, back-off after a death */
};

/* NULL with errno.  ops, ctx and base are borrowed; conf is copied. */
struct supervisor *supervisor_new(struct event_base *, const struct supervisor_conf *,
				  const struct supervisor_ops *, void *ctx);
void supervisor_free(struct supervisor *);

/* Forks the workers and runs until stopped.  Returns the exit status.  Does not return in a worker:
 * that ends in exit(). */
int supervisor_run(struct supervisor *);

/* To be called from on_stop, or whenever its work is done. */
void supervisor_stop_workers(struct supervisor *);

/* Sends a message to the worker in a slot.  0, or -1 with errno; EAGAIN when it does not read. */
MUST_CHECK int supervisor_tell(struct supervisor *, unsigned slot, struct span message);
MUST_CHECK int supervisor_tell_all(struct supervisor *, struct span message);

struct scoreboard *supervisor_scoreboard(struct supervisor *);
unsigned supervisor_slots(const struct supervisor *);
uint64_t supervisor_started(const struct supervisor *); /* clock_ms() */
bool supervisor_stopping(const struct supervisor *);

/* Control verbs' data; NULL on ENOMEM. */
struct json_object *supervisor_describe(struct supervisor *);	       /* state, workers, counters */
struct json_object *supervisor_describe_workers(struct supervisor *); /* an array, a worker each */

/* ---- the worker's side ---- */

struct event_base *worker_base(struct worker *);
unsigned worker_slot(const struct worker *);
struct scoreboard_row *worker_row(struct worker *);

/* Serving now; the master counts it as up. */
void worker_ready(struct worker *);
/* Drained: the loop ends and the process exits 0. */
void worker_done(struct worker *);
/* To the master; at most SUPERVISOR_MESSAGE_MAX.  0, or -1 with errno; EAGAIN when it does not read. */
MUST_CHECK int worker_tell(struct worker *, struct span message);

#endif
