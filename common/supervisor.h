/* supervisor.h - a master that keeps N forked workers alive.  Used by both daemons.
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

#include "attr.h"
#include "isolate.h"
#include "keep.h"
#include "sandbox.h"
#include "scheduling.h"
#include "scoreboard.h"
#include "slot.h"
#include "span.h"
#include "worker.h"

struct supervisor;

struct supervisor_ops {
	/* ---- in the worker's process ---- */

	/* First of all: closes and frees what only the master may have. */
	void (*after_fork)(void *ctx);
	/* Names the descriptors that serving needs; all others are closed.  NULL: none. */
	void (*keep)(struct keep *, void *ctx);
	struct worker_ops worker;
	enum sandbox_profile sandbox;

	/* ---- in the master ---- */

	/* All workers are up, for the first time. */
	void (*on_up)(void *ctx);
	/* A message from the worker in a slot. */
	void (*from_worker)(unsigned slot, struct span message, void *ctx);
	/* A worker has been reaped: clear what it left in shared memory. */
	void (*on_exit)(unsigned slot, void *ctx);
	/* Stopping: leave the pool, then supervisor_stop_workers().  at_once: within a moment. */
	void (*on_stop)(bool at_once, void *ctx);
	/* HUP and USR2; NULL: ignored. */
	void (*on_reload)(void *ctx);
	void (*on_upgrade)(void *ctx);
	/* Logs are opened anew: open what else is one, see supervisor_pass().  NULL: nothing is. */
	void (*on_reopen)(void *ctx);
	/* A slot has become free; NULL: nobody waits for that. */
	void (*on_room)(void *ctx);
	/* A child that is no worker was reaped; NULL: there is none. */
	void (*on_other_child)(pid_t, int status, void *ctx);
};

struct supervisor_conf {
	unsigned workers;
	unsigned slots;		/* at least workers; 0: as many */
	uint64_t stop_timeout;	/* ms a draining worker has */
	uint64_t start_timeout; /* ms a starting worker has */
	uint64_t leave_timeout; /* ms that on_stop has before the workers are stopped anyway */
	uint32_t pause_min, pause_max; /* ms, back-off after a death */
	uint64_t worker_timeout;       /* ms without a turn of its loop: it hangs; 0: never */
	uint64_t worker_max_requests;  /* then it is recycled, give or take a tenth; 0: never */
	uint64_t worker_max_memory;    /* bytes resident; the same */
	struct isolate isolation;
	enum sandbox_mode sandbox;
	enum scheduling_mode scheduling; /* of workers */
	unsigned busy_poll;		 /* us that a worker looks on before it sleeps */
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

/* ---- orders, as by signal ---- */

void supervisor_stop(struct supervisor *, bool at_once);
/* The log anew, for the workers too.  0, or -1 with errno, and the old one is written to. */
int supervisor_reopen(struct supervisor *);
/* So many workers from now on.  0, or -1 with ERANGE (1 to supervisor_most_workers()), or EBUSY
 * while it reloads or stops. */
MUST_CHECK int supervisor_scale(struct supervisor *, unsigned workers);
/* A successor first, then it drains.  0, or -1 with ESRCH (no such worker serves) or EBUSY (no slot
 * is free for a successor, or it stops). */
MUST_CHECK int supervisor_recycle(struct supervisor *, unsigned slot);
/* Forks conf's workers as a new generation beside the present one; conf.slots is what it was, and
 * conf.workers is cut at supervisor_most_workers().  done is told once: up, or why not, and then
 * conf, number and workers are as before; maybe before the return.  Where slots are too few for two
 * whole generations, it is up when all free slots serve, and grows as others leave.
 * 0, or -1 with errno; EBUSY: see supervisor_may_renew(). */
typedef void supervisor_renewed_fn(bool up, const char *why, void *ctx);
MUST_CHECK int supervisor_renew(struct supervisor *, const struct supervisor_conf *,
				supervisor_renewed_fn *done, void *ctx);
/* False while another is on its way up, while those who leave hold the slots (on_room tells of a
 * change), and when it stops. */
bool supervisor_may_renew(const struct supervisor *, unsigned workers);
/* After a renewal: the generations before it drain.  yield: others accept where they do. */
void supervisor_retire(struct supervisor *, bool yield);
/* All drain, and others accept where they do. */
void supervisor_yield(struct supervisor *);
/* Workers of generations before the one in force that have not ended. */
unsigned supervisor_former(const struct supervisor *);

/* 0, or -1 with errno; ESRCH: nobody is there. */
MUST_CHECK int supervisor_signal(struct supervisor *, unsigned slot, int sig);

/* Gives every worker a descriptor of its own for fd's file: worker_ops.on_file. */
void supervisor_pass(struct supervisor *, int fd);

/* Sends a message to the worker in a slot.  0, or -1 with errno; EAGAIN when it does not read. */
MUST_CHECK int supervisor_tell(struct supervisor *, unsigned slot, struct span message);

struct scoreboard *supervisor_scoreboard(struct supervisor *);
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
};

struct supervisor_member {
	pid_t pid; /* 0: nobody */
	enum slot_state state;
	uint64_t born;	 /* clock_ms() */
	unsigned deaths; /* not asked for */
	unsigned generation;
	int replaces;	 /* the slot whose worker leaves when this one serves, -1: none */
	int last_status; /* wait(2) status of the one before, -1: none */
	int last_end;	 /* enum supervisor_end of it, -1: none */
};

/* How a worker came to its end. */
#define SUPERVISOR_ENDS(X)                          \
	X(END_DIED, "died")                         \
	X(END_DIED_STARTING, "died while starting") \
	X(END_LATE, "not ready in time")            \
	X(END_HUNG, "hung")                         \
	X(END_SANDBOX, "sandbox violation")         \
	X(END_ASKED, "asked to")
#define SUPERVISOR_ENUM(name, text) name,
enum supervisor_end { SUPERVISOR_ENDS(SUPERVISOR_ENUM) SUPERVISOR_END_COUNT };
#undef SUPERVISOR_ENUM

struct supervisor_death {
	uint64_t at;  /* clock_ms() */
	uint64_t age; /* ms that it lived */
	unsigned slot;
	pid_t pid;
	int status; /* wait(2) */
	bool served;
	enum supervisor_end end;
};

enum { SUPERVISOR_DEATHS = 32 }; /* that are remembered */

void supervisor_look(const struct supervisor *, struct supervisor_view *);
void supervisor_look_at(const struct supervisor *, unsigned slot, struct supervisor_member *);
/* The i-th last death, 0 the newest; NULL when there is none. */
const struct supervisor_death *supervisor_death(const struct supervisor *, unsigned i);
const char *supervisor_end_text(enum supervisor_end);
/* So many have ended that way since the start. */
uint64_t supervisor_ends(const struct supervisor *, enum supervisor_end);

/* A wait(2) status as text, "signal 9 KILL" or "code 1"; "-" for -1.  Returns out. */
enum { SUPERVISOR_EXIT = 32 };
const char *supervisor_exit_text(int status, char out[SUPERVISOR_EXIT]);

#endif
