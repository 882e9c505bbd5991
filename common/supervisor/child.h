/* child.h - one slot of a supervisor: its worker's process, channel and clock.  What becomes of it
 * is slot.h's to say; this carries it out.  For supervisor.c. */
#ifndef POLICYPOOL_CHILD_H
#define POLICYPOOL_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backoff.h"
#include "channel.h"
#include "channel_queue.h"
#include "compiler.h"
#include "exit_history.h"
#include "slot.h"
#include "span.h"

struct child;

enum { CHILD_AT_ONCE_MS = 500 };

/* What a child needs of its supervisor; borrowed for its life. */
struct child_host {
	struct event_base *base;
	uint64_t start_timeout;	       /* ms a starting worker has */
	uint64_t stop_timeout;	       /* ms one that was asked to end has ... */
	bool at_once;		       /* ... or CHILD_AT_ONCE_MS */
	uint32_t pause_min, pause_max; /* ms, back-off */
	/* In the master. */
	void (*before_fork)(struct child *, void *ctx);
	/* The longest that this one may wait for its next try. */
	uint32_t (*pause_ms)(const struct child *, void *ctx);
	/* It was reaped, or could not be forked; SLOT_EXITED follows. */
	void (*on_end)(const struct exit_record *, void *ctx);
	/* In the child: runs the worker and does not return. */
	void (*be_worker)(struct child *, int channel, pid_t master, void *ctx);
	void (*on_message)(struct child *, struct span body, void *ctx);
	/* A step was taken; action is what has been done. */
	void (*on_step)(struct child *, enum slot_action, void *ctx);
	void *ctx;
	char space[CHANNEL_MAX + 1]; /* where messages are read to */
};

struct child {
	struct child_host *host;
	unsigned index;
	enum slot_state state;
	bool wanted;	    /* a successor follows when this one ends */
	bool was_ready;	    /* the present worker has served */
	bool by_others;	    /* killed from outside before it was ready */
	bool hung;	    /* it was asked to end because its loop did not turn */
	uint64_t beat;	    /* the heartbeat that was seen last */
	uint64_t beat_seen; /* by the watchdog's time awake */
	pid_t pid;	    /* 0: nobody */
	int channel;	    /* the master's end, or -1 */
	struct channel_queue *outbox;
	struct event *readable, *clock;
	struct backoff pause;
	uint64_t due;		/* clock_ms() of the next try, while it waits for that */
	unsigned failures;	/* starts in a row that came to nothing by themselves */
	unsigned killed;	/* and that others killed */
	uint64_t born;		/* clock_ms() of the fork */
	uint64_t request_limit; /* drawn at the fork; 0: none */
	unsigned generation;	/* of the settings that it was forked with */
	int replaces;	 /* the slot of the worker that leaves when this one is ready, -1: none */
	unsigned deaths; /* of workers that were not asked to end */
	int last_status; /* wait status of the one before, -1: none yet */
	int last_cause;	 /* enum exit_cause of it, -1: none yet */
};

/* 0, or -1 on ENOMEM. */
MUST_CHECK int child_init(struct child *, unsigned index, struct child_host *);
/* In a forked worker too: closes and frees what belongs to the master. */
void child_release(struct child *);

/* Feeds an event to the slot's table and does what it says. */
void child_happen(struct child *, enum slot_event);

/* Its process was reaped: tells how it ended, reads what it had said, closes the channel.  Then set
 * `wanted` and feed SLOT_EXITED. */
void child_reaped(struct child *, int status);

/* fd: a descriptor along with it, or -1.  0, or -1 with errno; ESRCH when nobody is there, or as
 * channel_queue_send(). */
MUST_CHECK int child_send(struct child *, enum channel_tag, struct span body, int fd);

#endif
