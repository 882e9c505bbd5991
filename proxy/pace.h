/* pace.h - how quickly a queue is served, and what that says of waiting in it.  Pure; times in ms
 * of clock_ms(). */
#ifndef POLICYPOOL_PACE_H
#define POLICYPOOL_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero to begin with. */
struct pace {
	bool known;
	uint64_t interval_us; /* from one served to the next, when known */
	uint64_t begun;	      /* of the window being measured */
	uint64_t measured;    /* when the last one ended */
	unsigned served;      /* in this window */
};

/* Somebody waits where nobody did. */
void pace_begin(struct pace *, uint64_t now);

/* One that waited has gone to a server. */
static inline void
pace_served(struct pace *p)
{
	p->served++;
}

/* From time to time while somebody waits. */
void pace_look(struct pace *, uint64_t now);

/* How long the next one waits with so many ahead of it; 0 where that isn't known. */
uint64_t pace_wait(const struct pace *, unsigned ahead);

#endif
