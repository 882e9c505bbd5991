/* slot: a worker's life, cell by cell, and what must hold whatever happens. */
#include "slot.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>

/* What is expected, apart from the table itself: state, event, wanted -> next, action. */
#define V SLOT_VACANT
#define S SLOT_STARTING
#define R SLOT_READY
#define D SLOT_DRAINING
#define K SLOT_KILLED
#define C SLOT_COOLING
static const struct {
	enum slot_state next[2]; /* unwanted, wanted */
	enum slot_action action[2];
} expected[SLOT_STATE_COUNT][SLOT_EVENT_COUNT] = {
	/*      WANTED                                SAID_READY                          UNWANTED
		EXITED                                TIMED_OUT                           KILL */
	[V] = {{{S, S}, {SLOT_FORK, SLOT_FORK}},
	       {{V, V}, {0}},
	       {{V, V}, {0}},
	       {{V, V}, {0}},
	       {{V, V}, {0}},
	       {{V, V}, {0}}},
	[S] = {{{S, S}, {0}},
	       {{R, R}, {SLOT_COUNT, SLOT_COUNT}},
	       {{D, D}, {SLOT_ASK, SLOT_ASK}},
	       {{V, C}, {SLOT_RELEASE, SLOT_PAUSE}},
	       {{K, K}, {SLOT_SHOOT, SLOT_SHOOT}},
	       {{K, K}, {SLOT_SHOOT, SLOT_SHOOT}}},
	[R] = {{{R, R}, {0}},
	       {{R, R}, {0}},
	       {{D, D}, {SLOT_ASK, SLOT_ASK}},
	       {{V, C}, {SLOT_RELEASE, SLOT_PAUSE}},
	       {{D, D}, {SLOT_ASK, SLOT_ASK}},
	       {{K, K}, {SLOT_SHOOT, SLOT_SHOOT}}},
	[D] = {{{D, D}, {0}},
	       {{D, D}, {0}},
	       {{D, D}, {0}},
	       {{V, S}, {SLOT_RELEASE, SLOT_FORK}},
	       {{K, K}, {SLOT_SHOOT, SLOT_SHOOT}},
	       {{K, K}, {SLOT_SHOOT, SLOT_SHOOT}}},
	[K] = {{{K, K}, {0}},
	       {{K, K}, {0}},
	       {{K, K}, {0}},
	       {{V, C}, {SLOT_RELEASE, SLOT_PAUSE}},
	       {{K, K}, {SLOT_SHOOT, SLOT_SHOOT}},
	       {{K, K}, {0}}},
	[C] = {{{C, C}, {0}},
	       {{C, C}, {0}},
	       {{V, V}, {SLOT_RELEASE, SLOT_RELEASE}},
	       {{C, C}, {0}},
	       {{S, S}, {SLOT_FORK, SLOT_FORK}},
	       {{V, V}, {SLOT_RELEASE, SLOT_RELEASE}}},
};

Test(slot, every_cell_is_as_written_here)
{
	for (int s = 0; s < SLOT_STATE_COUNT; s++)
		for (int e = 0; e < SLOT_EVENT_COUNT; e++)
			for (int w = 0; w < 2; w++) {
				struct slot_step step = slot_step((enum slot_state)s,
								  (enum slot_event)e, w);
				cr_expect_eq(step.next, expected[s][e].next[w],
					     "%s + %s, wanted %d -> %s",
					     slot_state_text((enum slot_state)s),
					     slot_event_text((enum slot_event)e), w,
					     slot_state_text(step.next));
				cr_expect_eq(step.action, expected[s][e].action[w],
					     "%s + %s, wanted %d: %s",
					     slot_state_text((enum slot_state)s),
					     slot_event_text((enum slot_event)e), w,
					     slot_action_text(step.action));
			}
}

static bool
has_process(enum slot_state s)
{
	return s == SLOT_STARTING || s == SLOT_READY || s == SLOT_DRAINING || s == SLOT_KILLED;
}

/* An event that can really happen: processes exit only where there is one. */
static enum slot_event
possible(enum slot_state s, unsigned random)
{
	enum slot_event e = (enum slot_event)(random % SLOT_EVENT_COUNT);

	return e == SLOT_EXITED && !has_process(s) ? SLOT_WANTED : e;
}

Test(slot, whatever_happens_processes_are_forked_and_signalled_where_they_can_be)
{
	enum slot_state s = SLOT_VACANT;
	unsigned seed = 20260301;

	for (int i = 0; i < 200000; i++) {
		enum slot_event e = possible(s, (unsigned)rand_r(&seed));
		bool alive = has_process(s) && e != SLOT_EXITED;
		struct slot_step step = slot_step(s, e, rand_r(&seed) & 1);
		if (step.action == SLOT_FORK)
			cr_assert(!alive && step.next == SLOT_STARTING, "forked over a living one");
		if (step.action == SLOT_ASK || step.action == SLOT_SHOOT)
			cr_assert(alive, "nobody to signal");
		if (step.action == SLOT_ASK)
			cr_assert_neq(s, SLOT_KILLED);
		cr_assert_eq(has_process(step.next), alive || step.action == SLOT_FORK);
		s = step.next;
	}
}

Test(slot, an_unwanted_one_is_empty_after_its_end_at_the_latest)
{
	for (int s = 0; s < SLOT_STATE_COUNT; s++) {
		struct slot_step step = slot_step((enum slot_state)s, SLOT_UNWANTED, false);
		if (has_process(step.next))
			step = slot_step(step.next, SLOT_EXITED, false);
		cr_assert_eq(step.next, SLOT_VACANT, "from %s",
			     slot_state_text((enum slot_state)s));
	}
}
