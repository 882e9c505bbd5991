/* slot.h - one worker's life as a table: state x event -> next state and what to do.  No syscall.
 */
#ifndef POLICYPOOL_SLOT_H
#define POLICYPOOL_SLOT_H

#define SLOT_STATES(X)                                                            \
	X(SLOT_VACANT, "vacant")     /* nobody, and nobody wanted */              \
	X(SLOT_STARTING, "starting") /* forked, has not said that it is ready */  \
	X(SLOT_READY, "ready")	     /* serving */                                \
	X(SLOT_DRAINING, "draining") /* asked to finish what it has and to end */ \
	X(SLOT_KILLED, "killed")     /* sent SIGKILL, not reaped yet */           \
	X(SLOT_COOLING, "cooling")   /* died; a successor is forked when the pause is over */

#define SLOT_EVENTS(X)                                                           \
	X(SLOT_WANTED, "wanted") /* the daemon wants a worker here */            \
	X(SLOT_SAID_READY, "said-ready")                                         \
	X(SLOT_UNWANTED, "unwanted")   /* the daemon wants none here any more */ \
	X(SLOT_EXITED, "exited")       /* reaped, or fork failed */              \
	X(SLOT_TIMED_OUT, "timed-out") /* the state's clock ran out */           \
	X(SLOT_KILL, "kill")	       /* at once */

#define SLOT_ACTIONS(X)                                                  \
	X(SLOT_NOTHING, "nothing")                                       \
	X(SLOT_FORK, "fork")	   /* fork; arm the start clock */       \
	X(SLOT_COUNT, "count")	   /* it counts as up; stop the clock */ \
	X(SLOT_ASK, "ask")	   /* SIGTERM; arm the stop clock */     \
	X(SLOT_SHOOT, "shoot")	   /* SIGKILL; stop the clock */         \
	X(SLOT_PAUSE, "pause")	   /* arm the back-off clock */          \
	X(SLOT_RELEASE, "release") /* stop the clock; the slot is free */

#define SLOT_ENUM(name, text) name,
enum slot_state { SLOT_STATES(SLOT_ENUM) SLOT_STATE_COUNT };
enum slot_event { SLOT_EVENTS(SLOT_ENUM) SLOT_EVENT_COUNT };
enum slot_action { SLOT_ACTIONS(SLOT_ENUM) SLOT_ACTION_COUNT };
#undef SLOT_ENUM

struct slot_step {
	enum slot_state next;
	enum slot_action action;
};

/* wanted: does the daemon still want a worker in this slot?  It decides between COOLING and VACANT
 * when a worker ends. */
struct slot_step slot_step(enum slot_state, enum slot_event, _Bool wanted);

const char *slot_state_text(enum slot_state);
const char *slot_event_text(enum slot_event);
const char *slot_action_text(enum slot_action);

#endif
