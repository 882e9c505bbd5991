/* member.h - one slot of a supervisor: its worker's process, channel and clock.  What becomes of it
 * is slot.h's to say; this carries it out.  For supervisor.c. */
#ifndef POLICYPOOL_MEMBER_H
#define POLICYPOOL_MEMBER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attr.h"
#include "backoff.h"
#include "channel.h"
#include "slot.h"
#include "span.h"

struct member;

/* What a member needs of its supervisor; borrowed for its life. */
struct member_host {
	struct event_base *base;
	uint64_t start_timeout;				       /* ms a starting worker has */
	uint32_t pause_min, pause_max;			       /* ms, back-off */
	uint64_t (*stop_ms)(const struct member *, void *ctx); /* what an asked one has left */
	/* In the child: runs the worker and does not return. */
	void (*be_worker)(struct member *, int channel, pid_t master, void *ctx);
	void (*on_message)(struct member *, struct span body, void *ctx);
	/* A step was taken; action is what has been done. */
	void (*on_step)(struct member *, enum slot_action, void *ctx);
	void *ctx;
	char space[CHANNEL_MAX + 1]; /* where messages are read to */
};

struct member {
	struct member_host *host;
	unsigned index;
	enum slot_state state;
	bool wanted;	    /* a successor follows when this one ends */
	bool was_ready;	    /* the present worker has served */
	bool hung;	    /* it was asked to end because its loop did not turn */
	uint64_t beat;	    /* the heartbeat that was seen last */
	uint64_t beat_seen; /* by the supervisor's time awake */
	pid_t pid;	    /* 0: nobody */
	int channel;	    /* the master's end, or -1 */
	struct event *readable, *clock;
	struct backoff pause;
	uint64_t born;		/* clock_ms() of the fork */
	uint64_t request_limit; /* drawn at the fork; 0: none */
	unsigned generation;	/* whose settings it was forked with */
	int replaces;		/* the slot whose worker leaves when this one is ready, -1: none */
	unsigned deaths;	/* of workers that were not asked to end */
	int last_status;	/* wait status of the one before, -1: none yet */
	int last_end;		/* enum supervisor_end of it, -1: none yet */
};

/* 0, or -1 on ENOMEM. */
MUST_CHECK int member_init(struct member *, unsigned index, struct member_host *);
void member_release(struct member *);

/* Feeds an event to the slot's table and does what it says. */
void member_happen(struct member *, enum slot_event);

/* Its process was reaped: reads what it had said, closes the channel.  Then set `wanted` and feed
 * SLOT_EXITED. */
void member_reaped(struct member *, int status);

/* In a forked child: closes and frees what belongs to the master. */
void member_after_fork(struct member *);

/* 0, or -1 with errno; ESRCH when nobody is there. */
MUST_CHECK int member_tell(struct member *, enum channel_tag, struct span body);
/* A message without a body, and a descriptor. */
MUST_CHECK int member_pass(struct member *, enum channel_tag, int fd);
MUST_CHECK int member_signal(const struct member *, int sig);

#endif
