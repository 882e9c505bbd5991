/* events.c - see events.h. */
#include "events.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

struct events {
	uint64_t last;
	uint64_t count[EVENT_KIND_COUNT];
	struct event_entry ring[EVENTS_ROOM]; /* number n stands at n % EVENTS_ROOM */
};

struct events *
events_new(void)
{
	return calloc(1, sizeof(struct events));
}

void
events_free(struct events *e)
{
	free(e);
}

static void
copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from != NULL ? from : "");
}

void
events_add(struct events *e, enum event_kind kind, const char *id, const char *policy,
	   const char *why)
{
	struct event_entry *x;

	if (e == NULL)
		return;
	x = &e->ring[++e->last % EVENTS_ROOM];
	e->count[kind]++;
	x->number = e->last;
	x->at = clock_wall_ms();
	x->kind = kind;
	copy(x->id, sizeof x->id, id);
	copy(x->policy, sizeof x->policy, policy);
	copy(x->why, sizeof x->why, why);
}

uint64_t
events_last(const struct events *e)
{
	return e->last;
}

const struct event_entry *
events_get(const struct events *e, uint64_t number)
{
	const struct event_entry *x = &e->ring[number % EVENTS_ROOM];

	return number > 0 && x->number == number ? x : NULL;
}

uint64_t
events_count(const struct events *e, enum event_kind kind)
{
	return e->count[kind];
}

#define KIND_TEXT(name, text) text,
static const char *const kind_text[] = {EVENT_KINDS(KIND_TEXT)};

const char *
event_kind_text(enum event_kind kind)
{
	return kind < EVENT_KIND_COUNT ? kind_text[kind] : "?";
}
