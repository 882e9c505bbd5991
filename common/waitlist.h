/* waitlist.h - who waits for something that has a limit, in the order in which they began: the
 * first is the first to be overdue, so a sweep looks at no more than those who are.
 *
 * Beginning and ending cost a few words, no timer.  Times in ms of clock_ms(). */
#ifndef POLICYPOOL_WAITLIST_H
#define POLICYPOOL_WAITLIST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Part of who waits; all zero: it does not. */
struct wait {
	void *who; /* borrowed, while it waits */
	uint64_t since;
	TAILQ_ENTRY(wait) link;
};

struct waitlist {
	uint64_t limit; /* 0: nobody is ever overdue */
	TAILQ_HEAD(waits, wait) waits;
};

void waitlist_init(struct waitlist *, uint64_t limit);
bool waitlist_empty(const struct waitlist *);

/* Begins, or begins anew.  since is now or, for who has waited before, earlier: that goes through
 * those who have waited longer. */
void wait_begin(struct waitlist *, struct wait *, void *who, uint64_t since);

/* No more; nothing happens where it did not wait. */
void wait_end(struct waitlist *, struct wait *);

/* Who has waited for longer than the limit, the longest first; NULL when nobody has.  It still
 * waits: wait_end(). */
void *waitlist_overdue(const struct waitlist *, uint64_t now);

#endif
