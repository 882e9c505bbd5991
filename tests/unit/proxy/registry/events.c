/* events: the last ones are remembered, in their order. */
#include "events.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(events, are_numbered_and_tell_what_happened)
{
	struct events *e = events_new();
	const struct event_entry *x;

	cr_assert_not_null(e);
	cr_assert_eq(events_last(e), 0);
	cr_assert_null(events_get(e, 0));
	cr_assert_null(events_get(e, 1));
	events_add(e, EVENT_EJECTED, "100", "111", "refused thrice");
	events_add(e, EVENT_RELOADED, NULL, NULL, NULL);
	cr_assert_eq(events_last(e), 2);
	x = events_get(e, 1);
	cr_assert_str_eq(x->id, "100");
	cr_assert_str_eq(x->policy, "111");
	cr_assert_str_eq(x->why, "refused thrice");
	cr_assert_str_eq(event_kind_text(x->kind), "ejected");
	cr_assert_str_eq(events_get(e, 2)->id, "");
	cr_assert_leq(x->at, events_get(e, 2)->at);
	events_free(e);
	events_add(NULL, EVENT_JOINED, "1", "1", "nobody remembers");
}

Test(events, the_oldest_is_forgotten_first)
{
	struct events *e = events_new();
	char id[16];

	for (int i = 1; i <= EVENTS_ROOM + 3; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		events_add(e, EVENT_JOINED, id, "p", NULL);
	}
	cr_assert_eq(events_count(e, EVENT_JOINED), EVENTS_ROOM + 3);
	cr_assert_eq(events_count(e, EVENT_LEFT), 0);
	cr_assert_null(events_get(e, 3));
	cr_assert_str_eq(events_get(e, 4)->id, "4");
	cr_assert_str_eq(events_get(e, EVENTS_ROOM + 3)->id, "1003");
	cr_assert_null(events_get(e, EVENTS_ROOM + 4));
	events_free(e);
}

Test(events, a_text_that_is_too_long_is_cut)
{
	struct events *e = events_new();
	char text[500];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	events_add(e, EVENT_JOURNAL, text, text, text);
	cr_assert_eq(strlen(events_get(e, 1)->id), PACKET_ID_MAX);
	cr_assert_eq(strlen(events_get(e, 1)->why), EVENTS_WHY - 1);
	events_free(e);
}

/* ---- refusals ---- */

Test(events, the_same_refusal_again_is_counted)
{
	struct events *e = events_new();

	events_refused(e, "1", "p", "192.0.2.1", "no");
	events_refused(e, "1", "p", "192.0.2.10", "no");
	events_refused(e, "2", "q", "192.0.2.1", "no");
	cr_assert_eq(events_last(e), 2);
	cr_assert_eq(events_get(e, 1)->count, 2);
	cr_assert_str_eq(events_get(e, 1)->id, "2");
	cr_assert_str_eq(events_get(e, 1)->policy, "q");
	cr_assert_str_eq(events_get(e, 1)->why, "192.0.2.1: no");
	events_refused(e, "2", "q", "192.0.2.1", "never");
	events_refused(e, "2", "q", "192.0.2.1", "no");
	cr_assert_eq(events_last(e), 4);
	cr_assert_eq(events_get(e, 4)->count, 1);
	cr_assert_eq(events_count(e, EVENT_REFUSED), 5);
	events_free(e);
	events_refused(NULL, "1", "1", "192.0.2.1", "nobody remembers");
}

Test(events, refusals_take_no_room_of_others)
{
	struct events *e = events_new();
	const struct event_entry *x;
	uint64_t after = 0;
	unsigned n = 0;
	char from[16];

	for (int i = 0; i < EVENTS_ROOM; i++)
		events_add(e, EVENT_JOINED, "1", "p", NULL);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(from, sizeof from, "%d", i);
		events_refused(e, "9", "p", from, "no");
	}
	events_add(e, EVENT_LEFT, "1", "p", NULL);
	for (; (x = events_next(e, after)) != NULL; after = x->number, n++)
		cr_assert_gt(x->number, after);
	cr_assert_eq(n, EVENTS_ALL);
	cr_assert_eq(after, events_last(e));
	cr_assert_eq(events_next(e, 0)->number, 2, "the oldest gave way to the last one alone");
	events_free(e);
}

Test(events, the_last_ones_are_found_by_their_number)
{
	struct events *e = events_new();

	cr_assert_eq(events_before(e, 5), 0);
	events_add(e, EVENT_JOINED, "1", "p", NULL);
	for (int i = 0; i < EVENTS_REFUSALS + 10; i++)
		events_refused(e, "9", "p", i % 2 == 0 ? "a" : "b", i % 4 < 2 ? "no" : "never");
	events_add(e, EVENT_LEFT, "1", "p", NULL);
	cr_assert_eq(events_before(e, 0), events_last(e));
	cr_assert_eq(events_before(e, 1), events_last(e) - 1);
	cr_assert_eq(events_before(e, EVENTS_REFUSALS + 1), events_last(e) - EVENTS_REFUSALS - 1);
	cr_assert_eq(events_before(e, EVENTS_REFUSALS + 2), 0);
	cr_assert_eq(events_before(e, EVENTS_ALL), 0);
	events_free(e);
}
