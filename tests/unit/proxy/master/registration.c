/* registration: announcements and what they are answered. */
#include "registration.h"

#include <criterion/criterion.h>

#include "peer_fixture.h"

static struct registration j;
static struct addr_net nets[1];
static struct registration_peer guest;
static struct buf out;

static void
open_join(void)
{
	const char *why;

	cr_assert_eq(addr_net_parse(&nets[0], "127.0.0.0/8", &why), 0);
	guest.peer = peer_at("127.0.0.1", 40000);
	j = (struct registration){.registry = registry_new(2, 2),
				  .tally = server_stats_new(1, 2),
				  .proxy_id = "proxy",
				  .trusted = nets,
				  .trusted_n = 1};
	cr_assert_eq(addr_numeric(&j.self[0], "127.0.0.1", 2100), 0);
	j.selves = 1;
}

static void
close_join(void)
{
	registry_free(j.registry);
	counters_free(j.tally);
	buf_release(&out);
}

TestSuite(join, .init = open_join, .fini = close_join);

static uint64_t now = 1000;

static void
check(const char *text, enum registration_result result, const char *wanted)
{
	buf_clear(&out);
	cr_assert_eq(buf_append_str(&out, "HEAD"), 0);
	cr_assert_eq(registration_handle(&j, span_str(text), &guest, now, &out), result, "%s",
		     text);
	cr_assert_eq(buf_append(&out, "", 1), 0);
	const char *got = out.base + out.head + 4;
	cr_assert_not_null(strstr(got, wanted), "%s: %s lacks %s", text, got, wanted);
	cr_assert_eq(got[strlen(got) - 1], '\n');
}

Test(join, a_server_joins_renews_moves_and_leaves)
{
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"ack\":\"1\"}",
	      REGISTRATION_CHANGED, "\"verb\":\"registered\"");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"ack\":\"1\"}",
	      REGISTRATION_NOTHING, "\"verb\":\"renewed\"");
	check("{\"type\":1,\"id\":9,\"privPolyId\":1,\"listenport\":6,\"ack\":1}",
	      REGISTRATION_CHANGED, "{\"type\":4,");
	check("{\"type\":\"5\",\"id\":\"9\",\"privPolyId\":\"1\"}", REGISTRATION_CHANGED,
	      "\"verb\":\"deregistered\"");
	check("{\"type\":\"5\",\"id\":\"9\",\"privPolyId\":\"1\"}", REGISTRATION_NOTHING,
	      "bad-message");
}

Test(join, who_does_not_ask_is_answered_all_the_same)
{
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}",
	      REGISTRATION_CHANGED, "\"privPolyId\":\"1\",\"verb\":\"registered\"");
	check("{\"type\":1,\"id\":9,\"privPoliId\":1,\"listenport\":5,\"ack\":0}",
	      REGISTRATION_NOTHING,
	      "{\"type\":4,\"srcid\":\"proxy\",\"destid\":9,\"privPolyId\":1,\"verb\":\"renewed\"");
}

Test(join, what_cannot_be_is_refused)
{
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"70000\"}",
	      REGISTRATION_NOTHING, "listenport");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"host\":\"no.address\"}",
	      REGISTRATION_NOTHING, "numeric");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"2100\"}",
	      REGISTRATION_NOTHING, "denied");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"2100\",\"host\":\"127.0.0.1\"}",
	      REGISTRATION_NOTHING, "denied");
	guest.peer = peer_at("10.0.0.1", 40000);
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}",
	      REGISTRATION_NOTHING, "denied");
	cr_assert_eq(registry_server_end(j.registry), 0);
}

Test(join, a_server_is_taken_as_the_proxy_can_speak_to_it)
{
	static const char plain[] = "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
				    "\"listenport\":\"5\"}",
			  tls[] = "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
				  "\"listenport\":\"5\",\"tls\":\"1\"}";

	check(tls, REGISTRATION_NOTHING, "no server_ca to verify it by");
	j.tls_known = true;
	check(plain, REGISTRATION_CHANGED, "\"verb\":");
	cr_assert(!registry_server(j.registry, 0)->tls);
	check(tls, REGISTRATION_CHANGED,
	      "\"verb\":"); /* speaking otherwise, it is another server */
	cr_assert(registry_server(j.registry, 0)->tls);
	check(tls, REGISTRATION_NOTHING, "\"verb\":");
	j.tls_required = true;
	check(plain, REGISTRATION_NOTHING, "does not announce TLS");
	cr_assert(registry_server(j.registry, 0)->tls);
}

Test(join, servers_that_are_not_spoken_to_any_more_are_taken_out)
{
	j.tls_known = true;
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\"}",
	      REGISTRATION_CHANGED, "\"verb\":");
	check("{\"type\":\"1\",\"id\":\"8\",\"privPolyId\":\"1\",\"listenport\":\"6\","
	      "\"tls\":\"1\"}",
	      REGISTRATION_CHANGED, "\"verb\":");
	cr_assert_eq(registration_review(&j), REGISTRATION_NOTHING);
	j.tls_required = true;
	cr_assert_eq(registration_review(&j), REGISTRATION_CHANGED);
	cr_assert_lt(registry_find(j.registry, "9"), 0, "without TLS where it is required");
	cr_assert_geq(registry_find(j.registry, "8"), 0);
	j.tls_required = j.tls_known = false;
	cr_assert_eq(registration_review(&j), REGISTRATION_CHANGED);
	cr_assert_lt(registry_find(j.registry, "8"), 0, "with TLS where nothing can verify it");
}

#define SERVER_9 "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\""

Test(join, a_policy_does_one_job)
{
	struct proxy_conf conf = {.policy = {.job = (char[]){""}, .reply_timeout = 10000}};
	const struct event_entry *e;
	uint64_t n;

	j.conf = &conf;
	j.events = events_new();
	cr_assert_not_null(j.events);
	check(SERVER_9 ",\"job\":\"redact\",\"repeat\":\"0\",\"jobtimeout\":\"10001\"}",
	      REGISTRATION_CHANGED, "\"verb\":\"registered\"");
	e = events_get(j.events, events_last(j.events));
	cr_assert_str_eq(e->why, "127.0.0.1:5, job redact");
	check("{\"type\":\"1\",\"id\":\"8\",\"privPolyId\":\"1\",\"listenport\":\"6\"}",
	      REGISTRATION_NOTHING,
	      "\"code\":\"denied\",\"message\":\"its job is sha1: the job of policy 1 is redact, as of "
	      "server 9\"");
	n = events_last(j.events);
	cr_assert_eq(events_get(j.events, n)->kind, EVENT_REFUSED);
	cr_assert_eq(registration_review(&j), REGISTRATION_NOTHING);
	conf.policy.job = (char[]){"redact"};
	cr_assert_eq(registration_review(&j), REGISTRATION_NOTHING);
	conf.policy.job = (char[]){"sha1"};
	cr_assert_eq(registration_review(&j), REGISTRATION_CHANGED);
	cr_assert_lt(registry_find(j.registry, "9"), 0, "its policy is to do another job now");
	check(SERVER_9 ",\"job\":\"redact\"}", REGISTRATION_NOTHING,
	      "its job is redact: job is set to sha1 for policy 1");
	check(SERVER_9 ",\"job\":\"sha1\"}", REGISTRATION_CHANGED, "\"verb\":\"registered\"");
	events_free(j.events);
}

/* What it says at its own place; from another it may be somebody else. */
Test(join, a_server_that_is_not_what_it_was_is_taken_out)
{
	check("{\"type\":\"1\",\"id\":\"8\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"job\":\"up\"}",
	      REGISTRATION_CHANGED, "registered");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"6\",\"job\":\"up\"}",
	      REGISTRATION_CHANGED, "registered");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"7\",\"job\":\"down\"}",
	      REGISTRATION_NOTHING, "denied");
	check("{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"6\",\"job\":\"down\"}",
	      REGISTRATION_CHANGED, "its job is down: the job of policy 1 is up, as of server 8");
	cr_assert_lt(registry_find(j.registry, "9"), 0);
	cr_assert_geq(registry_find(j.registry, "8"), 0);
}

Test(join, what_is_no_registration_is_refused_whoever_hands_it_over)
{
	check("{\"type\":0,\"srcid\":1,\"privPoliId\":1,\"payload\":\"\"}", REGISTRATION_NOTHING,
	      "bad-message");
	check("{\"type\":4}", REGISTRATION_NOTHING, "bad-message");
	check("rubbish", REGISTRATION_NOTHING, "bad-json");
}

/* The server at that index has answered a request. */
static void
has_answered(unsigned at)
{
	counter_add(&server_stats_cell(j.tally, 0, at)->served, 1);
}

static void
from(const char *host)
{
	guest.peer = peer_at(host, 40000);
}

Test(join, a_full_registry_says_so)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "\"verb\":");
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "\"verb\":");
	has_answered(0);
	has_answered(1);
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":7}", REGISTRATION_NOTHING,
	      "overloaded");
}

Test(join, who_never_answered_makes_room_the_one_first_that_is_heard_of_least)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "\"verb\":");
	now++;
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "\"verb\":");
	now++;
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_NOTHING,
	      "renewed");
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":7}", REGISTRATION_CHANGED,
	      "registered");
	cr_assert_geq(registry_find(j.registry, "1"), 0);
	cr_assert_lt(registry_find(j.registry, "2"), 0);
	has_answered((unsigned)registry_find(j.registry, "1"));
	check("{\"type\":1,\"id\":4,\"privPolyId\":1,\"listenport\":8}", REGISTRATION_CHANGED,
	      "registered");
	cr_assert_lt(registry_find(j.registry, "3"), 0);
}

Test(join, a_policy_is_made_room_for_by_the_only_server_of_another)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "\"verb\":");
	check("{\"type\":1,\"id\":2,\"privPolyId\":2,\"listenport\":6}", REGISTRATION_CHANGED,
	      "\"verb\":");
	has_answered(0);
	check("{\"type\":1,\"id\":3,\"privPolyId\":3,\"listenport\":7}", REGISTRATION_CHANGED,
	      "registered");
	cr_assert_geq(registry_find(j.registry, "1"), 0);
	has_answered((unsigned)registry_find(j.registry, "3"));
	check("{\"type\":1,\"id\":4,\"privPolyId\":4,\"listenport\":8}", REGISTRATION_NOTHING,
	      "overloaded");
}

Test(join, an_address_has_no_more_unsigned_servers_than_it_may)
{
	j.servers_per_address = 1;
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "\"verb\":");
	has_answered(0);
	from("127.9.9.9"); /* all of loopback is one */
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":6,\"host\":\"127.3.3.3\"}",
	      REGISTRATION_NOTHING, "overloaded");
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "\"verb\":");
	nets[0].bits = 0;
	from("192.0.2.9");
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "registered");
	/* It is another's that never answered: no reason for this address to have more. */
	from("127.0.0.1");
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":7}", REGISTRATION_NOTHING,
	      "overloaded");
}

static const char *
id_at(unsigned index)
{
	const struct registry_server *s = registry_server(j.registry, index);

	return s->used ? s->id : "";
}

Test(join, a_plain_server_is_one_server_whatever_it_calls_itself)
{
	uint64_t before;

	j.events = events_new();
	cr_assert_not_null(j.events);
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "registered");
	before = registry_server(j.registry, 0)->incarnation;
	has_answered(0);
	cr_assert(registry_set_admin(j.registry, 0, REGISTRY_DRAINING, now));
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "registered");
	cr_assert_str_eq(id_at(0), "2");
	cr_expect_eq(registry_server_end(j.registry), 1, "in its place");
	cr_expect_eq(registry_server(j.registry, 0)->admin, REGISTRY_DRAINING);
	cr_expect_neq(registry_server(j.registry, 0)->incarnation, before);
	cr_expect(!server_stats_has_served(j.tally, 0), "what it counted was the other's");
	cr_expect_eq(events_get(j.events, events_last(j.events) - 1)->kind, EVENT_REMOVED);
	cr_expect_str_eq(events_get(j.events, events_last(j.events) - 1)->why,
			 "server 2 was announced at its address");
	cr_expect_eq(events_get(j.events, events_last(j.events))->kind, EVENT_REPLACED);
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_NOTHING,
	      "renewed");

	/* One that moves there takes the place as well, with its own orders. */
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "registered");
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "registered");
	cr_expect_lt(registry_find(j.registry, "2"), 0);
	cr_assert_eq(registry_find(j.registry, "3"), 1);
	cr_expect_eq(registry_server(j.registry, 1)->admin, REGISTRY_ENABLED);
	events_free(j.events);
}

Test(join, servers_share_an_address_that_serve_several_connections_or_other_policies)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "registered");
	check("{\"type\":1,\"id\":2,\"privPolyId\":2,\"listenport\":5}", REGISTRATION_CHANGED,
	      "registered");
	cr_assert(registry_find(j.registry, "1") >= 0 && registry_find(j.registry, "2") >= 0);
	check("{\"type\":1,\"id\":1,\"privPolyId\":2,\"listenport\":5,\"keepalive\":1}",
	      REGISTRATION_CHANGED, "registered");
	cr_assert(registry_find(j.registry, "1") >= 0 && registry_find(j.registry, "2") >= 0);
	check("{\"type\":1,\"id\":2,\"privPolyId\":2,\"listenport\":5,\"keepalive\":1}",
	      REGISTRATION_CHANGED, "registered");
	cr_assert(registry_find(j.registry, "1") >= 0 && registry_find(j.registry, "2") >= 0);
}

Test(join, a_signed_server_gives_its_address_to_no_unsigned_one)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "registered");
	registry_own(j.registry, 0, "key", 1, false);
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "registered");
	cr_assert(registry_find(j.registry, "1") == 0 && registry_find(j.registry, "2") == 1);
}

Test(join, nobody_unsigned_is_at_an_address_of_the_networks_own_services)
{
	static const char *const internal[] = {"169.254.169.254", "169.254.0.1",
					       "100.100.100.200", "fe80::1",
					       "fd00:ec2::254",	  "::ffff:169.254.169.254"};
	char text[128];

	for (size_t i = 0; i < sizeof internal / sizeof *internal; i++) {
		(void)snprintf(
			text, sizeof text,
			"{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":80,\"host\":\"%s\"}",
			internal[i]);
		check(text, REGISTRATION_NOTHING, "denied");
	}
	nets[0].family = AF_INET;
	nets[0].bits = 0; /* an operator who trusts them says so */
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":80,\"host\":\"169.254.0.1\"}",
	      REGISTRATION_CHANGED, "registered");
}

Test(join, the_announced_host_is_where_it_is_reached)
{
	char text[ADDR_TEXT];

	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5,\"host\":\"192.0.2.7\"}",
	      REGISTRATION_CHANGED, "\"verb\":");
	cr_assert_str_eq(addr_text(&registry_server(j.registry, 0)->addr, text), "192.0.2.7:5");
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "\"verb\":");
	cr_assert_str_eq(addr_text(&registry_server(j.registry, 1)->addr, text), "127.0.0.1:6");
}

static enum server_life older; /* what the one that is asked for is */

static enum server_life
life_of_older(unsigned server, void *ctx)
{
	(void)server;
	(void)ctx;
	return older;
}

/* From a connection of its own. */
static void
announce_at(unsigned port, enum registration_result result, const char *wanted)
{
	char text[128];

	guest.incarnation = 0;
	(void)snprintf(text, sizeof text,
		       "{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\","
		       "\"listenport\":\"%u\",\"lease\":\"60\",\"ack\":\"1\"}",
		       port);
	check(text, result, wanted);
}

static const char renewed[] = "\"verb\":\"renewed\"}";

Test(join, the_older_server_is_told_once_of_each_refusal_for_its_sake)
{
	j.life = life_of_older;
	older = SERVER_ASKED;
	announce_at(5, REGISTRATION_CHANGED, "\"verb\":\"registered\"}");
	announce_at(6, REGISTRATION_NOTHING, "overloaded");
	announce_at(5, REGISTRATION_NOTHING, renewed);
	older = SERVER_LIVES;
	announce_at(6, REGISTRATION_NOTHING, "denied");
	announce_at(7, REGISTRATION_NOTHING, "denied");
	announce_at(5, REGISTRATION_NOTHING, "\"verb\":\"renewed\",\"rival\":\"127.0.0.1:7\"}");
	announce_at(5, REGISTRATION_NOTHING, renewed);
	announce_at(6, REGISTRATION_NOTHING, "denied");
	announce_at(5, REGISTRATION_NOTHING, "\"verb\":\"renewed\",\"rival\":\"127.0.0.1:6\"}");
}

Test(join, a_server_that_takes_the_place_is_not_told_of_a_rival)
{
	j.life = life_of_older;
	older = SERVER_LIVES;
	announce_at(5, REGISTRATION_CHANGED, "\"verb\":\"registered\"}");
	announce_at(6, REGISTRATION_NOTHING, "denied");
	older = SERVER_GONE;
	announce_at(6, REGISTRATION_CHANGED, "\"verb\":\"registered\"}");
	announce_at(6, REGISTRATION_NOTHING, renewed);
}

Test(join, a_newcomer_begins_with_clean_counts)
{
	struct server_stats_cell sum;

	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "\"verb\":");
	counter_add(&server_stats_cell(j.tally, 0, 0)->served, 5);
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "\"verb\":");
	counters_sum(j.tally, 0, &sum);
	cr_assert_eq(counter_get(&sum.served), 5,
		     "the same server on another port keeps its counts");
	check("{\"type\":5,\"id\":1,\"privPolyId\":1}", REGISTRATION_CHANGED, "deregistered");
	check("{\"type\":1,\"id\":2,\"privPolyId\":1,\"listenport\":5}", REGISTRATION_CHANGED,
	      "\"verb\":");
	check("{\"type\":1,\"id\":3,\"privPolyId\":1,\"listenport\":6}", REGISTRATION_CHANGED,
	      "\"verb\":");
	counters_sum(j.tally, 0, &sum);
	cr_assert_eq(counter_get(&sum.served), 0);
}

Test(join, leases_that_end_change_the_registry)
{
	check("{\"type\":1,\"id\":1,\"privPolyId\":1,\"listenport\":5,\"lease\":2}",
	      REGISTRATION_CHANGED, "");
	cr_assert_eq(registration_expire(&j, 2999), REGISTRATION_NOTHING);
	cr_assert_eq(registration_expire(&j, 3000), REGISTRATION_CHANGED);
	cr_assert_eq(registration_expire(&j, 3000), REGISTRATION_NOTHING);
}

Test(join, each_answer_is_counted)
{
	struct registration_stats counts = {.refused = {0}};
	const char *nine =
		"{\"type\":\"1\",\"id\":\"9\",\"privPolyId\":\"1\",\"listenport\":\"5\",\"ack\":\"1\"}";

	j.counts = &counts;
	check(nine, REGISTRATION_CHANGED, "registered");
	check(nine, REGISTRATION_NOTHING, "renewed");
	check(nine, REGISTRATION_NOTHING, "renewed");
	check("{\"type\":\"5\",\"id\":\"8\",\"privPolyId\":\"1\"}", REGISTRATION_NOTHING,
	      "bad-message");
	check("{\"type\":\"5\",\"id\":\"9\",\"privPolyId\":\"1\"}", REGISTRATION_CHANGED,
	      "deregistered");
	guest.peer = peer_at("192.0.2.1", 4000);
	check(nine, REGISTRATION_NOTHING, "denied");
	cr_assert(counts.done[REGISTRATION_REGISTERED] == 1 &&
		  counts.done[REGISTRATION_RENEWED] == 2 &&
		  counts.done[REGISTRATION_DEREGISTERED] == 1 &&
		  counts.done[REGISTRATION_CHALLENGE] == 0);
	cr_assert(counts.refused[PACKET_DENIED] == 1 && counts.refused[PACKET_BAD_MESSAGE] == 1);
}
