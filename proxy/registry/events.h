/* events.h - the last events of the pool, with time and reason.  The master's. */
#ifndef POLICYPOOL_EVENTS_H
#define POLICYPOOL_EVENTS_H

#include <stdint.h>

#include "packet.h"

#define EVENT_KINDS(X)                                                                     \
	X(EVENT_JOINED, "joined")                                                          \
	X(EVENT_REPLACED, "replaced") /* a newer announcement took an older one's place */ \
	X(EVENT_REFUSED, "refused")   /* an announcement was not accepted */               \
	X(EVENT_LEFT, "left")                                                              \
	X(EVENT_LEASE_ENDED, "lease-ended")                                                \
	X(EVENT_FORGOTTEN, "forgotten") /* it has no lease, and was dead for too long */   \
	X(EVENT_RESTORED, "restored")	/* all that the journal knows */                   \
	X(EVENT_EJECTED, "ejected")                                                        \
	X(EVENT_KEPT, "kept")	/* it would be ejected, but too many are */                \
	X(EVENT_PANIC, "panic") /* all of a policy look bad: nobody's health counts */     \
	X(EVENT_CALM, "calm")	/* it counts again */                                      \
	X(EVENT_RETURNED, "returned")                                                      \
	X(EVENT_DRAINING, "draining") /* orders of an operator, this one and the next */   \
	X(EVENT_ENABLED, "enabled")                                                        \
	X(EVENT_DISABLED, "disabled")                                                      \
	X(EVENT_REMOVED, "removed")                                                        \
	X(EVENT_RELOADED, "reloaded")                                                      \
	X(EVENT_UPGRADED, "upgraded")                                                      \
	X(EVENT_JOURNAL, "journal") /* trouble with it, and its end */                     \
	X(EVENT_LEARNED, "learned") /* another proxy tells of a server, see the store */   \
	X(EVENT_FADING, "fading")   /* none does any more */                               \
	X(EVENT_FADED, "faded")	    /* nor did it answer, or that was for too long */      \
	X(EVENT_STORE, "store")	    /* trouble with it, and its end */
#define EVENT_ENUM(name, text) name,
enum event_kind { EVENT_KINDS(EVENT_ENUM) EVENT_KIND_COUNT };
#undef EVENT_ENUM

/* Refusals, which anybody can cause, have room of their own. */
enum { EVENTS_ROOM = 1000, EVENTS_REFUSALS = 64, EVENTS_ALL = EVENTS_ROOM + EVENTS_REFUSALS };
enum { EVENTS_WHY = 256, EVENTS_AGAIN = 600000 /* ms, see events_refused() */ };

struct event_entry {
	uint64_t number; /* 1, 2, 3, ... since the start */
	uint64_t at;	 /* clock_wall_ms(): it is told alike whenever it is told */
	uint64_t last;	 /* the same, of the last one that was counted here */
	uint64_t count;	 /* how often it happened: 1, but for refusals */
	enum event_kind kind;
	char id[PACKET_ID_MAX + 1];	/* the server's; empty: none is meant */
	char policy[PACKET_ID_MAX + 1]; /* the same */
	char why[EVENTS_WHY];
};

struct events;

/* NULL on ENOMEM. */
struct events *events_new(void);
void events_free(struct events *);

/* Remembers one; the oldest is forgotten where there is no room.  Any text may be NULL, and so may
 * events: nobody remembers then. */
void events_add(struct events *, enum event_kind, const char *id, const char *policy,
		const char *why);

/* An announcement from that address (without its port) was refused.  The same reason again, within
 * EVENTS_AGAIN of the last time and without another one of that address between, is counted where
 * it stands, with the id and policy that it has now. */
void events_refused(struct events *, const char *id, const char *policy, const char *from,
		    const char *why);

/* The number of the last one; 0: there was none. */
uint64_t events_last(const struct events *);

/* The number after which the last n stand that are remembered. */
uint64_t events_before(const struct events *, uint64_t n);

/* The first one that is remembered after that number; NULL: there is none. */
const struct event_entry *events_next(const struct events *, uint64_t after);

/* The one of that number; NULL when it is forgotten, or has not happened. */
const struct event_entry *events_get(const struct events *, uint64_t number);

/* How many of a kind there were, the forgotten ones too, and each refusal. */
uint64_t events_count(const struct events *, enum event_kind);

const char *event_kind_text(enum event_kind);

#endif
