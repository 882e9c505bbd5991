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
