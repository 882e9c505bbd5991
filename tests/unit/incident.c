/* incident: what an end of a connection says. */
#include "incident.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(incident, every_cause_has_a_text_of_its_own)
{
	for (int i = 0; i < INCIDENT_CAUSE_COUNT; i++) {
		cr_assert_not_null(incident_text((enum incident_cause)i));
		for (int k = 0; k < i; k++)
			cr_assert_str_neq(incident_text((enum incident_cause)i),
					  incident_text((enum incident_cause)k));
	}
}

Test(incident, before_it_is_connected_it_is_local)
{
	cr_assert_eq(incident_of_errno(ECONNREFUSED, false), CAUSE_REFUSED);
	cr_assert_eq(incident_of_errno(ETIMEDOUT, false), CAUSE_CONNECT_TIMEOUT);
	cr_assert_eq(incident_of_errno(ENETUNREACH, false), CAUSE_UNREACHABLE);
	cr_assert_eq(incident_of_errno(EPROTO, false), CAUSE_TLS);
	cr_assert_eq(incident_of_errno(EPROTO, true), CAUSE_TLS);
	cr_assert_eq(incident_of_errno(ETIME, false), CAUSE_TLS);
	cr_assert_eq(incident_kind(CAUSE_REFUSED), INCIDENT_LOCAL);
	cr_assert_eq(incident_kind(CAUSE_CONNECT_TIMEOUT), INCIDENT_LOCAL);
	cr_assert_eq(incident_kind(CAUSE_UNREACHABLE), INCIDENT_LOCAL);
}

Test(incident, once_connected_it_is_the_servers)
{
	cr_assert_eq(incident_of_errno(ECONNRESET, true), CAUSE_RESET);
	cr_assert_eq(incident_of_errno(EPIPE, true), CAUSE_RESET);
	cr_assert_eq(incident_of_errno(0, true), CAUSE_CLOSED);
	cr_assert_eq(incident_kind(CAUSE_RESET), INCIDENT_REMOTE);
	cr_assert_eq(incident_kind(CAUSE_WRONG_DIGEST), INCIDENT_LIE);
}
