/* timeout_list.h - waits with a common limit, in the order in which they began: the first is the
 * first to be overdue, so a sweep looks at overdue ones alone.
 *
 * Beginning and ending cost a few words, no timer.  Times in ms of clock_ms(). */
#ifndef POLICYPOOL_TIMEOUT_LIST_H
#define POLICYPOOL_TIMEOUT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* Part of the object that waits; all zero: it does not. */
struct wait {
	void *owner; /* borrowed, while it waits */
	uint64_t since;
	struct timeout_list *in; /* the list that it is in, or was in last */
	TAILQ_ENTRY(wait) link;
};

struct timeout_list {
	uint64_t limit; /* 0: nobody is ever overdue */
	TAILQ_HEAD(waits, wait) waits;
};

void timeout_list_init(struct timeout_list *, uint64_t limit);
bool timeout_list_empty(const struct timeout_list *);

/* Begins, or begins anew.  since is now or, for an object that has waited before, earlier: that
 * goes through those that have waited longer. */
void wait_begin(struct timeout_list *, struct wait *, void *owner, uint64_t since);

/* No more; nothing happens where it did not wait. */
void wait_end(struct wait *);

/* The owner of the wait that is longest over the limit; NULL when none is.  It still
 * waits: wait_end(). */
void *timeout_list_overdue(const struct timeout_list *, uint64_t now);

/* Lists of different limits, one a limit. */
struct timeout_lists {
	size_t n, max;
	struct timeout_list list[];
};

/* With room for so many limits.  NULL on ENOMEM.  Release: free(). */
struct timeout_lists *timeout_lists_new(size_t max);
/* The list of that limit, which stays where it is. */
struct timeout_list *timeout_lists_of(struct timeout_lists *, uint64_t limit);
/* As timeout_list_overdue(), of all lists. */
void *timeout_lists_overdue(const struct timeout_lists *, uint64_t now);

#endif
