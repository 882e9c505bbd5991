/* route: whose turn it is. */
#include "route.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(route, turns_go_around_in_order)
{
	static const bool all[] = {true, true, true};

	for (uint64_t turn = 0; turn < 12; turn++)
		cr_assert_eq(route_pick(all, 3, turn, ROUTE_NOBODY), (int)(turn % 3));
}

Test(route, nobody_is_picked_where_nobody_is_usable)
{
	static const bool none[] = {false, false};

	cr_assert_eq(route_pick(none, 2, 5, ROUTE_NOBODY), ROUTE_NOBODY);
	cr_assert_eq(route_pick(none, 0, 5, ROUTE_NOBODY), ROUTE_NOBODY);
}

Test(route, the_one_that_failed_is_passed_over_unless_it_is_the_only_one)
{
	static const bool all[] = {true, true, true}, one[] = {false, true, false};

	for (uint64_t turn = 0; turn < 30; turn++)
		cr_assert_neq(route_pick(all, 3, turn, 1), 1);
	cr_assert_eq(route_pick(one, 3, 7, 1), 1);
	cr_assert_eq(route_pick(one, 3, 7, 0), 1);
}

Test(route, any_set_of_usable_ones_shares_exactly)
{
	unsigned seed = 11;

	for (int round = 0; round < 200; round++) {
		bool usable[16];
		unsigned long count[16] = {0}, live = 0;
		for (int i = 0; i < 16; i++)
			live += usable[i] = rand_r(&seed) & 1;
		if (live == 0)
			continue;
		for (uint64_t turn = 0; turn < live * 500; turn++) {
			int pick = route_pick(usable, 16, turn, ROUTE_NOBODY);
			cr_assert(pick >= 0 && usable[pick]);
			count[pick]++;
		}
		for (int i = 0; i < 16; i++)
			cr_assert_eq(count[i], usable[i] ? 500u : 0u);
	}
}

Test(route, turns_far_along_are_turns_all_the_same)
{
	static const bool two[] = {true, false, true};

	cr_assert_eq(route_pick(two, 3, UINT64_MAX, ROUTE_NOBODY), 2);
	cr_assert_eq(route_pick(two, 3, UINT64_MAX - 1, ROUTE_NOBODY), 0);
}
