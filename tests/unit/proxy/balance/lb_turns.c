/* lb_turns: turns by weight as lb_algo gives them, whatever comes and goes. */
#include "lb_turns.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "lb_algo.h"

enum { MOST = 200, STEPS = 2000 };

static struct lb_server server[MOST];
static uint32_t weight[MOST];
static struct lb_node memory[4 * MOST];
static struct lb_tree tree;
static struct lb_turns *turns;
static uint64_t seed = 11;

static uint64_t
any(uint64_t below)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	return lb_hash(span_of((const char *)&seed, sizeof seed)) % below;
}

static void
turn_over(unsigned i)
{
	server[i].usable = !server[i].usable;
	if (server[i].usable) {
		lb_tree_use(&tree, i, 0, weight[i]);
		lb_turns_use(turns, i, weight[i]);
	} else {
		lb_tree_leave(&tree, i);
		lb_turns_leave(turns, i, weight[i]);
	}
}

static void
compare(unsigned n, uint64_t turn)
{
	struct lb_live live = {LB_WEIGHTED, server, n, turn, 0};

	cr_assert_eq((int)lb_turns_nth(turns, &tree, turn), lb_pick(&live), "of %u, turn %llu", n,
		     (unsigned long long)turn);
}

static void
run(unsigned n, const uint32_t *weights, unsigned kinds)
{
	for (unsigned i = 0; i < n; i++) {
		weight[i] = weights[any(kinds)];
		server[i] = (struct lb_server){false, weight[i], 0, 0};
	}
	lb_tree_init(&tree, memory, n);
	turns = lb_turns_new(weight, n);
	cr_assert_not_null(turns);
	for (unsigned step = 0; step < STEPS; step++) {
		turn_over((unsigned)any(n));
		if (lb_tree_sum(&tree)->n == 0)
			continue;
		compare(n, any(UINT64_MAX));
		compare(n, step);
	}
	lb_turns_free(turns);
}

Test(turns, whose_a_turn_is_is_what_a_look_at_all_says)
{
	static const uint32_t weights[] = {3, 1, 2, 100, 7, 1 << 20, 99999, 1 << 19};
	static const unsigned sizes[] = {1, 2, 3, 8, 33, MOST};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		run(sizes[i], weights, 1);
		run(sizes[i], weights, 3);
		run(sizes[i], weights, LB_TURNS_WEIGHTS);
		run(sizes[i], weights + 5, 3);
	}
}

/* Several of them stand at the same time, and go by their order. */
Test(turns, a_whole_round)
{
	static const uint32_t weights[] = {1, 2, 4, 8};

	for (unsigned i = 0; i < MOST; i++) {
		weight[i] = weights[any(4)];
		server[i] = (struct lb_server){false, weight[i], 0, 0};
	}
	lb_tree_init(&tree, memory, MOST);
	turns = lb_turns_new(weight, MOST);
	cr_assert_not_null(turns);
	for (unsigned i = 0; i < 128; i++)
		turn_over(i);
	for (uint64_t turn = 0; turn < lb_tree_sum(&tree)->weights; turn++)
		compare(MOST, turn);
	lb_turns_free(turns);
}

Test(turns, more_weights_are_refused)
{
	for (unsigned i = 0; i <= LB_TURNS_WEIGHTS; i++)
		weight[i] = i + 1;
	errno = 0;
	cr_assert_null(lb_turns_new(weight, LB_TURNS_WEIGHTS + 1));
	cr_assert_eq(errno, E2BIG);
}
