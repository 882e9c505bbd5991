/* slot.c - the table of a worker's life; see slot.h. */
#include "slot.h"

#include <assert.h>
#include <stddef.h>

/* Where a worker's end leads depends on whether another is wanted; these stand for both. */
enum { IF_WANTED_PAUSE = SLOT_STATE_COUNT, IF_WANTED_FORK };

static const struct {
	int next;
	enum slot_action action;
} table[SLOT_STATE_COUNT][SLOT_EVENT_COUNT] = {
	[SLOT_VACANT] =
		{
			[SLOT_WANTED] = {SLOT_STARTING, SLOT_FORK},
			[SLOT_SAID_READY] = {SLOT_VACANT, SLOT_NOTHING},
			[SLOT_UNWANTED] = {SLOT_VACANT, SLOT_NOTHING},
			[SLOT_EXITED] = {SLOT_VACANT, SLOT_NOTHING},
			[SLOT_TIMED_OUT] = {SLOT_VACANT, SLOT_NOTHING},
			[SLOT_KILL] = {SLOT_VACANT, SLOT_NOTHING},
		},
	[SLOT_STARTING] =
		{
			[SLOT_WANTED] = {SLOT_STARTING, SLOT_NOTHING},
			[SLOT_SAID_READY] = {SLOT_READY, SLOT_COUNT},
			[SLOT_UNWANTED] = {SLOT_DRAINING, SLOT_ASK},
			[SLOT_EXITED] = {IF_WANTED_PAUSE, SLOT_NOTHING},
			[SLOT_TIMED_OUT] = {SLOT_KILLED, SLOT_SHOOT},
			[SLOT_KILL] = {SLOT_KILLED, SLOT_SHOOT},
		},
	[SLOT_READY] =
		{
			[SLOT_WANTED] = {SLOT_READY, SLOT_NOTHING},
			[SLOT_SAID_READY] = {SLOT_READY, SLOT_NOTHING},
			[SLOT_UNWANTED] = {SLOT_DRAINING, SLOT_ASK},
			[SLOT_EXITED] = {IF_WANTED_PAUSE, SLOT_NOTHING},
			[SLOT_TIMED_OUT] = {SLOT_DRAINING, SLOT_ASK},
			[SLOT_KILL] = {SLOT_KILLED, SLOT_SHOOT},
		},
	[SLOT_DRAINING] =
		{
			[SLOT_WANTED] = {SLOT_DRAINING, SLOT_NOTHING},
			[SLOT_SAID_READY] = {SLOT_DRAINING, SLOT_NOTHING},
			[SLOT_UNWANTED] = {SLOT_DRAINING, SLOT_NOTHING},
			[SLOT_EXITED] = {IF_WANTED_FORK, SLOT_NOTHING},
			[SLOT_TIMED_OUT] = {SLOT_KILLED, SLOT_SHOOT},
			[SLOT_KILL] = {SLOT_KILLED, SLOT_SHOOT},
		},
	[SLOT_KILLED] =
		{
			[SLOT_WANTED] = {SLOT_KILLED, SLOT_NOTHING},
			[SLOT_SAID_READY] = {SLOT_KILLED, SLOT_NOTHING},
			[SLOT_UNWANTED] = {SLOT_KILLED, SLOT_NOTHING},
			[SLOT_EXITED] = {IF_WANTED_PAUSE, SLOT_NOTHING},
			[SLOT_TIMED_OUT] = {SLOT_KILLED, SLOT_SHOOT},
			[SLOT_KILL] = {SLOT_KILLED, SLOT_NOTHING},
		},
	[SLOT_COOLING] =
		{
			[SLOT_WANTED] = {SLOT_COOLING, SLOT_NOTHING},
			[SLOT_SAID_READY] = {SLOT_COOLING, SLOT_NOTHING},
			[SLOT_UNWANTED] = {SLOT_VACANT, SLOT_RELEASE},
			[SLOT_EXITED] = {SLOT_COOLING, SLOT_NOTHING},
			[SLOT_TIMED_OUT] = {SLOT_STARTING, SLOT_FORK},
			[SLOT_KILL] = {SLOT_VACANT, SLOT_RELEASE},
		},
};

struct slot_step
slot_step(enum slot_state state, enum slot_event event, _Bool wanted)
{
	assert(state < SLOT_STATE_COUNT && event < SLOT_EVENT_COUNT);
	int next = table[state][event].next;

	if (next < SLOT_STATE_COUNT)
		return (struct slot_step){(enum slot_state)next, table[state][event].action};
	if (!wanted)
		return (struct slot_step){SLOT_VACANT, SLOT_RELEASE};
	if (next == IF_WANTED_FORK)
		return (struct slot_step){SLOT_STARTING, SLOT_FORK};
	return (struct slot_step){SLOT_COOLING, SLOT_PAUSE};
}

#define SLOT_TEXT(name, text) text,

const char *
slot_state_text(enum slot_state s)
{
	static const char *const text[] = {SLOT_STATES(SLOT_TEXT)};

	return text[s];
}

const char *
slot_event_text(enum slot_event e)
{
	static const char *const text[] = {SLOT_EVENTS(SLOT_TEXT)};

	return text[e];
}

const char *
slot_action_text(enum slot_action a)
{
	static const char *const text[] = {SLOT_ACTIONS(SLOT_TEXT)};

	return text[a];
}
