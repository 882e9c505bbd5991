/* waitlist.c - see waitlist.h. */
#include "waitlist.h"

#include <stddef.h>

void
waitlist_init(struct waitlist *l, uint64_t limit)
{
	l->limit = limit;
	TAILQ_INIT(&l->waits);
}

bool
waitlist_empty(const struct waitlist *l)
{
	return TAILQ_EMPTY(&l->waits);
}

/* The first that began later; NULL: none did. */
static struct wait *
first_after(const struct waitlist *l, uint64_t since)
{
	struct wait *w = TAILQ_LAST(&l->waits, waits);

	if (w == NULL || w->since <= since)
		return NULL;
	for (w = TAILQ_FIRST(&l->waits); w->since <= since; w = TAILQ_NEXT(w, link))
		;
	return w;
}

void
wait_begin(struct waitlist *l, struct wait *w, void *who, uint64_t since)
{
	struct wait *next;

	wait_end(l, w);
	next = first_after(l, since);
	w->who = who;
	w->since = since;
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, w, link);
	else
		TAILQ_INSERT_TAIL(&l->waits, w, link);
}

void
wait_end(struct waitlist *l, struct wait *w)
{
	if (w->who == NULL)
		return;
	TAILQ_REMOVE(&l->waits, w, link);
	w->who = NULL;
}

void *
waitlist_overdue(const struct waitlist *l, uint64_t now)
{
	const struct wait *w = TAILQ_FIRST(&l->waits);

	if (w == NULL || l->limit == 0 || now <= w->since || now - w->since <= l->limit)
		return NULL;
	return w->who;
}
