/* supervisor.h - keeps N forked workers alive.  Used by both daemons.
 *
 * The master never serves: it forks, reaps, waits, and answers to signals.  It allocates what it
 * needs before the first fork, and after that nothing that fails ends it: it waits and tries again.
 * A worker ends by itself when its master is gone (the kernel's parent-death signal, and the end of
 * its channel).
 *
 * Signals to the master: TERM drains within stop_timeout; a second TERM, or INT or QUIT, stops at
 * once; HUP reloads, USR2 upgrades (both the daemon's to do); USR1 reopens logs; TTIN and TTOU are
 * one worker more or less; CHLD reaps.  To a worker: TERM drains it, QUIT ends it.
 *
 * Workers live in slots.  There are more slots than workers wanted, so that one which is to leave
 * (recycled) stays until its successor in another slot is ready. */
#ifndef POLICYPOOL_SUPERVISOR_H
#define POLICYPOOL_SUPERVISOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"
#include "exit_history.h"
#include "privdrop.h"
#include "sandbox.h"
#include "sched_policy.h"
#include "scoreboard.h"
#include "slot.h"
#include "span.h"
#include "worker.h"

struct supervisor;

struct supervisor_ops {
	/* ---- in the worker's process ---- */

	/* First of all: closes and frees what only the master may have, and gives up what only
	 * other slots' workers may write. */
	void (*after_fork)(unsigned slot, void *ctx);
	/* Names the descriptors that serving needs; all others are closed.  NULL: none. */
	void (*keep)(struct fd_keep *, void *ctx);
	struct worker_ops worker;
	enum sandbox_profile sandbox;

	/* ---- in the master ---- */

	/* A worker is about to be forked for a slot; NULL: nothing is to be prepared. */
	void (*before_fork)(unsigned slot, void *ctx);
	/* It was forked, and can be sent messages; NULL: there are none yet. */
	void (*on_forked)(unsigned slot, void *ctx);
	/* All workers are up, for the first time. */
	void (*on_up)(void *ctx);
	/* A message from the worker in a slot. */
	void (*from_worker)(unsigned slot, struct span message, void *ctx);
	/* A worker has been reaped: clear what it left in shared memory. */
	void (*on_exit)(unsigned slot, void *ctx);
	/* A child that is no worker was reaped: was it one of the program's own?  NULL: it has
	 * none.
	 */
	bool (*on_child)(pid_t, int status, void *ctx);
	/* The workers have ended.  True: not yet what they leave behind, of which the last breaks
	 * the loop.  NULL: they leave nothing. */
	bool (*lingers)(void *ctx);
	/* Stopping: leave the pool, then supervisor_stop_workers().  at_once: within a moment. */
	void (*on_stop)(bool at_once, void *ctx);
	/* HUP; NULL: ignored. */
	void (*on_reload)(void *ctx);
	/* Logs are opened anew: open what else is one, see supervisor_pass().  NULL: nothing is. */
	void (*on_reopen)(void *ctx);
	/* Now and then, several times a second; NULL: there is nothing to be looked at. */
	void (*on_look)(void *ctx);
	/* What is wrong though workers are ready, in words for people, or NULL; NULL itself:
	 * nothing ever is. */
	const char *(*trouble)(void *ctx);
	/* A slot has become free; NULL: nobody waits for that. */
	void (*on_room)(void *ctx);
};

struct supervisor_conf {
	unsigned workers;
	unsigned slots;		/* at least workers; 0: as many */
	uint64_t stop_timeout;	/* ms a draining worker has */
	uint64_t start_timeout; /* ms a starting worker has */
	uint64_t leave_timeout; /* ms that on_stop has before the workers are stopped anyway */
	/* ms, back-off after starts that failed by themselves; while nobody serves at all one
	 * worker is tried every tenth of pause_max. */
	uint32_t pause_min, pause_max;
	uint64_t worker_timeout;      /* ms without a turn of its loop: it hangs; 0: never */
	uint64_t worker_max_requests; /* then it is recycled, give or take a tenth; 0: never */
	uint64_t worker_max_memory;   /* bytes resident; the same */
	struct privdrop isolation;
	enum sched_policy_mode scheduling; /* of workers */
	unsigned busy_poll;		   /* us that a worker looks on before it sleeps */
};

/* NULL with errno.  ops, ctx and base are borrowed; conf is copied. */
struct supervisor *supervisor_new(struct event_base *, const struct supervisor_conf *,
				  const struct supervisor_ops *, void *ctx);
void supervisor_free(struct supervisor *);

/* Of the process that the daemon may be continued by, and those that it was; see upgrade.h. */
struct supervisor_succession {
	/* USR2. */
	void (*on_upgrade)(void *ctx);
	/* A child that is neither a worker nor the program's own was reaped. */
	void (*on_other_child)(pid_t, int status, void *ctx);
	/* Before a signal is obeyed: true when it is passed on to another process, which is in
	 * charge. */
	bool (*forward)(int sig, void *ctx);
	/* The workers have ended.  True: not yet this process, since another one is waited for,
	 * and the loop is left when that is over. */
	bool (*waits)(void *ctx);
};
/* Before supervisor_run(); borrowed.  Without one there is no other process. */
void supervisor_succeeded_by(struct supervisor *, const struct supervisor_succession *, void *ctx);

/* Forks the workers and runs until stopped.  Returns the exit status: 0, or 1 when no set of
 * workers could be brought up at the very start, which is told.  Does not return in a worker: that
 * ends in exit().
 */
int supervisor_run(struct supervisor *);

/* To be called from on_stop, or whenever its work is done. */
void supervisor_stop_workers(struct supervisor *);

/* ---- commands, as by signal ---- */

void supervisor_stop(struct supervisor *, bool at_once);
/* The log anew, for the workers too.  0, or -1 with errno, and the old one is written to. */
int supervisor_reopen(struct supervisor *);
/* So many workers from now on.  0, or -1 with ERANGE (1 to supervisor_most_workers()), or EBUSY
 * while it reloads or stops. */
MUST_CHECK int supervisor_scale(struct supervisor *, unsigned workers);
/* A successor first, then it drains.  0, or -1 with ESRCH (no such worker serves) or EBUSY (no slot
 * is free for a successor, or it stops). */
MUST_CHECK int supervisor_recycle(struct supervisor *, unsigned slot);
/* Forks conf's workers as a new generation beside the present one; conf.slots is ignored, and
 * conf.workers is cut at supervisor_most_workers().  done is told once: up, or why not, and then
 * conf, number and workers are as before; maybe before the return.  Where slots are too few for two
 * whole generations, it is up when all free slots serve, and grows as others leave.
 * 0, or -1 with errno; EBUSY: see supervisor_may_renew(). */
typedef void supervisor_renewed_fn(bool up, const char *why, void *ctx);
MUST_CHECK int supervisor_renew(struct supervisor *, const struct supervisor_conf *,
				supervisor_renewed_fn *done, void *ctx);
/* False while another is on its way up, while those that leave hold the slots (on_room tells of a
 * change), and when it stops. */
bool supervisor_may_renew(const struct supervisor *, unsigned workers);
/* After a renewal: the generations before it drain.  yield: others accept where they do. */
void supervisor_retire(struct supervisor *, bool yield);
/* All drain, and others accept where they do. */
void supervisor_yield(struct supervisor *);
/* The worker in that slot cannot start, for a reason that lies outside of it (a constant sentence).
 * Before the daemon was up for the first time it gives up; a renewal fails; otherwise the worker is
 * ended, and tried again after a pause.  Nothing where none starts. */
void supervisor_refuse_start(struct supervisor *, unsigned slot, const char *why);
/* Workers of generations before the one in force that have not ended. */
unsigned supervisor_former(const struct supervisor *);

/* Gives every worker a descriptor of its own for fd's file: worker_ops.on_file. */
void supervisor_pass(struct supervisor *, int fd);
/* The same for the worker in a slot, with a message.  0, or -1 with errno as supervisor_send(). */
MUST_CHECK int supervisor_pass_to(struct supervisor *, unsigned slot, struct span body, int fd);

/* Sends a message to the worker in a slot.  0, or -1 with errno; EAGAIN when it does not read. */
MUST_CHECK int supervisor_send(struct supervisor *, unsigned slot, struct span message);

struct counters *supervisor_scoreboard(struct supervisor *);
/* The scoreboard's sum, and what the master itself has counted. */
void supervisor_sum(struct supervisor *, struct scoreboard_row *out);
unsigned supervisor_slots(const struct supervisor *);
unsigned supervisor_most_workers(const struct supervisor *);
bool supervisor_stopping(const struct supervisor *);
struct event_base *supervisor_base(const struct supervisor *);

/* ---- for looking in ---- */

struct supervisor_view {
	const char *state;	/* starting, running, reloading, degraded, leaving, stopping */
	uint64_t started;	/* clock_ms() */
	unsigned wanted, ready; /* workers */
	unsigned generation;	/* counted from 1 */
	uint64_t start_timeout, stop_timeout; /* ms, that a worker has */
	bool at_once;			      /* it stops, and waits for nobody */
};

struct supervisor_child {
	pid_t pid; /* 0: nobody */
	enum slot_state state;
	uint64_t born;	 /* clock_ms() */
	unsigned deaths; /* not asked for */
	unsigned generation;
	int replaces;	 /* the slot of the worker that leaves when this one serves, -1: none */
	int last_status; /* wait(2) status of the one before, -1: none */
	int last_cause;	 /* enum exit_cause of it, -1: none */
};

void supervisor_snapshot(const struct supervisor *, struct supervisor_view *);
void supervisor_child_snapshot(const struct supervisor *, unsigned slot, struct supervisor_child *);
const struct exit_history *supervisor_exits(const struct supervisor *);

#endif
