/* conf_check: what the programs' settings have in common; here the list of peers. */
#include "conf_check.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(conf_check, the_same_peer_has_many_spellings)
{
	static const char *const same[][2] = {{"2100", "127.0.0.1:2100"},
					      {":2100", "2100"},
					      {"A.example:1", "a.EXAMPLE:1"},
					      {"[::1]:5", "[0:0::1]:5"},
					      {"unix:/x", "unix:/x"}};
	static const char *const other[][2] = {{"2100", "2101"},
					       {"a:1", "b:1"},
					       {"a:1", "a:2"},
					       {"unix:/x", "unix:/y"},
					       {"unix:/x", "2100"},
					       {"localhost:1", "127.0.0.1:1"},
					       {"127.0.0.1:1", "127.0.0.2:1"},
					       {"no port", "no port"}};

	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		cr_expect(conf_check_same_peer(same[i][0], same[i][1]), "%s", same[i][0]);
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		cr_expect_not(conf_check_same_peer(other[i][0], other[i][1]), "%s", other[i][0]);
}

Test(conf_check, each_peer_is_there_once_and_sixteen_are_the_most)
{
	static const char *many[CONF_PEERS_MAX + 1];
	static char text[CONF_PEERS_MAX + 1][8];
	size_t at;

	for (size_t i = 0; i <= CONF_PEERS_MAX; i++) {
		(void)snprintf(text[i], sizeof text[i], "%zu", i + 1);
		many[i] = text[i];
	}
	cr_expect_null(conf_check_peers(many, 0, &at));
	cr_expect_null(conf_check_peers(many, CONF_PEERS_MAX, &at));
	cr_expect_str_eq(conf_check_peers(many, CONF_PEERS_MAX + 1, &at), "there are more than 16");
	cr_expect_eq(at, CONF_PEERS_MAX);
	many[5] = "127.0.0.1:2";
	cr_expect_str_eq(conf_check_peers(many, CONF_PEERS_MAX, &at), "it is there twice");
	cr_expect_eq(at, 5);
}
