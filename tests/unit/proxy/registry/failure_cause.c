/* failure_cause: what an end of a connection says. */
#include "failure_cause.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(incident, every_cause_has_a_text_of_its_own)
{
	for (int i = 0; i < FAILURE_CAUSE_COUNT; i++) {
		cr_assert_not_null(failure_text((enum failure_cause)i));
		for (int k = 0; k < i; k++)
			cr_assert_str_neq(failure_text((enum failure_cause)i),
					  failure_text((enum failure_cause)k));
	}
}

Test(incident, before_it_is_connected_it_is_local)
{
	cr_assert_eq(failure_of_errno(ECONNREFUSED, false), CAUSE_REFUSED);
	cr_assert_eq(failure_of_errno(ETIMEDOUT, false), CAUSE_CONNECT_TIMEOUT);
	cr_assert_eq(failure_of_errno(ENETUNREACH, false), CAUSE_UNREACHABLE);
	cr_assert_eq(failure_of_errno(EPROTO, false), CAUSE_TLS);
	cr_assert_eq(failure_of_errno(EPROTO, true), CAUSE_TLS);
	cr_assert_eq(failure_of_errno(ETIME, false), CAUSE_TLS);
	cr_assert_eq(failure_kind(CAUSE_REFUSED), FAILURE_LOCAL);
	cr_assert_eq(failure_kind(CAUSE_CONNECT_TIMEOUT), FAILURE_LOCAL);
	cr_assert_eq(failure_kind(CAUSE_UNREACHABLE), FAILURE_LOCAL);
}

Test(incident, once_connected_it_is_the_servers)
{
	cr_assert_eq(failure_of_errno(ECONNRESET, true), CAUSE_RESET);
	cr_assert_eq(failure_of_errno(EPIPE, true), CAUSE_RESET);
	cr_assert_eq(failure_of_errno(0, true), CAUSE_CLOSED);
	cr_assert_eq(failure_kind(CAUSE_RESET), FAILURE_REMOTE);
	cr_assert_eq(failure_kind(CAUSE_WRONG_DIGEST), FAILURE_LIE);
}

Test(incident, what_the_proxy_lacks_itself_says_nothing_of_a_server)
{
	static const int own[] = {EMFILE, ENFILE, EADDRNOTAVAIL, EAGAIN, ENOBUFS, ENOMEM};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		cr_assert_eq(failure_of_errno(own[i], false), CAUSE_SHORTAGE);
		cr_assert_eq(failure_of_errno(own[i], true), CAUSE_SHORTAGE);
	}
	cr_assert_eq(failure_kind(CAUSE_SHORTAGE), FAILURE_OWN);
}
