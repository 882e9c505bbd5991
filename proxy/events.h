/* events.h - what happened to the pool, for its operator: the last ones, with time and reason.  The
 * master's. */
#ifndef POLICYPOOL_EVENTS_H
#define POLICYPOOL_EVENTS_H

#include <stdint.h>

#include "packet.h"

#define EVENT_KINDS(X)                                                                     \
	X(EVENT_JOINED, "joined")                                                          \
	X(EVENT_REPLACED, "replaced") /* a newer announcement took an older one's place */ \
	X(EVENT_LEFT, "left")                                                              \
	X(EVENT_LEASE_ENDED, "lease-ended")                                                \
	X(EVENT_RESTORED, "restored") /* all that the journal knows */                     \
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
	X(EVENT_JOURNAL, "journal") /* trouble with it, and its end */
#define EVENT_ENUM(name, text) name,
enum event_kind { EVENT_KINDS(EVENT_ENUM) EVENT_KIND_COUNT };
#undef EVENT_ENUM

enum { EVENTS_ROOM = 1000, EVENTS_WHY = 160 };

struct event_entry {
	uint64_t number; /* 1, 2, 3, ... since the start */
	uint64_t at;	 /* clock_wall_ms(): it is told alike whenever it is told */
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

/* The number of the last one; 0: there was none. */
uint64_t events_last(const struct events *);

/* The one of that number; NULL when it is forgotten, or has not happened. */
const struct event_entry *events_get(const struct events *, uint64_t number);

/* How many of a kind there were, the forgotten ones too. */
uint64_t events_count(const struct events *, enum event_kind);

const char *event_kind_text(enum event_kind);

#endif
