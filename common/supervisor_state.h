/* supervisor_state.h - what the files of the supervisor share: supervisor.c (the whole),
 * signals.c (what it is told), generation.c (who is wanted), checkup.c (who is not well), deaths.c
 * (who ended, and how). Internal to them. */
#ifndef POLICYPOOL_SUPERVISOR_STATE_H
#define POLICYPOOL_SUPERVISOR_STATE_H

#include "member.h"
#include "pulse.h"
#include "supervisor.h"

enum supervisor_phase { PHASE_STARTING, PHASE_RUNNING, PHASE_LEAVING, PHASE_STOPPING };
enum { SUPERVISOR_SIGNALS = 9 };

/* A new generation on its way up, beside the one in force. */
struct renewal {
	bool on;
	unsigned batch;	   /* workers that must be ready before it counts */
	unsigned failures; /* of workers to start */
	struct event *clock;
	struct supervisor_conf conf_before; /* in force again if it fails */
	unsigned target_before, generation_before;
	supervisor_renewed_fn *done;
	void *ctx;
};

struct supervisor {
	struct event_base *base;
	struct supervisor_conf conf;
	const struct supervisor_ops *ops;
	void *ctx;
	struct scoreboard *scoreboard;
	enum supervisor_phase phase;
	bool at_once, degraded;
	int status;
	unsigned target;		  /* workers wanted */
	unsigned generation, generations; /* that wanted workers are of; ever begun */
	uint64_t started;
	struct event *signal[SUPERVISOR_SIGNALS], *leave_clock, *watch;
	uint64_t looked, awake; /* ms: when the watch turned last; how long it has been turning */
	struct pulse pulse;
	struct renewal renewal;
	struct member_host host;
	struct member *member; /* conf.slots */
	struct supervisor_death death[SUPERVISOR_DEATHS];
	unsigned deaths; /* ever; death[deaths % SUPERVISOR_DEATHS] is the next */
	uint64_t ends[SUPERVISOR_END_COUNT]; /* how many of them which way */
};

/* ---- signals.c ---- */

/* 0, or -1 on ENOMEM; then, and in a worker, what there is of them is to be freed. */
int supervisor_signals_init(struct supervisor *);
void supervisor_signals_free(struct supervisor *);

/* ---- generation.c ---- */

unsigned supervisor_count(const struct supervisor *, enum slot_state);
/* Ready ones of the generation that is in force. */
unsigned supervisor_serving(const struct supervisor *);
void supervisor_want(struct supervisor *, struct member *);
void supervisor_unwant(struct member *);
/* Forks what is missing to the target, as far as slots are free. */
void supervisor_top_up(struct supervisor *);
bool supervisor_is_current(const struct supervisor *, const struct member *);
/* A worker says that it is ready: one before it leaves, or a generation is up. */
void supervisor_member_ready(struct supervisor *, struct member *);
/* A worker is to be tried again after a pause. */
void supervisor_member_failed(struct supervisor *, const struct member *);
/* One was reaped: is there to be another in its slot? */
void supervisor_member_ended(struct supervisor *, struct member *);
/* The supervisor stops: what was on its way up is given up. */
void supervisor_renewal_abort(struct supervisor *, const char *why);
int supervisor_renewal_init(struct supervisor *);

/* ---- checkup.c ---- */

/* An event's callback, every SUPERVISOR_WATCH_MS. */
enum { SUPERVISOR_WATCH_MS = 250 };
void supervisor_watch(evutil_socket_t, short, void *supervisor);
/* 10 % more or less, so that workers born together are not recycled together. */
uint64_t supervisor_draw_limit(uint64_t limit);

/* ---- deaths.c ---- */

void supervisor_remember(struct supervisor *, struct member *, int status, bool asked);
/* Workers that can't start: said, and tried again ever more rarely; the daemon goes on with the
 * others. */
void supervisor_judge_degraded(struct supervisor *);

#endif
