/* registration_learn: what other proxies tell of servers; what a server announced itself outranks
 * it, and what may not be believed changes nothing. */
#include "registration.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "peer_fixture.h"

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static struct registration j;
static struct keyring *keyring;
static struct store_record rec;
static char why[REGISTRATION_WHY];

static void
open_join(void)
{
	keyring = keyring_parse("ring",
				span_str("key alpha\nsecret use " SECRET
					 "\ncount 2\nkey beta\nsecret use " SECRET "\n"),
				stderr);
	cr_assert_not_null(keyring);
	j = (struct registration){.registry = registry_new(3, 3),
				  .tally = server_stats_new(1, 3),
				  .events = events_new(),
				  .proxy_id = "p1",
				  .keyring = keyring,
				  .cluster = "pool"};
	cr_assert_eq(addr_numeric(&j.self[0], "192.0.2.1", 2100), 0);
	j.selves = 1;
	rec = (struct store_record){.a = {.id = "web-1",
					  .policy = "111",
					  .keepalive = true,
					  .slots = 8,
					  .pipeline = 64},
				    .by = "p2"};
	cr_assert_eq(addr_numeric(&rec.at, "192.0.2.7", 2105), 0);
}

static void
close_join(void)
{
	registry_free(j.registry);
	counters_free(j.tally);
	events_free(j.events);
	keyring_free(keyring);
}

TestSuite(learn, .init = open_join, .fini = close_join);

static enum registration_result
learn(uint64_t now)
{
	return registration_learn(&j, &rec, now, why);
}

static void
refused(const char *reason)
{
	(void)learn(1000);
	cr_expect_str_eq(why, reason);
}

static void
announce(const char *keyid, uint64_t epoch, uint16_t port)
{
	struct packet_announcement a = rec.a;
	struct addr at = rec.at;

	a.lease = 10;
	addr_set_port(&at, port);
	cr_assert_neq(registry_join(j.registry, &a, &at, 1000), REGISTRY_FULL);
	registry_own(j.registry, (unsigned)registry_find(j.registry, a.id), keyid, epoch, false);
}

static void
sign(uint64_t epoch)
{
	(void)strcpy(rec.a.sign.keyid, "alpha");
	rec.a.sign.epoch = epoch;
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
}

static enum registry_known
known(void)
{
	return registry_known(j.registry, (unsigned)registry_find(j.registry, "web-1"));
}

static unsigned
port(void)
{
	return addr_port(
		&registry_server(j.registry, (unsigned)registry_find(j.registry, "web-1"))->addr);
}

Test(learn, what_another_proxy_tells_of_is_in_the_registry)
{
	cr_expect_eq(learn(1000), REGISTRATION_CHANGED);
	cr_expect_str_empty(why);
	cr_expect_eq(known(), REGISTRY_STORE);
	cr_expect_str_eq(registry_tenure_of(j.registry, 0)->by, "p2");
	cr_expect_eq(events_count(j.events, EVENT_LEARNED), 1);
	cr_expect_eq(learn(2000), REGISTRATION_NOTHING);
	cr_expect_eq(events_count(j.events, EVENT_LEARNED), 1);
}

Test(learn, what_a_server_announced_itself_outranks_what_is_told)
{
	announce("", 0, 2106);
	cr_expect_eq(learn(1000), REGISTRATION_CHANGED);
	cr_expect_str_empty(why);
	cr_expect_eq(known(), REGISTRY_BOTH);
	cr_expect_eq(port(), 2106);
}

Test(learn, a_later_life_of_the_same_key_outranks_it)
{
	announce("alpha", 5, 2106);
	sign(5);
	(void)learn(1000);
	cr_expect_eq(known(), REGISTRY_BOTH);
	cr_expect_eq(port(), 2106);
	sign(6);
	cr_expect_eq(learn(1000), REGISTRATION_CHANGED);
	cr_expect_eq(known(), REGISTRY_STORE);
	cr_expect_eq(port(), 2105);
	cr_expect_eq(registry_tenure_of(j.registry, 0)->epoch, 6);
	cr_expect_eq(registry_tenure_of(j.registry, 0)->lease_end, 0);
	sign(5);
	refused("a later life of this server is known");
}

Test(learn, an_id_of_a_key_is_nobody_elses)
{
	announce("alpha", 5, 2106);
	refused("the id belongs to another key");
	(void)strcpy(rec.a.sign.keyid, "beta");
	rec.a.sign.epoch = 9;
	cr_assert_eq(store_record_sign(&rec, keyring, "pool", time(NULL)), 0);
	refused("the id belongs to another key");
}

Test(learn, what_is_not_signed_as_it_has_to_be_is_not_believed)
{
	j.require_signature = true;
	refused("it is not signed, and require_signature is set");
	sign(5);
	rec.a.weight = 100;
	refused("its mac is wrong");
	j.require_signature = false;
	refused("its mac is wrong");
	cr_expect_eq(registry_find(j.registry, "web-1"), -1);
	cr_expect_eq(registry_policy_end(j.registry), 0);
}

Test(learn, a_key_has_no_more_servers_than_it_may)
{
	sign(5);
	(void)learn(1000);
	(void)strcpy(rec.a.id, "web-2");
	sign(5);
	(void)learn(1000);
	cr_expect_str_empty(why);
	(void)strcpy(rec.a.id, "web-3");
	sign(5);
	refused("as many servers as the key may have are registered");
}

Test(learn, where_no_server_can_be_none_is)
{
	cr_assert_eq(addr_numeric(&rec.at, "192.0.2.1", 2100), 0);
	refused("the announced address is the proxy's own");
	cr_assert_eq(addr_numeric(&rec.at, "169.254.169.254", 80), 0);
	refused("an address of the network's own services, and not in trusted_networks");
	cr_assert_eq(addr_numeric(&rec.at, "127.0.0.1", 2105), 0);
	refused("a loopback address, told by another proxy, and not all listen on loopback");
	cr_assert_eq(addr_numeric(&j.self[0], "127.0.0.1", 2100), 0);
	cr_expect(registration_is_local(&j));
	(void)learn(1000);
	cr_expect_str_empty(why);
}

Test(learn, the_job_of_a_policy_is_that_of_its_servers)
{
	(void)learn(1000);
	(void)strcpy(rec.a.id, "web-2");
	(void)strcpy(rec.a.job, "redact");
	(void)learn(1000);
	cr_expect_not_null(strstr(why, "the job of policy 111 is sha1"));
	j.tls_required = true;
	refused("it does not announce TLS, which is required here");
}

Test(learn, a_full_registry_takes_no_more)
{
	static const char *const id[] = {"web-1", "web-2", "web-3", "web-4"};

	for (unsigned i = 0; i < 4; i++) {
		(void)strcpy(rec.a.id, id[i]);
		(void)registration_learn(&j, &rec, 1000, why);
	}
	cr_expect_str_eq(why, "no room for another server or policy");
}

Test(learn, what_is_told_no_more_fades_and_what_left_leaves)
{
	(void)learn(1000);
	cr_expect_eq(registration_unlearn(&j, "web-1", NULL, 2000), REGISTRATION_CHANGED);
	cr_expect_eq(known(), REGISTRY_FADING);
	cr_expect_eq(registration_unlearn(&j, "web-1", NULL, 3000), REGISTRATION_NOTHING);
	cr_expect_eq(events_count(j.events, EVENT_FADING), 1);
	cr_expect_eq(learn(4000), REGISTRATION_CHANGED);
	cr_expect_eq(known(), REGISTRY_STORE);
	store_record_leave(&rec, STORE_RECORD_ENDED);
	cr_expect_eq(registration_unlearn(&j, "web-1", &rec, 5000), REGISTRATION_CHANGED);
	cr_expect_eq(known(), REGISTRY_FADING);
	(void)strcpy(rec.gone, STORE_RECORD_LEFT);
	cr_expect_eq(registration_unlearn(&j, "web-1", &rec, 5000), REGISTRATION_CHANGED);
	cr_expect_eq(registry_find(j.registry, "web-1"), -1);
	cr_expect_eq(events_count(j.events, EVENT_LEFT), 1);
}

Test(learn, that_a_server_of_a_key_left_is_believed_with_its_mac_alone)
{
	struct store_record left;

	sign(5);
	(void)learn(1000);
	left = rec;
	store_record_leave(&left, STORE_RECORD_LEFT);
	(void)registration_unlearn(&j, "web-1", &left, 2000);
	cr_assert_geq(registry_find(j.registry, "web-1"), 0);
	cr_expect_eq(known(), REGISTRY_FADING);
	left.a.sign.keyid[0] = '\0';
	(void)registration_unlearn(&j, "web-1", &left, 2000);
	cr_assert_geq(registry_find(j.registry, "web-1"), 0);
	(void)strcpy(left.a.sign.keyid, "alpha");
	left.a.sign.epoch = 4;
	cr_assert_eq(store_record_sign(&left, keyring, "pool", time(NULL)), 0);
	(void)registration_unlearn(&j, "web-1", &left, 2000);
	cr_assert_geq(registry_find(j.registry, "web-1"), 0, "of an earlier life");
	left.a.sign.epoch = 5;
	cr_assert_eq(store_record_sign(&left, keyring, "pool", time(NULL)), 0);
	(void)registration_unlearn(&j, "web-1", &left, 2000);
	cr_expect_eq(registry_find(j.registry, "web-1"), -1);
}

Test(learn, what_announced_itself_here_stays_whatever_others_tell)
{
	announce("", 0, 2105);
	(void)learn(1000);
	store_record_leave(&rec, STORE_RECORD_LEFT);
	cr_expect_eq(registration_unlearn(&j, "web-1", &rec, 2000), REGISTRATION_CHANGED);
	cr_expect_eq(known(), REGISTRY_SELF);
	cr_expect_eq(events_count(j.events, EVENT_LEFT) + events_count(j.events, EVENT_FADING), 0);
}
