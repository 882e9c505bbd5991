/* handoff: the kinds of what workers tell, and what of it is believed. */
#include "handoff.h"

#include <criterion/criterion.h>

enum { NOW = 5000 };

static int
look(const struct handoff_incident *m, size_t n, struct handoff_incident *out)
{
	return handoff_read_incident(span_of((const char *)m, n), NOW, out);
}

Test(handoff, a_kind_is_known_or_none)
{
	const uint32_t kinds[] = {HANDOFF_REGISTRATION, HANDOFF_INCIDENT, HANDOFF_EXPLAIN,
				  HANDOFF_END, UINT32_MAX};

	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(handoff_kind_of(span_of((const char *)&kinds[i], 4)),
			     i < 3 ? (enum handoff_kind)kinds[i] : HANDOFF_NONE);
	cr_assert_eq(handoff_kind_of(span_of((const char *)kinds, 3)), HANDOFF_NONE);
	cr_assert_eq(handoff_kind_of(span_of(NULL, 0)), HANDOFF_NONE);
}

Test(handoff, an_incident_is_whole_and_never_in_the_future)
{
	struct handoff_incident m = {.kind = HANDOFF_INCIDENT, .at = NOW - 1}, got;

	cr_assert_eq(look(&m, sizeof m, &got), 0);
	cr_assert_eq(got.at, NOW - 1);
	cr_assert_eq(look(&m, sizeof m - 1, &got), -1);
	m.at = UINT64_MAX;
	cr_assert_eq(look(&m, sizeof m, &got), 0);
	cr_assert_eq(got.at, NOW);
	m.kind = HANDOFF_EXPLAIN;
	cr_assert_eq(look(&m, sizeof m, &got), -1);
}
