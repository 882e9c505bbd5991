/* child_set.h - the slots of a supervisor together: how many workers are wanted, of which
 * generation, and one in another's place.
 *
 * Its functions drive children, and are driven by their events; what is told of that is the
 * supervisor's business.  Workers of a generation were forked with the same settings.  A renewal
 * brings up a new generation beside the one in force, which then leaves; if it does not come up,
 * the one in force stays. */
#ifndef POLICYPOOL_CHILD_SET_H
#define POLICYPOOL_CHILD_SET_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "child.h"
#include "compiler.h"
#include "exit_history.h"
#include "slot.h"
#include "supervisor.h"

enum child_set_phase { PHASE_STARTING, PHASE_RUNNING, PHASE_LEAVING, PHASE_STOPPING };

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

struct child_set {
	struct child_host *host;
	struct child *child;
	unsigned slots;
	struct supervisor_conf conf; /* its number of slots is not looked at */
	enum child_set_phase phase;  /* the supervisor sets it; LEAVING and after none is started */
	unsigned target;	     /* workers wanted */
	unsigned generation, generations; /* that wanted workers are of; ever begun */
	struct renewal renewal;
	struct exit_history exits;
};

/* conf is copied, host borrowed.  0, or -1 on ENOMEM; then too it is to be released. */
MUST_CHECK int child_set_init(struct child_set *, const struct supervisor_conf *,
			      struct child_host *host);
/* In a forked worker too: what belongs to the master, but for the array. */
void child_set_release(struct child_set *);

/* ---- counting ---- */

unsigned child_set_count(const struct child_set *, enum slot_state);
/* Ready ones of the generation that is in force. */
unsigned child_set_serving(const struct child_set *);
/* Workers of generations before it that have not ended. */
unsigned child_set_former(const struct child_set *);
/* Workers that there can be: one slot stays free for a successor. */
unsigned child_set_most(const struct child_set *);
/* NULL: none has that pid. */
struct child *child_set_find(struct child_set *, pid_t);
/* ms that this one may wait for its next try, at most: where none serves, one of them is tried
 * again soon, however often it has failed. */
uint32_t child_set_longest_pause(const struct child_set *, const struct child *);

/* ---- which workers are wanted ---- */

/* Forks what is missing to the target, as far as slots are free. */
void child_set_top_up(struct child_set *);
/* As those of the supervisor's. */
MUST_CHECK int child_set_scale(struct child_set *, unsigned workers);
MUST_CHECK int child_set_recycle(struct child_set *, unsigned slot);
bool child_set_may_renew(const struct child_set *, unsigned workers);
MUST_CHECK int child_set_renew(struct child_set *, const struct supervisor_conf *,
			       supervisor_renewed_fn *done, void *ctx);
void child_set_abort_renewal(struct child_set *, const char *why);
/* The generations before the one in force drain. */
void child_set_retire(struct child_set *, bool yield);

/* ---- what befalls one ---- */

/* It is ready: one before it leaves, or a generation is up. */
void child_set_ready(struct child_set *, struct child *);
/* It is to be tried again after a pause. */
void child_set_failed(struct child_set *, const struct child *);
/* It was reaped: is there to be another in its slot?  Feeds it SLOT_EXITED. */
void child_set_ended(struct child_set *, struct child *);

/* ---- all of them ---- */

/* They drain, and nobody follows them. */
void child_set_stop(struct child_set *);
void child_set_kill(struct child_set *);
/* A descriptor for each. */
void child_set_pass(struct child_set *, enum channel_tag, int fd);
/* Others accept where they do. */
void child_set_yield(struct child_set *);
/* Is it degraded, and not any more?  Which is logged. */
void child_set_watch_degraded(struct child_set *);

#endif
