/* gate: networks that may and may not, for all policies or one, and rates. */
#include "gate.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct proxy_conf conf;
static struct gate *gate;
static struct gate_refusal refusal;
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
	cr_assert_eq(gate_open(&gate, &conf, NULL), 0);
	cr_assert_not_null(gate);
}

static void
close_it(void)
{
	gate_free(gate);
	release(&conf.allow);
	release(&conf.deny);
}

TestSuite(gate, .fini = close_it);

static bool
may(const char *host, const char *policy, const char *srcid)
{
	struct addr a;

	cr_assert_eq(addr_numeric(&a, host, 1), 0);
	return gate_admits(gate, &a, span_str(policy), span_str(srcid), now, &refusal);
}

Test(gate, nothing_asked_for_is_nothing_to_look_at)
{
	cr_assert_eq(gate_open(&gate, &conf, NULL), 0);
	cr_assert_null(gate);
}

Test(gate, without_allowed_networks_all_are)
{
	conf.deny = LIST("192.0.2.0/24");
	open_it();
	cr_expect(may("198.51.100.1", "111", "1"));
	cr_expect_not(may("192.0.2.1", "111", "1"));
	cr_expect_eq(refusal.code, PACKET_DENIED);
	cr_expect_eq(refusal.retry_after, 0);
	cr_expect_eq(refusal.by, METER_GATE_networks);
	cr_expect_not(may("::ffff:192.0.2.1", "111", "1"), "the same address in other words");
}

Test(gate, denied_beats_allowed)
{
	conf.allow = LIST("192.0.2.0/24", "2001:db8::/32");
	conf.deny = LIST("192.0.2.7");
	open_it();
	cr_expect(may("192.0.2.1", "111", "1"));
	cr_expect(may("2001:db8::1", "111", "1"));
	cr_expect_not(may("192.0.2.7", "111", "1"));
	cr_expect_not(may("198.51.100.1", "111", "1"));
	cr_expect_not(may("2001:db9::1", "111", "1"));
}

Test(gate, a_policy_with_networks_of_its_own_is_for_those_alone)
{
	conf.allow = LIST("192.0.2.0/24", "222=198.51.100.0/24");
	conf.deny = LIST("111=192.0.2.9", "192.0.2.8");
	open_it();
	cr_expect(may("192.0.2.1", "111", "1"));
	cr_expect_not(may("192.0.2.1", "222", "1"));
	cr_expect(may("198.51.100.1", "222", "1"));
	cr_expect_not(may("198.51.100.1", "111", "1"));
	cr_expect_not(may("192.0.2.9", "111", "1"));
	cr_expect(may("192.0.2.9", "333", "1"), "that was denied for 111");
	cr_expect_not(may("192.0.2.8", "111", "1"));
	cr_expect_not(may("192.0.2.8", "333", "1"));
}

Test(gate, one_policy_can_be_closed_and_the_others_stay_open)
{
	conf.allow = LIST("222=198.51.100.0/24");
	open_it();
	cr_expect(may("192.0.2.1", "111", "1"));
	cr_expect_not(may("192.0.2.1", "222", "1"));
}

Test(gate, rates_are_by_address_and_by_srcid)
{
	conf.rate_per_address = 10;
	conf.burst_per_address = 3;
	conf.rate_per_srcid = 1;
	conf.burst_per_srcid = 2;
	open_it();
	cr_expect(may("192.0.2.1", "111", "a"));
	cr_expect(may("192.0.2.1", "222", "a"));
	cr_expect_not(may("192.0.2.1", "111", "a"));
	cr_expect_eq(refusal.code, PACKET_OVERLOADED);
	cr_expect_not_null(strstr(refusal.why, "srcid"));
	cr_expect_eq(refusal.by, METER_GATE_rate_per_srcid);
	cr_expect_eq(refusal.retry_after, 1001, "%u", refusal.retry_after);
	cr_expect_not(may("192.0.2.1", "111", "b"), "the address has had its three");
	cr_expect_not_null(strstr(refusal.why, "address"));
	cr_expect_eq(refusal.by, METER_GATE_rate_per_address);
	cr_expect_eq(refusal.retry_after, 101, "%u", refusal.retry_after);
	cr_expect(may("192.0.2.2", "111", "b"));
	cr_expect_not(may("192.0.2.2", "111", "a"), "wherever it comes from");
}

Test(gate, the_same_rate_goes_on_with_its_accounts)
{
	struct gate *former;

	conf.rate_per_address = 1;
	conf.rate_per_srcid = 1;
	open_it();
	cr_expect(may("192.0.2.1", "111", "a"));
	former = gate;
	conf.rate_per_srcid = 2;
	cr_assert_eq(gate_open(&gate, &conf, former), 0);
	gate_free(former);
	cr_expect_not(may("192.0.2.1", "111", "b"));
	cr_expect(may("192.0.2.2", "111", "a"), "another rate begins anew");
}
