/* registration_signed: signed announcements; whatever is wrong with one changes nothing. */
#include "registration.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "peer_fixture.h"
#include "signature.h"

#define SECRET	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET3 "ee0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define DENIED	"\"code\":\"denied\",\"message\":\"this registration is not accepted\""

static const char ring[] = "key alpha\n"
			   "secret use " SECRET "\n"
			   "secret install " SECRET2 "\n"
			   "secret remove " SECRET3 "\n"
			   "policies 111\nids web-*\nnetworks 192.0.2.0/24\ncount 2\n"
			   "key beta\nsecret use " SECRET2 "\n"
			   "key old\nsecret use " SECRET " until 2001-01-01\n";

static struct registration j;
static struct addr_net nets[1];
static struct registration_peer guest;
static struct keyring *keyring;
static struct buf out;

static struct packet_announcement a;
static char secret[2 * SIGNATURE_SECRET_MAX];
static char cluster[16];
static char last_mac[PACKET_MAC + 1];

static void
open_join(void)
{
	const char *why;

	keyring = keyring_parse("ring", span_str(ring), stderr);
	cr_assert_not_null(keyring);
	cr_assert_eq(addr_net_parse(&nets[0], "127.0.0.0/8", &why), 0);
	j = (struct registration){.registry = registry_new(8, 8),
				  .tally = server_stats_new(1, 8),
				  .proxy_id = "proxy",
				  .trusted = nets,
				  .trusted_n = 1,
				  .keyring = keyring,
				  .cluster = "pool"};
	cr_assert_eq(addr_numeric(&j.self[0], "192.0.2.1", 2100), 0);
	j.selves = 1;
	guest.peer = peer_at("192.0.2.7", 40000);
	a = (struct packet_announcement){.id = "web-1",
					 .policy = "111",
					 .host = "192.0.2.7",
					 .port = 2105,
					 .ack = true,
					 .keepalive = true,
					 .lease = 10,
					 .sign = {.keyid = "alpha",
						  .epoch = 100,
						  .salt = "00112233445566778899aabbccddeeff"}};
	(void)strcpy(secret, SECRET);
	(void)strcpy(cluster, "pool");
}

static void
close_join(void)
{
	registry_free(j.registry);
	counters_free(j.tally);
	rate_limit_free(j.refusals);
	keyring_free(keyring);
	buf_release(&out);
}

TestSuite(join_signed, .init = open_join, .fini = close_join);

/* Hands the announcement over as it is; what was answered. */
static const char *
say(int type)
{
	struct buf text = BUF_INIT;
	int rc = type == PACKET_REGISTER ? packet_register(&text, &a)
					 : packet_deregister(&text, &a);

	cr_assert_eq(rc, 0);
	buf_clear(&out);
	(void)registration_handle(&j, buf_span(&text), &guest, 1000, &out);
	buf_release(&text);
	cr_assert_eq(buf_append(&out, "", 1), 0);
	return out.base + out.head;
}

static void
key_of_server(uint8_t key[DIGEST_MAC])
{
	uint8_t bytes[SIGNATURE_SECRET_MAX];
	int n = digest_decode(span_str(secret), bytes, sizeof bytes);

	cr_assert_gt(n, 0);
	signature_server_key(span_of((char *)bytes, (size_t)n), a.sign.keyid, a.id, key);
}

/* Signs for the nonce that stands and hands it over. */
static const char *
sign_and_say(int type)
{
	uint8_t key[DIGEST_MAC];
	const char *answer;
	struct packet_announcement sent = a;

	if (type == PACKET_DEREGISTER) {
		sent = (struct packet_announcement){.ack = a.ack, .sign = a.sign};
		(void)strcpy(sent.id, a.id);
		(void)strcpy(sent.policy, a.policy);
	}
	key_of_server(key);
	cr_assert_eq(signature_of_request(key, cluster, type, &sent, guest.nonce, a.sign.mac), 0);
	(void)strcpy(last_mac, a.sign.mac);
	answer = say(type);
	a.sign.mac[0] = '\0';
	return answer;
}

static const char *
challenge_and_say(int type)
{
	cr_assert_not_null(strstr(say(PACKET_REGISTER), "\"verb\":\"challenge\",\"nonce\":\""));
	return sign_and_say(type);
}

static void
accepted(const char *answer, const char *verb)
{
	cr_assert_not_null(strstr(answer, verb), "%s", answer);
	cr_assert_not_null(strstr(answer, "\"mac\":\""), "%s", answer);
}

/* Nothing but the one refusal, and the pool is as it was. */
static void
denied(const char *answer, const char *what)
{
	cr_expect_not_null(strstr(answer, DENIED), "%s: %s", what, answer);
	cr_expect_eq(guest.nonce[0], '\0', "%s: a nonce is left", what);
	cr_expect_not(guest.proven, "%s", what);
}

static unsigned
servers(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < registry_server_end(j.registry); i++)
		n += registry_server(j.registry, i)->used;
	return n;
}

Test(join_signed, a_server_joins_renews_and_leaves)
{
	char nonce[PACKET_NONCE + 1];

	cr_assert_not_null(strstr(say(PACKET_REGISTER), "\"verb\":\"challenge\""));
	cr_assert_eq(servers(), 0);
	(void)strcpy(nonce, guest.nonce);
	accepted(sign_and_say(PACKET_REGISTER), "\"verb\":\"registered\"");
	cr_assert_str_neq(guest.nonce, nonce);
	cr_assert(guest.proven);
	cr_assert_str_eq(registry_tenure_of(j.registry, 0)->keyid, "alpha");
	cr_assert_eq(registry_tenure_of(j.registry, 0)->epoch, 100);
	accepted(sign_and_say(PACKET_REGISTER), "\"verb\":\"renewed\"");
	accepted(sign_and_say(PACKET_DEREGISTER), "\"verb\":\"deregistered\"");
	cr_assert_eq(servers(), 0);
}

Test(join_signed, the_answer_proves_the_proxy)
{
	uint8_t key[DIGEST_MAC];
	char mac[PACKET_MAC + 1];
	struct packet_fault fault;
	struct packet_proof proof;
	struct packet p;
	struct span verb;

	(void)challenge_and_say(PACKET_REGISTER);
	cr_assert_eq(packet_parse(&p, span_of(out.base + out.head, buf_len(&out) - 2), &fault), 0);
	packet_acknowledged(&p, &verb, &proof);
	key_of_server(key);
	cr_assert_eq(signature_of_ack(key, last_mac, "registered", proof.nonce, mac), 0);
	cr_assert_str_eq(mac, proof.mac);
	cr_assert_str_eq(proof.nonce, guest.nonce);
}

Test(join_signed, nothing_can_be_replayed)
{
	struct packet_announcement first;

	cr_assert_not_null(strstr(say(PACKET_REGISTER), "challenge"));
	accepted(sign_and_say(PACKET_REGISTER), "registered");
	first = a;
	(void)strcpy(first.sign.mac, last_mac);
	a = first;
	denied(say(PACKET_REGISTER), "the same again");
	a.sign.mac[0] = '\0';
	cr_assert_not_null(strstr(say(PACKET_REGISTER), "challenge"));
	a = first;
	denied(say(PACKET_REGISTER), "the same for another challenge");
	denied(say(PACKET_REGISTER), "the same without any");
	denied(say(PACKET_DEREGISTER), "as another verb");
	cr_assert_eq(servers(), 1);
}

Test(join_signed, a_nonce_is_gone_once_anything_was_said)
{
	cr_assert_not_null(strstr(say(PACKET_REGISTER), "challenge"));
	char nonce[PACKET_NONCE + 1];
	(void)strcpy(nonce, guest.nonce);
	buf_clear(&out);
	(void)registration_handle(&j, span_str("{\"type\":1}"), &guest, 1000, &out);
	cr_assert_eq(guest.nonce[0], '\0');
	denied(sign_and_say(PACKET_REGISTER), "after rubbish");
	cr_assert_eq(servers(), 0);
}

#define WRONG(change)                                                          \
	do {                                                                   \
		struct packet_announcement before = a;                         \
		cr_assert_not_null(strstr(say(PACKET_REGISTER), "challenge")); \
		change;                                                        \
		denied(sign_and_say(PACKET_REGISTER), #change);                \
		a = before;                                                    \
		cr_assert_eq(servers(), 0, #change);                           \
	} while (0)

Test(join_signed, a_key_does_only_what_it_may)
{
	WRONG((void)strcpy(a.policy, "222"));
	WRONG((void)strcpy(a.id, "db-1"));
	WRONG((void)strcpy(a.host, "192.0.3.7"));
	WRONG((void)strcpy(a.host, ""));
	WRONG((void)strcpy(a.sign.keyid, "gamma"));
	WRONG((void)strcpy(a.sign.keyid, "beta"));
	WRONG((void)strcpy(a.sign.keyid, "old"));
	WRONG(a.sign.epoch = 0);
	WRONG(a.sign.salt[0] = '\0');
	WRONG((void)strcpy(cluster, "loop"));
	(void)strcpy(cluster, "pool");
	(void)strcpy(secret, SECRET3);
	WRONG((void)0);
	(void)strcpy(secret, SECRET);
	guest.peer = peer_at("192.0.3.7", 40000);
	WRONG((void)0);
	guest.peer = peer_at("192.0.2.7", 40000);
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
}

Test(join_signed, nobody_can_be_where_a_server_cannot_be)
{
	static const char *const hosts[] = {
		"127.0.0.1",	   "::1",     "0.0.0.0",	 "::", "224.0.0.1",
		"255.255.255.255", "ff02::1", "::ffff:127.0.0.1"};

	(void)strcpy(a.sign.keyid, "beta");
	(void)strcpy(secret, SECRET2);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		WRONG((void)strcpy(a.host, hosts[i]));
	WRONG((void)strcpy(a.host, "192.0.2.1"); a.port = 2100);
	WRONG((void)strcpy(a.host, "::ffff:192.0.2.1"); a.port = 2100);
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
}

/* A valid signature for one announcement with any field changed afterwards. */
Test(join_signed, what_was_signed_cannot_be_changed)
{
	struct packet_announcement good = a;

	cr_assert_not_null(strstr(say(PACKET_REGISTER), "challenge"));
#define CHANGED(change)                                                                          \
	do {                                                                                     \
		uint8_t key[DIGEST_MAC];                                                         \
		key_of_server(key);                                                              \
		cr_assert_eq(signature_of_request(key, "pool", PACKET_REGISTER, &a, guest.nonce, \
						  a.sign.mac),                                   \
			     0);                                                                 \
		change;                                                                          \
		denied(say(PACKET_REGISTER), #change);                                           \
		a = good;                                                                        \
		cr_assert_not_null(strstr(say(PACKET_REGISTER), "challenge"));                   \
	} while (0)
	CHANGED((void)strcpy(a.id, "web-2"));
	CHANGED((void)strcpy(a.host, "192.0.2.8"));
	CHANGED(a.port++);
	CHANGED(a.ack = false);
	CHANGED(a.keepalive = false);
	CHANGED(a.lease++);
	CHANGED(a.slots = 3);
	CHANGED(a.sign.epoch++);
	CHANGED(a.sign.salt[3] = 'f');
	CHANGED(a.sign.mac[0] = a.sign.mac[0] == '0' ? '1' : '0');
	CHANGED(a.sign.mac[63] = a.sign.mac[63] == '0' ? '1' : '0');
	cr_assert_eq(servers(), 0);
}

Test(join_signed, an_id_belongs_to_its_key)
{
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	/* another key */
	(void)strcpy(a.sign.keyid, "beta");
	(void)strcpy(secret, SECRET2);
	denied(challenge_and_say(PACKET_REGISTER), "take-over");
	denied(challenge_and_say(PACKET_DEREGISTER), "forged leave");
	/* nobody's key, from where unsigned ones are taken */
	guest.peer = peer_at("127.0.0.1", 40000);
	a.sign = (struct packet_signing){.epoch = 0};
	denied(say(PACKET_REGISTER), "unsigned take-over");
	denied(say(PACKET_DEREGISTER), "unsigned leave");
	cr_assert_eq(servers(), 1);
	cr_assert_str_eq(registry_tenure_of(j.registry, 0)->keyid, "alpha");
}

Test(join_signed, a_key_takes_over_what_is_nobodys)
{
	struct packet_signing sign = a.sign;

	guest.peer = peer_at("127.0.0.1", 40000);
	a.sign = (struct packet_signing){.epoch = 0};
	cr_assert_not_null(strstr(say(PACKET_REGISTER), "registered"));
	guest.peer = peer_at("192.0.2.7", 40000);
	a.sign = sign;
	accepted(challenge_and_say(PACKET_REGISTER), "renewed");
	cr_assert_str_eq(registry_tenure_of(j.registry, 0)->keyid, "alpha");
}

Test(join_signed, an_earlier_life_is_fenced_off)
{
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	a.sign.epoch = 101;
	a.port = 2106;
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	a.sign.epoch = 100;
	denied(challenge_and_say(PACKET_REGISTER), "an earlier life renews");
	denied(challenge_and_say(PACKET_DEREGISTER), "an earlier life leaves");
	cr_assert_eq(addr_port(&registry_server(j.registry, 0)->addr), 2106);
}

Test(join_signed, a_key_has_no_more_servers_than_its_count)
{
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	(void)strcpy(a.id, "web-2");
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	(void)strcpy(a.id, "web-3");
	denied(challenge_and_say(PACKET_REGISTER), "a third");
	(void)strcpy(a.id, "web-2");
	accepted(challenge_and_say(PACKET_REGISTER), "renewed");
	accepted(sign_and_say(PACKET_DEREGISTER), "deregistered");
	(void)strcpy(a.id, "web-3");
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
}

Test(join_signed, a_secret_is_rotated_without_a_gap)
{
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	cr_assert(registry_tenure_of(j.registry, 0)->old_secret, "there is a newer one to install");
	(void)strcpy(secret, SECRET2);
	accepted(challenge_and_say(PACKET_REGISTER), "renewed");
	cr_assert_not(registry_tenure_of(j.registry, 0)->old_secret,
		      "what comes after it is removed");
	(void)strcpy(secret, SECRET);
	accepted(challenge_and_say(PACKET_REGISTER), "renewed");
	cr_assert(registry_tenure_of(j.registry, 0)->old_secret);
	cr_assert_eq(servers(), 1);
}

Test(join_signed, servers_of_a_key_that_is_gone_are_taken_out)
{
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	cr_assert_eq(registration_review(&j), REGISTRATION_NOTHING);
	j.keyring = NULL;
	cr_assert_eq(registration_review(&j), REGISTRATION_CHANGED);
	cr_assert_eq(servers(), 0);
}

Test(join_signed, unsigned_servers_are_taken_out_once_signatures_are_required)
{
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	a.sign = (struct packet_signing){.epoch = 0};
	(void)strcpy(a.id, "unsigned");
	guest.peer = peer_at("127.0.0.1", 40000);
	(void)say(PACKET_REGISTER);
	cr_assert_eq(servers(), 2);
	cr_assert_eq(registration_review(&j), REGISTRATION_NOTHING);
	j.require_signature = true;
	cr_assert_eq(registration_review(&j), REGISTRATION_CHANGED);
	cr_assert_eq(servers(), 1);
	cr_assert_lt(registry_find(j.registry, "unsigned"), 0);
}

Test(join_signed, without_a_keyring_nothing_signed_is_taken)
{
	j.keyring = NULL;
	guest.peer = peer_at("127.0.0.1", 40000);
	denied(challenge_and_say(PACKET_REGISTER), "no keyring");
}

Test(join_signed, signatures_can_be_required_from_everybody)
{
	j.require_signature = true;
	guest.peer = peer_at("127.0.0.1", 40000);
	a.sign = (struct packet_signing){.epoch = 0};
	denied(say(PACKET_REGISTER), "unsigned, from a trusted network");
	denied(say(PACKET_DEREGISTER), "unsigned, from a trusted network");
}

Test(join_signed, who_is_refused_too_often_is_told_to_come_back_later)
{
	const char *answer;

	j.refusals = rate_limit_new(3, 0, RATE_LIMIT_OWN);
	for (int i = 0; i < 3; i++) {
		(void)strcpy(a.policy, "222");
		denied(challenge_and_say(PACKET_REGISTER), "the wrong policy");
	}
	for (int i = 0; i < 3; i++) {
		answer = challenge_and_say(PACKET_REGISTER);
		cr_assert_not_null(strstr(answer, "\"code\":\"overloaded\""), "%s", answer);
		cr_assert_not_null(strstr(answer, "\"retryafter\":"), "%s", answer);
	}
	/* What is right is taken all the same. */
	(void)strcpy(a.policy, "111");
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
}

Test(join_signed, who_has_proven_itself_is_served_among_attackers_of_its_address)
{
	struct registration_peer own;

	j.refusals = rate_limit_new(3, 0, RATE_LIMIT_OWN);
	accepted(challenge_and_say(PACKET_REGISTER), "registered");
	own = guest;
	guest.proven = false;
	guest.nonce[0] = '\0';
	for (int i = 0; i < 5; i++)
		(void)sign_and_say(PACKET_REGISTER);
	cr_assert_not_null(strstr(sign_and_say(PACKET_REGISTER), "overloaded"));
	guest = own;
	accepted(sign_and_say(PACKET_REGISTER), "renewed");
}
