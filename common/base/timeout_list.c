/* timeout_list.c - see timeout_list.h. */
#include "timeout_list.h"

#include <assert.h>
#include <stdlib.h>

void
timeout_list_init(struct timeout_list *l, uint64_t limit)
{
	l->limit = limit;
	TAILQ_INIT(&l->waits);
}

bool
timeout_list_empty(const struct timeout_list *l)
{
	return TAILQ_EMPTY(&l->waits);
}

/* The first that began later; NULL: none did. */
static struct wait *
first_after(const struct timeout_list *l, uint64_t since)
{
	struct wait *w = TAILQ_LAST(&l->waits, waits);

	if (w == NULL || w->since <= since)
		return NULL;
	for (w = TAILQ_FIRST(&l->waits); w->since <= since; w = TAILQ_NEXT(w, link))
		;
	return w;
}

void
wait_begin(struct timeout_list *l, struct wait *w, void *owner, uint64_t since)
{
	struct wait *next;

	wait_end(w);
	next = first_after(l, since);
	w->owner = owner;
	w->since = since;
	w->in = l;
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, w, link);
	else
		TAILQ_INSERT_TAIL(&l->waits, w, link);
}

void
wait_end(struct wait *w)
{
	if (w->owner == NULL)
		return;
	TAILQ_REMOVE(&w->in->waits, w, link);
	w->owner = NULL;
}

void *
timeout_list_overdue(const struct timeout_list *l, uint64_t now)
{
	const struct wait *w = TAILQ_FIRST(&l->waits);

	if (w == NULL || l->limit == 0 || now <= w->since || now - w->since <= l->limit)
		return NULL;
	return w->owner;
}

struct timeout_lists *
timeout_lists_new(size_t max)
{
	struct timeout_lists *ls = calloc(1, sizeof *ls + max * sizeof *ls->list);

	if (ls != NULL)
		ls->max = max;
	return ls;
}

struct timeout_list *
timeout_lists_of(struct timeout_lists *ls, uint64_t limit)
{
	for (size_t i = 0; i < ls->n; i++)
		if (ls->list[i].limit == limit)
			return &ls->list[i];
	assert(ls->n < ls->max);
	timeout_list_init(&ls->list[ls->n], limit);
	return &ls->list[ls->n++];
}

void *
timeout_lists_overdue(const struct timeout_lists *ls, uint64_t now)
{
	void *owner = NULL;

	for (size_t i = 0; i < ls->n && owner == NULL; i++)
		owner = timeout_list_overdue(&ls->list[i], now);
	return owner;
}
