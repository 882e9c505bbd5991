/* policy_stats: a policy's counters have what those did who are there no more, and never go back.
 */
#include "policy_stats.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERVERS = 4, POLICIES = 2, WORKERS = 2 };

static struct registry *r;
static struct counters *t;
static struct policy_stats *l;
static struct server_stats_cell sums[POLICIES];

static void
open_ledger(void)
{
	r = registry_new(SERVERS, POLICIES);
	t = server_stats_new(WORKERS, SERVERS);
	l = policy_stats_new(r, t);
	cr_assert(r != NULL && t != NULL && l != NULL);
}

static void
close_ledger(void)
{
	policy_stats_free(l);
	counters_free(t);
	registry_free(r);
	policy_stats_free(NULL);
}

TestSuite(ledger, .init = open_ledger, .fini = close_ledger);

/* As the master does it; its index. */
static unsigned
join(const char *id, const char *policy)
{
	struct packet_announcement a = {.port = 5, .weight = 1, .slots = 1, .pipeline = 1};
	struct addr at;
	enum registry_change change;
	int index;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	cr_assert_eq(addr_numeric(&at, "192.0.2.1", 5), 0);
	change = registry_join(r, &a, &at, 1000);
	cr_assert_neq(change, REGISTRY_FULL);
	index = registry_find(r, id);
	cr_assert_geq(index, 0);
	if (change == REGISTRY_JOINED) {
		policy_stats_keep(l, (unsigned)index);
		counters_forget(t, (unsigned)index);
	}
	policy_stats_follow(l);
	return (unsigned)index;
}

/* Newcomers, until one has that index. */
static unsigned
take_place(unsigned index, const char *policy)
{
	char id[] = "new-0";

	while (join(id, policy) != index)
		id[4]++;
	return index;
}

static void
serve(unsigned server, unsigned worker, unsigned n)
{
	struct server_stats_cell *c = server_stats_cell(t, worker, server);

	counter_add(&c->served, n);
	for (unsigned i = 0; i < n; i++)
		counters_latency(c->latency, 100);
}

static uint64_t
served(const char *policy)
{
	uint64_t n = 0;

	policy_stats_sums(l, sums);
	for (unsigned p = 0; p < registry_policy_end(r); p++) {
		if (!registry_policy(r, p)->used ||
		    strcmp(registry_policy(r, p)->name, policy) != 0)
			continue;
		for (unsigned b = 0; b < COUNTERS_BUCKETS; b++)
			n += counters_bucket(sums[p].latency, b);
		cr_assert_eq(counter_get(&sums[p].served), n);
		cr_assert_eq(counter_get(&sums[p].latency[0]), n * 100);
	}
	return n;
}

Test(ledger, who_leaves_has_done_what_it_did)
{
	unsigned a = join("a", "1"), b = join("b", "1"), c;

	serve(a, 0, 3);
	serve(b, 1, 4);
	cr_assert_eq(served("1"), 7);
	cr_assert(registry_leave(r, "a", "1"));
	policy_stats_follow(l);
	cr_assert_eq(served("1"), 7);
	serve(a, 0, 1); /* a reply that was under way */
	cr_assert_eq(served("1"), 8);
	c = take_place(a, "1");
	cr_assert_eq(served("1"), 8);
	serve(c, 0, 2);
	cr_assert_eq(served("1"), 10);
}

Test(ledger, who_moves_to_another_policy_begins_there_with_nothing)
{
	unsigned a = join("a", "1");

	serve(a, 0, 3);
	cr_assert_eq(join("a", "2"), a);
	cr_assert(served("1") == 3 && served("2") == 0);
	serve(a, 1, 2);
	cr_assert(served("1") == 3 && served("2") == 2);
	cr_assert_eq(join("a", "1"), a);
	serve(a, 1, 5);
	cr_assert(served("1") == 8 && served("2") == 2);
}

Test(ledger, a_dead_workers_counts_stay)
{
	unsigned a = join("a", "1");

	serve(a, 0, 3);
	(void)join("a", "2");
	serve(a, 0, 1);
	counters_fold(t, 0, SERVERS);
	cr_assert(served("1") == 3 && served("2") == 1);
}

Test(ledger, a_policy_in_the_place_of_another_has_nothing_of_it)
{
	unsigned a = join("a", "1");

	(void)join("b", "2");
	serve(a, 0, 3);
	cr_assert(registry_leave(r, "a", "1"));
	policy_stats_follow(l);
	cr_assert_eq(take_place(a, "3"), a);
	cr_assert_eq(served("3"), 0);
	serve(a, 0, 2);
	cr_assert_eq(served("3"), 2);
}

Test(ledger, random_lives_never_make_a_policy_poorer)
{
	const char *const ids[] = {"a", "b", "c", "d"}, *const policies[] = {"1", "2"};
	uint64_t last[POLICIES] = {0, 0}, all = 0;

	srand(1);
	for (int i = 0; i < 3000; i++) {
		const char *id = ids[rand() % 4];
		int at = registry_find(r, id);
		if (at < 0 || rand() % 3 == 0) {
			(void)join(id, policies[rand() % 2]);
		} else if (rand() % 2 == 0) {
			serve((unsigned)at, (unsigned)rand() % WORKERS, 1);
			all++;
		} else {
			cr_assert(registry_leave(
				r, id,
				registry_policy(r, registry_server(r, (unsigned)at)->policy)
					->name));
			policy_stats_follow(l);
		}
		for (unsigned p = 0; p < 2; p++) {
			uint64_t now = served(policies[p]);
			cr_assert_geq(now, last[p], "step %d, policy %s", i, policies[p]);
			last[p] = now;
		}
		cr_assert_eq(last[0] + last[1], all, "step %d", i);
	}
}
