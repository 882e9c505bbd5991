/* Servers of policy 111, for tests of what stands on a registry. */
#ifndef POLICYPOOL_TESTS_REGISTRY_FIXTURE_H
#define POLICYPOOL_TESTS_REGISTRY_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "registry.h"

static inline void
join(struct registry *registry, const char *id)
{
	struct packet_announcement a = {.port = 1, .policy = "111"};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	cr_assert_eq(registry_join(registry, &a, &at, 1000), REGISTRY_JOINED);
}

#endif
