/* chooser: which server of a policy, by what all workers know. */
#include "chooser.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { SERVERS = 3 };

static char words[2][32];
static char *item[] = {words[0], words[1]};
static struct proxy_conf conf;
static struct upstream_env env;
static struct registry *registry;
static struct verdicts *verdicts;
static struct event_base *base;
static struct upstreams *upstreams;
static struct chooser *chooser;
static struct request *q;
static const struct roster_policy *policy;

static const struct upstream_ops no_ops;

static void
join(const char *id, unsigned weight)
{
	struct packet_announcement a = {
		.port = 1, .keepalive = true, .pipeline = 8, .slots = 65535, .weight = weight};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "111");
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	cr_assert_eq(registry_join(registry, &a, &at, 1000), REGISTRY_JOINED);
}

static void
open_pool(void)
{
	base = event_base_new();
	conf = (struct proxy_conf){.max_servers = SERVERS,
				   .max_policies = 1,
				   .server_connections = 1,
				   .plain_message = 2048};
	registry = registry_new(SERVERS, 1);
	verdicts = verdicts_new(SERVERS);
	env = (struct upstream_env){.conf = &conf,
				    .loop = conn_loop_new(base, 4096),
				    .roster = roster_new(registry),
				    .permits = permits_new(SERVERS, 2),
				    .tally = tally_new(2, SERVERS),
				    .meter = meter_new(2, 1),
				    .verdicts = verdicts};
	upstreams = upstreams_new(&env, &no_ops, NULL);
	q = request_new(NULL, NULL, span_of("x", 1), span_of(NULL, 0));
	for (unsigned i = 0; i < SERVERS; i++)
		join((const char *const[]){"one", "two", "three"}[i], i + 1);
}

static void
close_pool(void)
{
	request_free(q);
	chooser_free(chooser);
	upstreams_free(upstreams);
	roster_free(env.roster);
	permits_free(env.permits);
	tally_free(env.tally);
	meter_free(env.meter);
	verdicts_free(verdicts);
	registry_free(registry);
	conn_loop_free(env.loop);
	event_base_free(base);
}

TestSuite(chooser, .init = open_pool, .fini = close_pool);

static void
balance(const char *word)
{
	(void)snprintf(words[0], sizeof words[0], "111=%s", word);
	(void)snprintf(words[1], sizeof words[1], "roundrobin");
	conf.balance = (struct conf_list){item, 2};
	cr_assert(roster_refresh(env.roster));
	chooser = chooser_new(&env, registry);
	cr_assert_not_null(chooser);
	chooser_refresh(chooser);
	policy = roster_find(env.roster, span_str("111"));
	cr_assert_not_null(policy);
}

static const char *
next(uint64_t now)
{
	int pick;

	cr_assert(chooser_begin(chooser, upstreams, policy, q, now));
	pick = chooser_next(chooser);
	cr_assert_geq(pick, 0);
	return roster_server(env.roster, (unsigned)pick)->id;
}

Test(chooser, turns_are_taken_from_the_counter_that_all_workers_share)
{
	balance("roundrobin");
	cr_assert_str_eq(next(1), "one");
	cr_assert_str_eq(next(1), "two");
	(void)registry_turn(registry, policy->index); /* another worker's */
	cr_assert_str_eq(next(1), "one");
	cr_assert(chooser_foresee(chooser, upstreams, policy, q, 1));
	cr_assert_str_eq(next(1), "two", "looking takes no turn");
}

Test(chooser, each_is_offered_once)
{
	balance("roundrobin");
	cr_assert(chooser_begin(chooser, upstreams, policy, q, 1));
	for (unsigned i = 0, seen = 0; i <= SERVERS; i++) {
		int pick = chooser_next(chooser);
		cr_assert_eq(pick == ROUTE_NOBODY, i == SERVERS);
		cr_assert(pick == ROUTE_NOBODY || !(seen & 1u << pick));
		seen |= pick == ROUTE_NOBODY ? 0 : 1u << pick;
	}
}

Test(chooser, announced_weights_count)
{
	unsigned three = 0;

	balance("weighted");
	for (int i = 0; i < 600; i++)
		three += strcmp(next(1), "three") == 0;
	cr_assert_eq(three, 300);
}

Test(chooser, what_other_workers_have_in_flight_counts)
{
	balance("leastconn");
	tally_add(&tally_cell(env.tally, 1, 0)->in_flight, 1); /* of the other worker */
	tally_add(&tally_cell(env.tally, 0, 1)->in_flight, 2); /* our own */
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(10), "three");
	tally_add(&tally_cell(env.tally, 0, 2)->in_flight, 4);
	cr_assert_str_neq(next(10), "three", "our own is known at once");
	tally_add(&tally_cell(env.tally, 1, 0)->in_flight, -1);
	cr_assert_str_eq(next(20), "one");
}

Test(chooser, a_key_of_the_packet_decides_and_without_it_the_sender)
{
	struct packet a, b, c;
	struct packet_fault fault;

	balance("hash:user");
	cr_assert_eq(
		packet_parse(
			&a,
			span_str(
				"{\"type\":0,\"srcid\":1,\"privPoliId\":111,\"payload\":\"\",\"user\":\"u\"}"),
			&fault),
		0);
	cr_assert_eq(
		packet_parse(
			&b,
			span_str(
				"{\"type\":0,\"srcid\":2,\"privPoliId\":111,\"payload\":\"\",\"user\":\"u\"}"),
			&fault),
		0);
	cr_assert_eq(
		packet_parse(
			&c,
			span_str(
				"{\"type\":0,\"srcid\":\"u\",\"privPoliId\":111,\"payload\":\"\"}"),
			&fault),
		0);
	cr_assert_eq(chooser_key(chooser, policy, &a), chooser_key(chooser, policy, &b));
	cr_assert_eq(chooser_key(chooser, policy, &a), chooser_key(chooser, policy, &c));
	cr_assert_neq(chooser_key(chooser, policy, &a), 0);
	q->hash = chooser_key(chooser, policy, &a);
	const char *first = next(1);
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(1), first);
}

Test(chooser, a_server_that_is_shut_is_not_offered)
{
	balance("roundrobin");
	verdict_set(verdicts, 1, VERDICT_SHUT, 0);
	for (int i = 0; i < 10; i++)
		cr_assert_str_neq(next(1), "two");
}
