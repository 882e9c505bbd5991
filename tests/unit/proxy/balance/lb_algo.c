/* lb_algo: which server is next, by each way of balancing. */
#include "lb_algo.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERVERS = 16, PICKS = 100000 };

static struct lb_server server[SERVERS];
static struct lb_live live;
static unsigned count[SERVERS];
static uint64_t seed;

static uint64_t
any(void)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	return lb_hash(span_of((const char *)&seed, sizeof seed));
}

static void
set(enum lb_balance balance, size_t n)
{
	char id[32];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(id, sizeof id, "server-%zu", i);
		server[i] = (struct lb_server){true, 1, 0, lb_hash(span_str(id))};
	}
	live = (struct lb_live){balance, server, n, 0, 0};
	seed = 11;
	memset(count, 0, sizeof count);
}

/* 100,000 picks, counted; every one usable. */
static void
pick_all(void)
{
	memset(count, 0, sizeof count);
	for (uint64_t i = 0; i < PICKS; i++) {
		live.turn = live.balance == LB_RANDOM2 ? any() : i;
		live.key = live.balance == LB_HASH ? any() : 0;
		int pick = lb_pick(&live);
		cr_assert(pick >= 0 && pick < (int)live.n && server[pick].usable);
		count[pick]++;
	}
}

static void
near(size_t i, double share, double tolerance)
{
	double wanted = share * PICKS;

	cr_assert(fabs(count[i] - wanted) <= tolerance * wanted + 1, "server %zu: %u, not %.0f", i,
		  count[i], wanted);
}

Test(route, turns_go_around_in_order)
{
	set(LB_ROUNDROBIN, 3);
	server[1].weight = 50; /* not looked at */
	for (live.turn = 0; live.turn < 12; live.turn++)
		cr_assert_eq(lb_pick(&live), (int)(live.turn % 3));
}

Test(route, nobody_is_picked_where_nobody_is_usable)
{
	for (int b = 0; b < LB_BALANCE_COUNT; b++) {
		set((enum lb_balance)b, 2);
		server[0].usable = server[1].usable = false;
		cr_assert_eq(lb_pick(&live), LB_NOBODY);
		live.n = 0;
		cr_assert_eq(lb_pick(&live), LB_NOBODY);
	}
}

Test(route, any_set_of_usable_ones_shares_exactly)
{
	unsigned random = 11;

	for (int round = 0; round < 200; round++) {
		unsigned usable = 0;
		set(round % 2 ? LB_ROUNDROBIN : LB_WEIGHTED, SERVERS);
		for (int i = 0; i < SERVERS; i++)
			usable += server[i].usable = rand_r(&random) & 1;
		for (live.turn = 0; live.turn < usable * 500; live.turn++)
			count[lb_pick(&live)]++;
		for (int i = 0; i < SERVERS; i++)
			cr_assert_eq(count[i], server[i].usable ? 500u : 0u);
	}
}

Test(route, turns_far_along_are_turns_all_the_same)
{
	set(LB_ROUNDROBIN, 3);
	server[1].usable = false;
	live.turn = UINT64_MAX;
	cr_assert_eq(lb_pick(&live), 2);
	live.turn--;
	cr_assert_eq(lb_pick(&live), 0);
}

Test(route, equal_weights_give_the_order_of_round_robin)
{
	for (unsigned weight = 1; weight <= 1000; weight += 333)
		for (size_t n = 1; n <= SERVERS; n++) {
			set(LB_WEIGHTED, n);
			for (size_t i = 0; i < n; i++)
				server[i].weight = (uint32_t)weight;
			for (live.turn = 0; live.turn < 100; live.turn++)
				cr_assert_eq(lb_pick(&live), (int)(live.turn % n));
		}
}

Test(route, each_round_gives_everybody_exactly_the_turns_of_its_weight)
{
	for (int round = 0; round < 100; round++) {
		uint64_t weights = 0;
		size_t n = 2 + any() % (SERVERS - 1);
		set(LB_WEIGHTED, n);
		seed = (uint64_t)round;
		for (size_t i = 0; i < n; i++)
			weights += server[i].weight = (uint32_t)(1 +
								 any() % (round < 50 ? 10 : 1000));
		uint64_t start = any() % 100 * weights;
		for (live.turn = start; live.turn < start + weights; live.turn++)
			count[lb_pick(&live)]++;
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(count[i], server[i].weight, "%zu of %zu, round %d", i, n,
				     round);
	}
}

/* In any stretch of a round, nobody is further from its share than smooth turns may be. */
Test(route, turns_by_weight_are_spread_over_the_round)
{
	static const uint16_t weight[] = {5, 1, 1, 20, 3};

	set(LB_WEIGHTED, 5);
	for (size_t i = 0; i < 5; i++)
		server[i].weight = weight[i];
	for (live.turn = 0; live.turn < 30; live.turn++) {
		count[lb_pick(&live)]++;
		for (size_t i = 0; i < 5; i++) {
			double due = (double)(live.turn + 1) * weight[i] / 30;
			cr_assert(fabs(count[i] - due) < 2, "server %zu: %u after %d turns", i,
				  count[i], (int)live.turn + 1);
		}
	}
}

struct turn {
	uint64_t at;
	int who;
};

static int
by_time(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : x->who - y->who;
}

/* The definition, spelled out: everybody's times of a round, sorted. */
Test(route, turns_by_weight_come_in_the_order_of_their_times)
{
	static struct turn turn[SERVERS * 1000];

	for (int round = 0; round < 60; round++) {
		uint64_t weights = 0;
		size_t n = 2 + (size_t)round % (SERVERS - 1);
		set(LB_WEIGHTED, n);
		seed = (uint64_t)round;
		for (size_t i = 0; i < n; i++) {
			uint64_t phase = (2 * i + 1) * ((UINT64_C(1) << 32) / (2 * n));
			server[i].weight = (uint32_t)(1 + any() % (round < 30 ? 8 : 1000));
			for (uint64_t j = 0; j < server[i].weight; j++)
				turn[weights++] = (struct turn){
					((j << 32) + phase) / server[i].weight, (int)i};
		}
		qsort(turn, weights, sizeof *turn, by_time);
		for (live.turn = 0; live.turn < weights; live.turn++)
			cr_assert_eq(lb_pick(&live), turn[live.turn].who, "turn %d, round %d",
				     (int)live.turn, round);
	}
}

Test(route, a_hundred_thousand_turns_by_weight)
{
	set(LB_WEIGHTED, 4);
	for (size_t i = 0; i < 4; i++)
		server[i].weight = (uint32_t)(i + 1);
	pick_all();
	for (size_t i = 0; i < 4; i++)
		near(i, (double)(i + 1) / 10, 0);
}

Test(route, the_least_loaded_is_picked_each_by_its_weight)
{
	set(LB_LEASTCONN, 3);
	server[0].load = 5;
	server[1].load = 4;
	server[2].load = 9;
	cr_assert_eq(lb_pick(&live), 1);
	server[2].weight = 3;
	cr_assert_eq(lb_pick(&live), 2);
	server[2].usable = false;
	cr_assert_eq(lb_pick(&live), 1);
}

Test(route, equally_loaded_ones_take_turns)
{
	set(LB_LEASTCONN, 4);
	server[2].load = 1;
	pick_all();
	cr_assert_eq(count[2], 0);
	for (size_t i = 0; i < 4; i++)
		near(i, i == 2 ? 0 : 1.0 / 3, 0);
}

/* Requests that stay: the loads come out in proportion to the weights. */
Test(route, a_hundred_thousand_that_stay_are_shared_by_weight)
{
	static const enum lb_balance by_load[] = {LB_LEASTCONN, LB_RANDOM2};

	for (int b = 0; b < 2; b++) {
		set(by_load[b], 4);
		for (size_t i = 0; i < 4; i++)
			server[i].weight = (uint32_t)(i + 1);
		for (uint64_t i = 0; i < PICKS; i++) {
			live.turn = b == 0 ? i : any();
			int pick = lb_pick(&live);
			count[pick]++;
			server[pick].load++;
		}
		for (size_t i = 0; i < 4; i++)
			near(i, (double)(i + 1) / 10, 0.001);
	}
}

Test(route, two_drawn_at_random_share_evenly_and_avoid_the_loaded)
{
	set(LB_RANDOM2, 8);
	pick_all();
	for (size_t i = 0; i < 8; i++)
		near(i, 1.0 / 8, 0.05);
	server[3].load = 100;
	pick_all();
	cr_assert_eq(count[3], 0, "one of two, and the other one is free");
	for (size_t i = 0; i < 8; i++)
		near(i, i == 3 ? 0 : 1.0 / 7, 0.05);
}

Test(route, keys_are_shared_evenly_or_by_weight)
{
	set(LB_HASH, 8);
	pick_all();
	for (size_t i = 0; i < 8; i++)
		near(i, 1.0 / 8, 0.05);
	for (size_t i = 0; i < 8; i++)
		server[i].weight = (uint32_t)(i + 1);
	pick_all();
	for (size_t i = 0; i < 8; i++)
		near(i, (double)(i + 1) / 36, 0.08);
}

Test(route, short_keys_that_differ_little_are_shared_evenly_too)
{
	char key[16];

	set(LB_HASH, 8);
	for (int i = 0; i < PICKS; i++) {
		(void)snprintf(key, sizeof key, "%d", i);
		live.key = lb_hash(span_str(key));
		count[lb_pick(&live)]++;
	}
	for (size_t i = 0; i < 8; i++)
		near(i, 1.0 / 8, 0.05);
}

Test(route, a_server_that_leaves_gives_its_own_keys_away_and_no_others)
{
	for (int equal = 0; equal < 2; equal++) {
		unsigned moved = 0;
		set(LB_HASH, 8);
		for (size_t i = 0; !equal && i < 8; i++)
			server[i].weight = (uint32_t)(1 + i % 3);
		for (int i = 0; i < PICKS; i++) {
			live.key = any();
			server[5].usable = true;
			int before = lb_pick(&live);
			server[5].usable = false;
			int after = lb_pick(&live);
			cr_assert_eq(before == after, before != 5);
			moved += before == 5;
			count[after] += before == 5;
		}
		cr_assert_gt(moved, PICKS / 16);
		for (size_t i = 0; i < 8; i++) /* they are spread over all others */
			cr_assert(i == 5 || count[i] > moved / 32, "%zu got %u of %u", i, count[i],
				  moved);
	}
}

Test(route, a_server_over_its_share_of_the_load_is_passed_over)
{
	set(LB_HASH, 4);
	live.key = lb_hash(span_str("a key that all ask for"));
	int first = lb_pick(&live);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(lb_pick(&live), first, "a few are nothing to pass it over for");
		server[first].load++;
	}
	cr_assert_neq(lb_pick(&live), first);
	for (int i = 0; i < 4; i++)
		server[i].load = 100;
	cr_assert_eq(lb_pick(&live), first);
	for (int i = 0; i < PICKS; i++)
		server[lb_pick(&live)].load++;
	for (int i = 0; i < 4; i++)
		cr_assert_leq(server[i].load, (PICKS + 400) * 5 / 16 + 2);
}

Test(route, the_hash_is_the_same_in_every_version)
{
	cr_assert_eq(lb_hash(span_str("1")), UINT64_C(0x4687cd939adeafdf));
}
