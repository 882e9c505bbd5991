/* events.c - see events.h. */
#include "events.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* The n-th one that came to it stands at n % room. */
struct ring {
	uint64_t n;
	unsigned room;
	struct event_entry *entry;
};

struct events {
	uint64_t last;
	uint64_t count[EVENT_KIND_COUNT];
	struct ring pool, refusals;
	struct event_entry entry[EVENTS_ALL];
};

struct events *
events_new(void)
{
	struct events *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->pool = (struct ring){.room = EVENTS_ROOM, .entry = e->entry};
	e->refusals = (struct ring){.room = EVENTS_REFUSALS, .entry = e->entry + EVENTS_ROOM};
	return e;
}

void
events_free(struct events *e)
{
	free(e);
}

/* ---- a ring ---- */

static struct event_entry *
at(const struct ring *r, uint64_t n)
{
	return &r->entry[n % r->room];
}

static uint64_t
oldest(const struct ring *r)
{
	return r->n > r->room ? r->n - r->room : 0;
}

/* The first one with a number above that, by place; r->n: there is none. */
static uint64_t
find(const struct ring *r, uint64_t after)
{
	uint64_t from = oldest(r), to = r->n;

	while (from < to) {
		uint64_t middle = from + (to - from) / 2;
		if (at(r, middle)->number > after)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* ---- what happens ---- */

static void
copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from != NULL ? from : "");
}

static void
name(struct event_entry *x, const char *id, const char *policy)
{
	copy(x->id, sizeof x->id, id);
	copy(x->policy, sizeof x->policy, policy);
}

static void
add(struct events *e, struct ring *r, enum event_kind kind, const char *id, const char *policy,
    const char *why)
{
	struct event_entry *x = at(r, r->n++);

	x->number = ++e->last;
	x->at = x->last = clock_wall_ms();
	x->count = 1;
	x->kind = kind;
	name(x, id, policy);
	copy(x->why, sizeof x->why, why);
}

void
events_add(struct events *e, enum event_kind kind, const char *id, const char *policy,
	   const char *why)
{
	if (e == NULL)
		return;
	e->count[kind]++;
	add(e, &e->pool, kind, id, policy, why);
}

/* The last refusal of that address; NULL: none is remembered. */
static struct event_entry *
last_from(struct ring *r, const char *from)
{
	size_t n = strlen(from);

	for (uint64_t i = r->n; i > oldest(r); i--) {
		struct event_entry *x = at(r, i - 1);
		if (strncmp(x->why, from, n) == 0 && strncmp(x->why + n, ": ", 2) == 0)
			return x;
	}
	return NULL;
}

void
events_refused(struct events *e, const char *id, const char *policy, const char *from,
	       const char *why)
{
	uint64_t now = clock_wall_ms();
	struct event_entry *x;
	char text[EVENTS_WHY];

	if (e == NULL)
		return;
	e->count[EVENT_REFUSED]++;
	(void)snprintf(text, sizeof text, "%s: %s", from, why);
	x = last_from(&e->refusals, from);
	if (x == NULL || strcmp(x->why, text) != 0 || now > x->last + EVENTS_AGAIN) {
		add(e, &e->refusals, EVENT_REFUSED, id, policy, text);
		return;
	}
	x->count++;
	x->last = now;
	name(x, id, policy);
}

/* ---- looking ---- */

uint64_t
events_last(const struct events *e)
{
	return e->last;
}

uint64_t
events_before(const struct events *e, uint64_t n)
{
	uint64_t pool = e->pool.n, refusals = e->refusals.n;

	while (n > 0 && (pool > oldest(&e->pool) || refusals > oldest(&e->refusals))) {
		bool refusal = pool == oldest(&e->pool) || (refusals > oldest(&e->refusals) &&
							    at(&e->refusals, refusals - 1)->number >
								    at(&e->pool, pool - 1)->number);
		uint64_t number = refusal ? at(&e->refusals, --refusals)->number
					  : at(&e->pool, --pool)->number;
		if (--n == 0)
			return number - 1;
	}
	return n > 0 ? 0 : e->last;
}

const struct event_entry *
events_next(const struct events *e, uint64_t after)
{
	uint64_t i = find(&e->pool, after), k = find(&e->refusals, after);
	const struct event_entry *x = i < e->pool.n ? at(&e->pool, i) : NULL;
	const struct event_entry *y = k < e->refusals.n ? at(&e->refusals, k) : NULL;

	if (x == NULL || (y != NULL && y->number < x->number))
		return y;
	return x;
}

const struct event_entry *
events_get(const struct events *e, uint64_t number)
{
	const struct event_entry *x = number > 0 ? events_next(e, number - 1) : NULL;

	return x != NULL && x->number == number ? x : NULL;
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
