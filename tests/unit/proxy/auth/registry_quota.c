/* registry_quota: how many servers an address may announce, and which of them gives way. */
#include "registry_quota.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "peer_fixture.h"

enum { SERVERS = 6, POLICIES = 3, LONG_LEASE = 601, SHORT_LEASE = 600 /* s */ };

static struct registry *registry;
static struct counters *tally;
static struct registry_quota capacity;
static uint64_t now = 1000;

static void
open_registry(void)
{
	registry = registry_new(SERVERS, POLICIES);
	tally = server_stats_new(2, SERVERS);
	cr_assert(registry != NULL && tally != NULL);
	capacity = (struct registry_quota){registry, tally, 2};
}

static void
close_registry(void)
{
	registry_free(registry);
	counters_free(tally);
}

TestSuite(capacity, .init = open_registry, .fini = close_registry);

static struct addr
at(const char *host)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, host, 40000), 0);
	return a;
}

/* The index; each is heard of a second after the one before. */
static int
announce(const char *id, const char *policy, const char *from, unsigned lease)
{
	struct packet_announcement a = {.port = 1, .lease = lease};
	struct addr_peer origin = peer_at(from, 40000);
	struct addr where = at(from);

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "%s", policy);
	cr_assert_neq(registry_join(registry, &a, &where, now += 1000), REGISTRY_FULL);
	registry_set_origin(registry, (unsigned)registry_find(registry, id), &origin);
	return registry_find(registry, id);
}

static bool
has_room(const char *from)
{
	struct addr_peer a = peer_at(from, 40000);

	return registry_quota_has_room(&capacity, &a);
}

static int
victim_of(const char *from)
{
	struct addr_peer a = peer_at(from, 40000);

	return registry_quota_victim(&capacity, &a, false);
}

static int
victim(void)
{
	return registry_quota_victim(&capacity, NULL, false);
}

/* ---- how many an address may announce ---- */

Test(capacity, an_address_may_announce_so_many)
{
	cr_assert(has_room("10.0.0.1"));
	(void)announce("1", "111", "10.0.0.1", 0);
	cr_assert(has_room("10.0.0.1"));
	(void)announce("2", "222", "10.0.0.1", 0);
	cr_assert(!has_room("10.0.0.1"));
	cr_assert(has_room("10.0.0.2"), "that is another's");
	cr_assert(registry_leave(registry, "1", "111"));
	cr_assert(has_room("10.0.0.1"));
}

Test(capacity, without_a_limit_there_is_room_always)
{
	(void)announce("1", "111", "10.0.0.1", 0);
	(void)announce("2", "111", "10.0.0.1", 0);
	capacity.per_address = 0;
	cr_assert(has_room("10.0.0.1"));
}

Test(capacity, a_network_of_ipv6_counts_as_one_and_so_does_loopback)
{
	(void)announce("1", "111", "2001:db8:0:1::1", 0);
	(void)announce("2", "111", "2001:db8:0:1::2", 0);
	cr_assert(!has_room("2001:db8:0:1::3"));
	cr_assert(has_room("2001:db8:0:2::1"));
	(void)announce("3", "111", "127.0.0.1", 0);
	(void)announce("4", "111", "::1", 0);
	cr_assert(!has_room("127.9.9.9"));
	cr_assert(has_room("10.0.0.1"), "that is not loopback");
}

Test(capacity, signed_servers_do_not_count)
{
	registry_own(registry, (unsigned)announce("1", "111", "10.0.0.1", 0), "key", 1, false);
	(void)announce("2", "111", "10.0.0.1", 0);
	cr_assert(has_room("10.0.0.1"));
}

/* ---- which one gives way ---- */

Test(capacity, in_an_empty_registry_none_gives_way)
{
	cr_assert(victim() == -1 && victim_of("10.0.0.1") == -1);
}

Test(capacity, the_one_heard_of_the_longest_ago_gives_way)
{
	int first = announce("1", "111", "10.0.0.1", 0),
	    second = announce("2", "111", "10.0.0.1", 0);

	cr_assert_eq(victim(), first);
	(void)announce("1", "111", "10.0.0.1", 0);
	cr_assert_eq(victim(), second, "the first was heard of again");
}

Test(capacity, one_of_that_address_gives_way)
{
	(void)announce("1", "111", "10.0.0.1", 0);
	int other = announce("2", "111", "10.0.0.2", 0);

	cr_assert_eq(victim_of("10.0.0.2"), other);
	cr_assert_eq(victim_of("10.0.0.3"), -1);
}

Test(capacity, one_that_has_answered_a_request_stays)
{
	int first = announce("1", "111", "10.0.0.1", 0),
	    second = announce("2", "111", "10.0.0.1", 0);

	counter_add(&server_stats_cell(tally, 1, (unsigned)first)->served, 1);
	cr_assert_eq(victim(), second);
	counter_add(&server_stats_cell(tally, 0, (unsigned)second)->served, 1);
	cr_assert_eq(victim(), -1);
}

Test(capacity, one_with_a_short_lease_stays_as_it_ends_by_itself)
{
	(void)announce("1", "111", "10.0.0.1", SHORT_LEASE);
	cr_assert_eq(victim(), -1);
	int long_one = announce("2", "111", "10.0.0.1", LONG_LEASE);
	cr_assert_eq(victim(), long_one);
}

Test(capacity, one_of_the_file_stays_and_counts_for_no_address)
{
	struct packet_announcement a = {.id = "1", .policy = "111"};
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "10.0.0.1", 1), 0);
	cr_assert_eq(registry_configure(registry, &a, &at, 1), REGISTRY_JOINED);
	cr_assert_eq(victim(), -1);
	cr_assert_eq(victim_of("10.0.0.1"), -1);
}

Test(capacity, a_signed_one_stays)
{
	registry_own(registry, (unsigned)announce("1", "111", "10.0.0.1", 0), "key", 1, false);
	cr_assert_eq(victim(), -1);
}

Test(capacity, where_a_policy_is_wanted_too_the_victim_is_alone_in_its_own)
{
	(void)announce("1", "111", "10.0.0.1", 0);
	(void)announce("2", "111", "10.0.0.1", 0);
	cr_assert_eq(registry_quota_victim(&capacity, NULL, true), -1);
	int alone = announce("3", "222", "10.0.0.1", 0);
	cr_assert_eq(registry_quota_victim(&capacity, NULL, true), alone);
	cr_assert_neq(victim(), alone);
}

Test(capacity, a_place_that_is_free_is_no_victim)
{
	(void)announce("1", "111", "10.0.0.1", 0);
	int second = announce("2", "111", "10.0.0.1", 0);

	cr_assert(registry_leave(registry, "1", "111"));
	cr_assert_eq(victim(), second);
	cr_assert_eq(registry_quota_victim(&capacity, NULL, true), second, "it is alone now");
}
