/* lb_tree: picks as lb_algo does, whatever comes and goes. */
#include "lb_tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "lb_algo.h"

enum { MOST = 70, STEPS = 3000 };

static struct lb_server server[MOST];
static struct lb_node memory[4 * MOST];
static struct lb_tree tree;
static uint64_t seed = 7;

static uint64_t
any(uint64_t below)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	return lb_hash(span_of((const char *)&seed, sizeof seed)) % below;
}

static void
change(unsigned i, uint32_t weights)
{
	server[i] = (struct lb_server){.usable = any(3) > 0,
				       .weight = 1 + (uint32_t)any(weights),
				       .load = (uint32_t)any(5)};
	if (server[i].usable)
		lb_tree_use(&tree, i, server[i].load, server[i].weight);
	else
		lb_tree_leave(&tree, i);
}

static unsigned
usable(unsigned n)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += server[i].usable;
	return found;
}

static int
picked(uint64_t turn, enum lb_balance how)
{
	const struct lb_node *sum = lb_tree_sum(&tree);
	unsigned two[2];

	if (how == LB_ROUNDROBIN)
		return (int)lb_tree_nth(&tree, (uint32_t)(turn % sum->n));
	if (how == LB_LEASTCONN)
		return (int)lb_tree_nth_least(&tree, (uint32_t)(turn % sum->least));
	lb_tree_draw_two(&tree, turn, two);
	cr_assert_neq(two[0], two[1]);
	return (int)two[lb_is_less(server[two[1]].load, server[two[1]].weight, server[two[0]].load,
				   server[two[0]].weight)];
}

static void
compare(unsigned n, enum lb_balance how)
{
	struct lb_live live = {how, server, n, any(UINT64_MAX), 0};

	cr_assert_eq(picked(live.turn, how), lb_pick(&live), "of %u by %d", n, how);
}

static void
run(unsigned n, uint32_t weights)
{
	cr_assert_leq(lb_tree_nodes(n), 4 * n);
	lb_tree_init(&tree, memory, n);
	for (unsigned i = 0; i < n; i++)
		server[i] = (struct lb_server){.usable = false};
	for (unsigned step = 0; step < STEPS; step++) {
		change((unsigned)any(n), weights);
		cr_assert_eq(lb_tree_sum(&tree)->n, usable(n));
		if (usable(n) == 0)
			continue;
		compare(n, LB_ROUNDROBIN);
		compare(n, LB_LEASTCONN);
		if (usable(n) > 1)
			compare(n, LB_RANDOM2);
	}
}

Test(tree, what_is_picked_is_what_a_look_at_all_picks)
{
	static const unsigned sizes[] = {1, 2, 3, 8, 33, MOST};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		run(sizes[i], 1);
		run(sizes[i], 4);
		run(sizes[i], 1 << 20);
	}
}

Test(tree, many_at_once_are_as_one_after_the_other)
{
	struct lb_node other[4 * MOST];
	struct lb_tree at_once;

	lb_tree_init(&tree, memory, MOST);
	lb_tree_init(&at_once, other, MOST);
	for (unsigned i = 0; i < MOST; i++) {
		change(i, 3);
		if (server[i].usable)
			lb_tree_place(&at_once, i, server[i].load, server[i].weight);
	}
	lb_tree_sum_up(&at_once);
	cr_assert_eq(lb_tree_sum(&at_once)->n, lb_tree_sum(&tree)->n);
	for (uint32_t i = 0; i < lb_tree_sum(&tree)->n; i++)
		cr_assert_eq(lb_tree_nth(&at_once, i), lb_tree_nth(&tree, i));
	for (uint32_t i = 0; i < lb_tree_sum(&tree)->least; i++)
		cr_assert_eq(lb_tree_nth_least(&at_once, i), lb_tree_nth_least(&tree, i));
}
