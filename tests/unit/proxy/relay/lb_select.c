/* lb_select: which server of a policy, by what all workers know. */
#include "lb_select.h"
#include "policy_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { SERVERS = 3, CROWD = 200 /* more than are asked for their load each time */ };

static char how[32]; /* of 111, the only policy */
static char no_name[] = "";
static struct proxy_conf conf;
static struct upstream_env env;
static struct registry *registry;
static struct verdicts *verdicts;
static struct event_base *base;
static struct upstreams *upstreams;
static struct lb_select *chooser;
static struct request *q, *sent[8];
static unsigned sent_n;
static const struct registry_snapshot_policy *policy;

static const struct upstream_ops no_ops;

static enum registry_change
announce_as(const char *id, unsigned weight, bool pooled)
{
	struct packet_announcement a = {.port = 1,
					.keepalive = pooled,
					.pipeline = pooled ? 8 : 1,
					.slots = pooled ? 65535 : 1,
					.weight = weight};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	(void)snprintf(a.policy, sizeof a.policy, "111");
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	return registry_join(registry, &a, &at, 1000);
}

static enum registry_change
announce(const char *id, unsigned weight)
{
	return announce_as(id, weight, true);
}

static void
open_pool(void)
{
	base = event_base_new();
	conf = (struct proxy_conf){.max_servers = CROWD,
				   .max_policies = 1,
				   .server_connections = 1,
				   .plain_message = 2048,
				   .server.name = no_name};
	registry = registry_new(CROWD, 1);
	verdicts = verdicts_new(CROWD);
	env = (struct upstream_env){.conf = &conf,
				    .loop = conn_loop_new(base, 4096),
				    .roster = registry_snapshot_new(registry),
				    .permits = permits_new(CROWD, 2),
				    .tally = server_stats_new(2, CROWD),
				    .meter = worker_stats_new(2, 1),
				    .verdicts = verdicts};
	upstreams = upstreams_new(&env, &no_ops, NULL);
	permits_admit(env.permits, 0);
	q = request_new(NULL, NULL, span_of("x", 1), span_of(NULL, 0));
	for (unsigned i = 0; i < SERVERS; i++)
		cr_assert_eq(announce((const char *const[]){"one", "two", "three"}[i], i + 1),
			     REGISTRY_JOINED);
}

static void
close_pool(void)
{
	request_free(q);
	lb_select_free(chooser);
	upstreams_abandon(upstreams);
	upstreams_free(upstreams);
	while (sent_n > 0)
		request_free(sent[--sent_n]);
	registry_snapshot_free(env.roster);
	permits_free(env.permits);
	counters_free(env.tally);
	worker_stats_free(env.meter);
	verdicts_free(verdicts);
	registry_free(registry);
	conn_loop_free(env.loop);
	event_base_free(base);
}

/* The request has been failed by that server. */
static void
fails(unsigned server)
{
	const struct registry_server *s = registry_snapshot_server(env.roster, server);

	request_failed_by(q, s->incarnation, s->id);
}

TestSuite(chooser, .init = open_pool, .fini = close_pool);

static void
balance(const char *word)
{
	(void)snprintf(add_section(&conf, "111")->balance = how, sizeof how, "%s", word);
	cr_assert(registry_snapshot_refresh(env.roster));
	chooser = lb_select_new(&env, registry);
	cr_assert_not_null(chooser);
	lb_select_refresh(chooser);
	policy = registry_snapshot_find(env.roster, span_str("111"));
	cr_assert_not_null(policy);
}

static const char *
next(uint64_t now)
{
	int pick;

	cr_assert(lb_select_begin(chooser, upstreams, policy, q, now));
	pick = lb_select_next(chooser);
	cr_assert_geq(pick, 0);
	return registry_snapshot_server(env.roster, (unsigned)pick)->id;
}

/* In flight, for as long as the test lasts: it is being connected to. */
static void
send_to(unsigned server)
{
	struct request *r = request_new(NULL, (struct client *)&conf, span_of("x", 1),
					span_of(NULL, 0));
	const char *why = NULL;

	cr_assert_eq(upstream_send(upstreams, server, r, &why), 0, "%s", why);
	sent[sent_n++] = r;
}

Test(chooser, turns_are_taken_from_the_counter_that_all_workers_share)
{
	balance("roundrobin");
	cr_assert_str_eq(next(1), "one");
	cr_assert_str_eq(next(1), "two");
	(void)registry_turn(registry, policy->index); /* another worker's */
	cr_assert_str_eq(next(1), "one");
	cr_assert(lb_select_foresee(chooser, upstreams, policy, q, 1));
	cr_assert_str_eq(next(1), "two", "looking takes no turn");
}

Test(chooser, each_is_offered_once)
{
	balance("roundrobin");
	cr_assert(lb_select_begin(chooser, upstreams, policy, q, 1));
	for (unsigned i = 0, seen = 0; i <= SERVERS; i++) {
		int pick = lb_select_next(chooser);
		cr_assert_eq(pick == LB_NOBODY, i == SERVERS);
		cr_assert(pick == LB_NOBODY || !(seen & 1u << pick));
		seen |= pick == LB_NOBODY ? 0 : 1u << pick;
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
	counter_add(&server_stats_cell(env.tally, 1, 0)->in_flight, 1); /* of the other worker */
	send_to(1);							/* our own */
	send_to(1);
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(10), "three");
	for (int i = 0; i < 4; i++)
		send_to(2);
	cr_assert_str_neq(next(10), "three", "our own is known at once");
	counter_add(&server_stats_cell(env.tally, 1, 0)->in_flight, -1);
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
	cr_assert_eq(lb_select_key(chooser, policy, &a), lb_select_key(chooser, policy, &b));
	cr_assert_eq(lb_select_key(chooser, policy, &a), lb_select_key(chooser, policy, &c));
	cr_assert_neq(lb_select_key(chooser, policy, &a), 0);
	q->hash = lb_select_key(chooser, policy, &a);
	const char *first = next(1);
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(1), first);
}

Test(chooser, a_server_that_is_shut_is_not_offered)
{
	balance("roundrobin");
	server_health_set(verdicts, 1, SERVER_HEALTH_SHUT, 0);
	for (int i = 0; i < 10; i++)
		cr_assert_str_neq(next(1), "two");
}

Test(chooser, a_server_that_failed_a_request_is_asked_by_it_once_no_other_is_left)
{
	const uint64_t later = 1000; /* who is well would be known by then */

	balance("roundrobin");
	fails(0);
	for (int i = 0; i < 10; i++)
		cr_assert_str_neq(next(later), "one");
	fails(2);
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(later), "two");
	cr_assert(lb_select_knows_another(chooser, upstreams, policy, q));
	fails(1);
	cr_assert_not(lb_select_knows_another(chooser, upstreams, policy, q));
	cr_assert(lb_select_begin(chooser, upstreams, policy, q, later));
}

/* ---- what is known without a look ---- */

Test(chooser, a_server_that_is_well_again_has_its_turn_back)
{
	balance("roundrobin");
	cr_assert_str_eq(next(1), "one");
	server_health_set(verdicts, 1, SERVER_HEALTH_SHUT, 0);
	cr_assert_str_eq(next(1), "three"); /* the second of two */
	server_health_set(verdicts, 1, SERVER_HEALTH_OPEN, 0);
	cr_assert_str_eq(next(1), "three");
	cr_assert_str_eq(next(1), "one");
	cr_assert_str_eq(next(1), "two");
}

Test(chooser, what_was_offered_to_one_request_is_there_for_the_next)
{
	balance("roundrobin");
	cr_assert(lb_select_begin(chooser, upstreams, policy, q, 1));
	while (lb_select_next(chooser) != LB_NOBODY)
		;
	cr_assert_str_eq(next(1), "two");
	cr_assert_str_eq(next(1), "three");
	cr_assert_str_eq(next(1), "one");
}

Test(chooser, a_server_is_passed_over_while_it_is_full_and_no_longer)
{
	balance("roundrobin");
	for (int i = 0; i < 8; i++)
		send_to(0);
	for (int i = 0; i < 9; i++)
		cr_assert_str_neq(next(1), "one");
	upstreams_abandon(upstreams);
	cr_assert_str_eq(next(1), "one", "turn 9 of three");
}

Test(chooser, nobody_is_offered_when_all_are_full)
{
	cr_assert_eq(announce_as("plain", 1, false), REGISTRY_JOINED);
	cr_assert(registry_leave(registry, "one", "111"));
	cr_assert(registry_leave(registry, "two", "111"));
	cr_assert(registry_leave(registry, "three", "111"));
	balance("roundrobin");
	cr_assert_str_eq(next(1), "plain");
	send_to(3);
	cr_assert_not(lb_select_begin(chooser, upstreams, policy, q, 1));
	cr_assert_eq(registry_turn_next(registry, policy->index), 1, "no turn was taken in vain");
}

Test(chooser, one_that_fails_is_offered_only_where_nobody_else_is)
{
	balance("roundrobin");
	server_health_set(verdicts, 0, SERVER_HEALTH_LAST, 0);
	for (int i = 0; i < 6; i++)
		cr_assert_str_neq(next(1), "one");
	server_health_set(verdicts, 1, SERVER_HEALTH_SHUT, 0);
	server_health_set(verdicts, 2, SERVER_HEALTH_SHUT, 0);
	cr_assert_str_eq(next(1), "one");
}

/* It is worth waiting for one that has other requests to answer. */
Test(chooser, one_that_fails_is_not_offered_while_another_is_but_full)
{
	balance("roundrobin");
	server_health_set(verdicts, 0, SERVER_HEALTH_LAST, 0);
	server_health_set(verdicts, 1, SERVER_HEALTH_SHUT, 0);
	for (int i = 0; i < 8; i++)
		send_to(2);
	cr_assert_not(lb_select_begin(chooser, upstreams, policy, q, 1));
}

Test(chooser, what_a_plain_server_cannot_take_goes_to_others)
{
	char large[4096] = {0};

	cr_assert_eq(announce_as("plain", 1, false), REGISTRY_JOINED);
	balance("roundrobin");
	for (int i = 0; i < 3; i++)
		(void)next(1);
	cr_assert_str_eq(next(1), "plain");
	request_free(q);
	q = request_new(NULL, NULL, span_of(large, sizeof large), span_of(NULL, 0));
	for (int i = 0; i < 8; i++)
		cr_assert_str_neq(next(1), "plain");
}

static void
join_a_crowd(void)
{
	char id[16];

	for (unsigned i = SERVERS; i < CROWD; i++) {
		(void)snprintf(id, sizeof id, "%u", i);
		cr_assert_eq(announce(id, 1), REGISTRY_JOINED);
	}
}

Test(chooser, turns_go_round_in_a_crowd)
{
	join_a_crowd();
	balance("roundrobin");
	for (unsigned i = 0; i < 2 * CROWD; i++) {
		cr_assert(lb_select_begin(chooser, upstreams, policy, q, 1));
		cr_assert_eq(lb_select_next(chooser), (int)(i % CROWD));
	}
}

/* Of most nothing was asked for a while. */
Test(chooser, a_server_of_a_crowd_that_others_have_made_busy_is_passed_over)
{
	join_a_crowd();
	balance("leastconn");
	(void)next(10);
	for (unsigned i = 0; i < CROWD; i++)
		if (i != 150)
			counter_set(&server_stats_cell(env.tally, 1, i)->in_flight, 1 + i % 2);
	for (unsigned i = 0; i < 40; i++) /* a moment later all are known */
		(void)next(11 + i);
	for (unsigned i = 0; i < 5; i++)
		cr_assert_str_eq(next(60), "150");
	counter_set(&server_stats_cell(env.tally, 1, 150)->in_flight, 9);
	cr_assert_str_neq(next(61), "150", "it is asked before it is chosen");
}

/* What a look at each picks for a key, by the load of all workers. */
static int
by_a_look_at_all(uint64_t key, const bool *shut, const uint32_t *load)
{
	struct lb_server server[CROWD];
	struct lb_live live = {LB_HASH, server, CROWD, 0, key};

	for (unsigned i = 0; i < CROWD; i++) {
		const struct registry_server *s = registry_snapshot_server(env.roster, i);
		server[i] = (struct lb_server){!shut[i], s->weight, load[i],
					       lb_hash(span_str(s->id))};
	}
	return lb_pick(&live);
}

/* The same as if all were looked at, for keys that come again and keys that are new, whatever is
 * down, and whatever others have made busy. */
static void
keys_in_a_crowd(unsigned weights)
{
	bool shut[CROWD] = {false};
	uint32_t load[CROWD] = {0};
	char id[16];

	for (unsigned i = 0; i < CROWD; i++) {
		(void)snprintf(id, sizeof id, "%u", i);
		if (i >= SERVERS)
			cr_assert_eq(announce(id, 1 + i % weights), REGISTRY_JOINED);
	}
	balance("hash");
	for (unsigned step = 0; step < 400; step++) {
		uint64_t key = lb_hash(span_of((const char *)&step, 1 + step % 2));
		unsigned i = (unsigned)(key % CROWD);
		shut[i] = !shut[i];
		server_health_set(verdicts, i, shut[i] ? SERVER_HEALTH_SHUT : SERVER_HEALTH_OPEN,
				  0);
		i = (i + step) % CROWD;
		load[i] = step % 30;
		counter_set(&server_stats_cell(env.tally, 1, i)->in_flight, load[i]);
		for (unsigned ms = 0; ms < 20; ms++) /* a moment later all are known */
			(void)lb_select_foresee(chooser, upstreams, policy, q, 100 * step + ms);
		q->hash = key;
		cr_assert(lb_select_begin(chooser, upstreams, policy, q, 100 * step + 20));
		cr_assert_eq(lb_select_next(chooser), by_a_look_at_all(key, shut, load), "%u",
			     step);
		q->hash = lb_hash(span_of("hot", 3));
		cr_assert(lb_select_begin(chooser, upstreams, policy, q, 100 * step + 20));
		cr_assert_eq(lb_select_next(chooser), by_a_look_at_all(q->hash, shut, load),
			     "hot, %u", step);
	}
}

Test(chooser, a_key_goes_where_a_look_at_all_servers_of_a_crowd_sends_it)
{
	keys_in_a_crowd(1);
}

Test(chooser, by_weight_too)
{
	keys_in_a_crowd(5);
}

Test(chooser, turns_by_weight_in_a_crowd_are_those_of_a_look_at_all)
{
	struct lb_server server[CROWD];
	char id[16];

	for (unsigned i = SERVERS; i < CROWD; i++) {
		(void)snprintf(id, sizeof id, "%u", i);
		cr_assert_eq(announce(id, 1 + i % 5), REGISTRY_JOINED);
	}
	balance("weighted");
	for (unsigned i = 0; i < CROWD; i++)
		server[i] = (struct lb_server){
			true, registry_snapshot_server(env.roster, i)->weight, 0, 0};
	for (unsigned turn = 0; turn < 1000; turn++) {
		struct lb_live live = {LB_WEIGHTED, server, CROWD, turn, 0};
		unsigned i = 1 + turn * 7 % (CROWD - 1); /* the first one stays */
		cr_assert(lb_select_begin(chooser, upstreams, policy, q, turn));
		cr_assert_eq(lb_select_next(chooser), lb_pick(&live), "%u", turn);
		server[i].usable = !server[i].usable;
		server_health_set(verdicts, i,
				  server[i].usable ? SERVER_HEALTH_OPEN : SERVER_HEALTH_SHUT, 0);
	}
}

/* ---- backups ---- */

static enum registry_change
announce_backup(const char *id, unsigned weight)
{
	struct packet_announcement a = {.port = 1,
					.policy = "111",
					.keepalive = true,
					.pipeline = 8,
					.slots = 65535,
					.weight = weight,
					.backup = true};
	struct addr at;

	(void)snprintf(a.id, sizeof a.id, "%s", id);
	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 1), 0);
	return registry_join(registry, &a, &at, 1000);
}

/* Two and three are backups; one is none. */
static void
two_backups(const char *how_balanced)
{
	cr_assert_eq(announce_backup("two", 2), REGISTRY_REPLACED);
	cr_assert_eq(announce_backup("three", 3), REGISTRY_REPLACED);
	balance(how_balanced);
	cr_assert_geq(policy->backups, 2);
}

static void
order(const char *id, enum registry_admin admin)
{
	(void)registry_set_admin(registry, (unsigned)registry_find(registry, id), admin, 1);
	cr_assert(registry_snapshot_refresh(env.roster));
	lb_select_refresh(chooser);
}

Test(chooser, backups_take_nothing_while_another_is_up)
{
	two_backups("roundrobin");
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(1), "one");
	cr_assert(lb_select_begin(chooser, upstreams, policy, q, 1));
	(void)lb_select_next(chooser);
	cr_assert_eq(lb_select_next(chooser), LB_NOBODY, "nor as a second choice");
	cr_assert(lb_select_is_held(chooser, 1) && lb_select_is_held(chooser, 2));
	cr_assert_not(lb_select_is_held(chooser, 0));
	server_health_set(verdicts, 1, SERVER_HEALTH_LAST, 0);
	server_health_set(verdicts, 1, SERVER_HEALTH_OPEN, 0);
	cr_assert_str_eq(next(1), "one", "nor when one of them is well again");
}

Test(chooser, all_backups_share_what_comes_once_no_other_is_up)
{
	two_backups("roundrobin");
	server_health_set(verdicts, 0, SERVER_HEALTH_SHUT, 0);
	const char *first = next(1), *second = next(1);
	cr_assert_str_neq(first, second);
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(1), i % 2 == 0 ? first : second);
	cr_assert_not(lb_select_is_held(chooser, 1));
	server_health_set(verdicts, 0, SERVER_HEALTH_OPEN, 0);
	cr_assert_str_eq(next(1), "one", "back at once");
}

Test(chooser, a_server_that_drains_or_is_disabled_or_fails_keeps_no_backup_off)
{
	two_backups("weighted");
	order("one", REGISTRY_DRAINING);
	cr_assert_str_neq(next(1), "one");
	order("one", REGISTRY_DISABLED);
	cr_assert_str_neq(next(1), "one");
	order("one", REGISTRY_ENABLED);
	cr_assert_str_eq(next(1), "one");
	server_health_set(verdicts, 0, SERVER_HEALTH_LAST, 0);
	cr_assert_str_neq(next(1), "one");
}

Test(chooser, a_request_that_failed_at_the_others_goes_to_a_backup)
{
	two_backups("roundrobin");
	fails(0);
	cr_assert_str_neq(next(1000), "one");
	cr_assert(lb_select_knows_another(chooser, upstreams, policy, q));
}

/* That it waits for a connection which declines nothing is no sign that it is down. */
Test(chooser, a_request_that_was_declined_comes_again_rather_than_go_to_a_backup)
{
	two_backups("roundrobin");
	server_health_set(verdicts, 0, SERVER_HEALTH_SHUT, 0);
	q->declines = 1;
	q->willing_only = true;
	cr_assert_not(lb_select_begin(chooser, upstreams, policy, q, 1));
	q->willing_only = false;
	cr_assert_str_neq(next(1), "one");
}

Test(chooser, one_that_has_just_returned_has_all_that_backups_had)
{
	conf.policy.slow_start = 10000; /* it sits out nearly each turn */
	two_backups("roundrobin");
	server_health_set(verdicts, 0, SERVER_HEALTH_RAMP, 1000);
	for (int i = 0; i < 50; i++)
		cr_assert_str_eq(next(1000), "one");
}

Test(chooser, backups_alone_are_a_policys_servers)
{
	cr_assert_eq(announce_backup("one", 1), REGISTRY_REPLACED);
	two_backups("roundrobin");
	const char *seen[] = {next(1), next(1), next(1)};
	cr_assert(strcmp(seen[0], seen[1]) != 0 && strcmp(seen[1], seen[2]) != 0 &&
		  strcmp(seen[0], seen[2]) != 0);
}

Test(chooser, untried_backups_that_are_held_are_on_no_trial)
{
	two_backups("roundrobin");
	server_health_set(verdicts, 1, SERVER_HEALTH_TRIAL, 0);
	server_health_set(verdicts, 2, SERVER_HEALTH_TRIAL, 0);
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(next(1), "one");
}
