/* acl: networks that may and may not, for all policies or one, and rates. */
#include "acl.h"
#include "peer_fixture.h"
#include "policy_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct proxy_conf conf;
static struct acl *gate;
static struct acl_refusal refusal;
static const uint64_t now = 1000000;

static char **
items(const char *const *texts, size_t n)
{
	char **item = calloc(n, sizeof *item);

	for (size_t i = 0; i < n; i++)
		item[i] = strdup(texts[i]);
	return item;
}

#define LIST(...)                                                                               \
	((struct conf_list){items((const char *const[]){__VA_ARGS__},                           \
				  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)), \
			    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})

static void
release(struct conf_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->item[i]);
	free(l->item);
	*l = (struct conf_list){NULL, 0};
}

static void
open_it(void)
{
	cr_assert_eq(acl_open(&gate, &conf, NULL), 0);
	cr_assert_not_null(gate);
}

static void
close_it(void)
{
	acl_free(gate);
	release(&conf.policy.allow);
	release(&conf.policy.deny);
}

TestSuite(gate, .fini = close_it);

static bool
may(const char *host, const char *policy, const char *srcid)
{
	struct addr_peer a = peer_at(host, 1);

	return acl_admits(gate, &a, span_str(policy), span_str(srcid), now, &refusal);
}

Test(gate, nothing_asked_for_is_nothing_to_look_at)
{
	cr_assert_eq(acl_open(&gate, &conf, NULL), 0);
	cr_assert_null(gate);
}

Test(gate, without_allowed_networks_all_are)
{
	conf.policy.deny = LIST("192.0.2.0/24");
	open_it();
	cr_expect(may("198.51.100.1", "111", "1"));
	cr_expect_not(may("192.0.2.1", "111", "1"));
	cr_expect_eq(refusal.code, PACKET_DENIED);
	cr_expect_eq(refusal.retry_after, 0);
	cr_expect_eq(refusal.by, WORKER_STATS_GATE_networks);
	cr_expect_not(may("::ffff:192.0.2.1", "111", "1"), "the same address in other words");
}

Test(gate, denied_beats_allowed)
{
	conf.policy.allow = LIST("192.0.2.0/24", "2001:db8::/32");
	conf.policy.deny = LIST("192.0.2.7");
	open_it();
	cr_expect(may("192.0.2.1", "111", "1"));
	cr_expect(may("2001:db8::1", "111", "1"));
	cr_expect_not(may("192.0.2.7", "111", "1"));
	cr_expect_not(may("198.51.100.1", "111", "1"));
	cr_expect_not(may("2001:db9::1", "111", "1"));
}

Test(gate, a_policy_with_networks_of_its_own_is_for_those_alone)
{
	struct policy_conf *first, *second;

	conf.policy.allow = LIST("192.0.2.0/24");
	conf.policy.deny = LIST("192.0.2.8");
	first = add_section(&conf, "111");
	second = add_section(&conf, "222");
	first->deny = LIST("192.0.2.9");
	second->allow = LIST("198.51.100.0/24", "192.0.2.8");
	open_it();
	cr_expect(may("192.0.2.1", "111", "1"));
	cr_expect_not(may("192.0.2.1", "222", "1"));
	cr_expect(may("198.51.100.1", "222", "1"));
	cr_expect_not(may("198.51.100.1", "111", "1"));
	cr_expect_not(may("192.0.2.9", "111", "1"));
	cr_expect(may("192.0.2.9", "333", "1"), "that was denied for 111");
	cr_expect(may("192.0.2.9", "11", "1"));
	cr_expect(may("192.0.2.9", "1110", "1"));
	cr_expect_not(may("192.0.2.8", "111", "1"));
	cr_expect_not(may("192.0.2.8", "222", "1"), "denied for all, allowed or not");
	cr_expect_not(may("192.0.2.8", "333", "1"));
	release(&first->deny);
	release(&second->allow);
}

Test(gate, one_policy_can_be_closed_and_the_others_stay_open)
{
	struct policy_conf *own = add_section(&conf, "222");

	own->allow = LIST("198.51.100.0/24");
	open_it();
	cr_expect(may("192.0.2.1", "111", "1"));
	cr_expect_not(may("192.0.2.1", "222", "1"));
	release(&own->allow);
}

/* The keys that sections give. */
static const struct conf_key rate_keys[] = {
	{.offset = offsetof(struct policy_conf, rate_per_address)},
	{.offset = offsetof(struct policy_conf, burst_per_srcid)},
};
enum { RATE_PER_ADDRESS = 1 << 0, BURST_PER_SRCID = 1 << 1 };

Test(gate, a_policy_with_rates_of_its_own_has_its_own_accounts)
{
	conf.sections.key = rate_keys;
	conf.policy.rate_per_address = 2;
	add_section(&conf, "111")->rate_per_address = 1;
	section_of[0].given = RATE_PER_ADDRESS;
	(void)add_section(&conf, "222");
	add_section(&conf, "333")->rate_per_address = 0;
	section_of[2].given = RATE_PER_ADDRESS;
	open_it();
	cr_expect(may("192.0.2.1", "111", "a"));
	cr_expect_not(may("192.0.2.1", "111", "a"), "it has one");
	cr_expect(may("192.0.2.1", "222", "a"));
	cr_expect(may("192.0.2.1", "444", "a"));
	cr_expect_not(may("192.0.2.1", "222", "a"), "which shares with all others");
	cr_expect_not(may("192.0.2.1", "444", "a"));
	for (int i = 0; i < 20; i++)
		cr_expect(may("192.0.2.1", "333", "a"), "it has no limit");
}

Test(gate, a_policy_with_another_burst_has_its_own_accounts_too)
{
	conf.sections.key = rate_keys;
	conf.policy.rate_per_srcid = 1;
	conf.policy.burst_per_srcid = 1;
	add_section(&conf, "111")->burst_per_srcid = 2;
	section_of[0].given = BURST_PER_SRCID;
	open_it();
	cr_expect(may("192.0.2.1", "222", "a"));
	cr_expect_not(may("192.0.2.1", "222", "a"));
	cr_expect(may("192.0.2.1", "111", "a"));
	cr_expect(may("192.0.2.1", "111", "a"));
	cr_expect_not(may("192.0.2.1", "111", "a"));
}

Test(gate, rates_of_a_policy_go_on_with_their_accounts)
{
	struct acl *former;

	conf.sections.key = rate_keys;
	add_section(&conf, "222")->rate_per_address = 1;
	section_of[0].given = RATE_PER_ADDRESS;
	open_it();
	cr_expect(may("192.0.2.1", "222", "a"));
	former = gate;
	conf.sections.n = 0;
	add_section(&conf, "111")->rate_per_address = 1;
	section_of[0].given = RATE_PER_ADDRESS;
	add_section(&conf, "222")->rate_per_address = 1;
	section_of[1].given = RATE_PER_ADDRESS;
	cr_assert_eq(acl_open(&gate, &conf, former), 0);
	acl_free(former);
	cr_expect_not(may("192.0.2.1", "222", "a"));
	cr_expect(may("192.0.2.1", "111", "a"), "a policy that had no section begins anew");
}

Test(gate, rates_are_by_address_and_by_srcid)
{
	conf.policy.rate_per_address = 10;
	conf.policy.burst_per_address = 3;
	conf.policy.rate_per_srcid = 1;
	conf.policy.burst_per_srcid = 2;
	open_it();
	cr_expect(may("192.0.2.1", "111", "a"));
	cr_expect(may("192.0.2.1", "222", "a"));
	cr_expect_not(may("192.0.2.1", "111", "a"));
	cr_expect_eq(refusal.code, PACKET_OVERLOADED);
	cr_expect_not_null(strstr(refusal.why, "srcid"));
	cr_expect_eq(refusal.by, WORKER_STATS_GATE_rate_per_srcid);
	cr_expect_eq(refusal.retry_after, 1001, "%u", refusal.retry_after);
	cr_expect_not(may("192.0.2.1", "111", "b"), "the address has had its three");
	cr_expect_not_null(strstr(refusal.why, "address"));
	cr_expect_eq(refusal.by, WORKER_STATS_GATE_rate_per_address);
	cr_expect_eq(refusal.retry_after, 101, "%u", refusal.retry_after);
	cr_expect(may("192.0.2.2", "111", "b"));
	cr_expect_not(may("192.0.2.2", "111", "a"), "wherever it comes from");
}

Test(gate, the_same_rate_goes_on_with_its_accounts)
{
	struct acl *former;

	conf.policy.rate_per_address = 1;
	conf.policy.rate_per_srcid = 1;
	open_it();
	cr_expect(may("192.0.2.1", "111", "a"));
	former = gate;
	conf.policy.rate_per_srcid = 2;
	cr_assert_eq(acl_open(&gate, &conf, former), 0);
	acl_free(former);
	cr_expect_not(may("192.0.2.1", "111", "b"));
	cr_expect(may("192.0.2.2", "111", "a"), "another rate begins anew");
}
