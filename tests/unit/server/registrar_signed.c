/* registrar: signed registrations, and TLS, which no plain proxy speaks. */
#include "registrar_fixture.h"

#include "signature.h"
#include "signer.h"

#define SECRET	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NONCE	"00112233445566778899aabbccddeeff"
#define NEXT	"ffeeddccbbaa99887766554433221100"

static struct signer *
parse(const char *file)
{
	struct signer *s = signer_parse("file", span_str(file),
					&(struct signer_conf){"alpha", "pool", "100"}, stderr);

	cr_assert_not_null(s);
	return s;
}

static void
open_signed(void)
{
	open_proxy();
	conf.signer = parse("secret " SECRET "\nsecret " SECRET2 "\n");
}

static void
close_signed(void)
{
	struct signer *mine = conf.signer;

	close_proxy();
	signer_free(mine);
}

TestSuite(registrar_signed, .init = open_signed, .fini = close_signed, .timeout = 60);

static void
key_of(const char *secret, uint8_t key[DIGEST_MAC])
{
	uint8_t bytes[SIGNATURE_SECRET_MIN];

	cr_assert_eq(digest_unhex(span_str(secret), bytes, sizeof bytes), 0);
	signature_server_key(span_of((char *)bytes, sizeof bytes), "alpha", "100", key);
}

static struct packet_announcement said; /* by the registrar, last */

/* The next packet, of that type. */
static void
read_packet(int type)
{
	struct packet_fault fault;
	struct packet p;

	cr_assert_eq(packet_parse(&p, span_str(hear()), &fault), 0, "%s: %s", line, fault.why);
	cr_assert_eq(p.type, type, "%s", line);
	cr_assert_eq(packet_announced(&p, &said, &fault), 0, "%s", fault.why);
	cr_assert_str_eq(said.sign.keyid, "alpha");
}

static void
asks_for_a_challenge(void)
{
	read_packet(PACKET_REGISTER);
	cr_assert_str_eq(said.sign.mac, "");
}

static bool
is_signed(int type, const char *secret, const char *nonce)
{
	char mac[PACKET_MAC + 1];
	uint8_t key[DIGEST_MAC];

	key_of(secret, key);
	cr_assert_eq(signature_of_request(key, "pool", type, &said, nonce, mac), 0);
	return signature_equal(mac, said.sign.mac);
}

static void
challenge(const char *nonce)
{
	char more[128];

	(void)snprintf(more, sizeof more, ",\"nonce\":\"%s\"", nonce);
	acknowledge_with("challenge", more);
}

/* What an honest proxy says of what was said last. */
static void
prove(const char *secret, const char *verb, const char *nonce)
{
	char more[256], mac[PACKET_MAC + 1];
	uint8_t key[DIGEST_MAC];

	key_of(secret, key);
	cr_assert_eq(signature_of_ack(key, said.sign.mac, verb, nonce, mac), 0);
	(void)snprintf(more, sizeof more, ",\"nonce\":\"%s\",\"mac\":\"%s\"", nonce, mac);
	acknowledge_with(verb, more);
}

static void
challenged(const char *secret)
{
	take_connection();
	asks_for_a_challenge();
	challenge(NONCE);
	read_packet(PACKET_REGISTER);
	cr_assert(is_signed(PACKET_REGISTER, secret, NONCE), "%s", line);
}

static void
join_proven(void)
{
	begin();
	challenged(SECRET);
	prove(SECRET, "registered", NEXT);
	until("joined");
}

Test(registrar_signed, it_asks_for_a_challenge_and_signs_for_it)
{
	begin();
	challenged(SECRET);
	cr_assert_str_eq(said.host, "127.0.0.1", "what is signed says where it is");
	cr_assert_str_eq(state(), "announced");
	prove(SECRET, "registered", NEXT);
	until("joined");
}

Test(registrar_signed, a_host_of_the_settings_is_what_is_signed)
{
	(void)strcpy(announcement.host, "192.0.2.9");
	begin();
	challenged(SECRET);
	cr_assert_str_eq(said.host, "192.0.2.9");
}

/* As a proxy signs it that does not know these keys. */
Test(registrar_signed, a_number_at_its_default_is_not_signed)
{
	announcement.pipeline = announcement.slots = announcement.weight = 1;
	begin();
	challenged(SECRET);
	cr_assert_null(strstr(line, "weight"), "%s", line);
	said.pipeline = said.slots = said.weight = 0;
	cr_assert(is_signed(PACKET_REGISTER, SECRET, NONCE), "%s", line);
}

Test(registrar_signed, a_renewal_is_one_packet_for_the_nonce_of_the_last_answer)
{
	conf.lease = 60;
	join_proven();
	read_packet(PACKET_REGISTER);
	cr_assert(is_signed(PACKET_REGISTER, SECRET, NEXT), "%s", line);
	prove(SECRET, "renewed", NONCE);
	read_packet(PACKET_REGISTER);
	cr_assert(is_signed(PACKET_REGISTER, SECRET, NONCE), "%s", line);
	cr_assert_eq(pauses, 0);
}

Test(registrar_signed, a_proxy_without_the_key_is_left)
{
	begin();
	challenged(SECRET);
	prove(SECRET2, "registered", NEXT);
	until_pause(1);
	cr_assert_str_eq(registrar_trouble(registrar),
			 "the proxy did not prove that it has the key");
	hears_the_end();
	take_connection();
	asks_for_a_challenge(); /* what was given before is good no more */
}

Test(registrar_signed, so_is_one_that_takes_no_signatures)
{
	begin();
	take_connection();
	asks_for_a_challenge();
	acknowledge();
	until_pause(1);
	cr_assert_str_eq(registrar_trouble(registrar),
			 "the proxy answers no challenge: it takes no signed registration");
}

Test(registrar_signed, nothing_is_left_unconfirmed)
{
	pause_ms = NEVER;
	begin();
	take_connection();
	asks_for_a_challenge();
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	until("pausing");
	cr_assert_str_eq(registrar_trouble(registrar), "the proxy closed the connection");
}

Test(registrar_signed, a_proxy_that_does_not_take_the_key_is_tried_with_the_next)
{
	begin();
	challenged(SECRET);
	refuse("denied", "this registration is not accepted");
	until_pause(1);
	challenged(SECRET2);
	prove(SECRET2, "registered", NEXT);
	until("joined");
}

Test(registrar_signed, another_refusal_says_nothing_of_the_key)
{
	begin();
	challenged(SECRET);
	refuse("overloaded", "later");
	until_pause(1);
	challenged(SECRET);
}

Test(registrar_signed, a_rival_that_nobody_signed_is_not_believed)
{
	char more[256], mac[PACKET_MAC + 1];
	uint8_t key[DIGEST_MAC];

	begin();
	challenged(SECRET);
	key_of(SECRET, key);
	cr_assert_eq(signature_of_ack(key, said.sign.mac, "registered", NEXT, mac), 0);
	(void)snprintf(more, sizeof more,
		       ",\"nonce\":\"" NEXT "\",\"mac\":\"%s\",\"rival\":\"127.0.0.1:6\"", mac);
	acknowledge_with("registered", more);
	until("joined");
	cr_assert_eq(times(logged(), "level=warn"), 0, "%s", log_read);
}

static char told[64];

static void
on_proxies(struct span text, void *ctx)
{
	cr_assert_eq(ctx, &told);
	(void)snprintf(told, sizeof told, "%.*s", SPAN_ARG(text));
}

/* An acknowledgement with a list, and what is signed of that. */
static void
tell_of(const char *proxies, const char *vouched)
{
	char more[512], mac[PACKET_MAC + 1], of_proxies[PACKET_MAC + 1];
	uint8_t key[DIGEST_MAC];

	(void)strcpy(told, "unheard");
	conf.on_proxies = on_proxies;
	conf.ctx = &told;
	begin();
	challenged(SECRET);
	key_of(SECRET, key);
	cr_assert_eq(signature_of_ack(key, said.sign.mac, "registered", NEXT, mac), 0);
	cr_assert_eq(signature_of_proxies(key, said.sign.mac, span_str(vouched), of_proxies), 0);
	(void)snprintf(more, sizeof more,
		       ",\"nonce\":\"" NEXT "\",\"mac\":\"%s\",\"proxies\":\"%s\","
		       "\"proxiesmac\":\"%s\"",
		       mac, proxies, of_proxies);
	acknowledge_with("registered", more);
	until("joined");
}

Test(registrar_signed, further_proxies_are_heard_of_where_they_are_signed)
{
	tell_of("b:1,c:1", "b:1,c:1");
	cr_assert_str_eq(told, "b:1,c:1");
}

Test(registrar_signed, those_that_nobody_signed_are_not_believed)
{
	tell_of("evil:1", "b:1");
	cr_assert_str_eq(told, "");
}

Test(registrar_signed, its_leave_is_signed)
{
	join_proven();
	leave();
	read_packet(PACKET_DEREGISTER);
	cr_assert(is_signed(PACKET_DEREGISTER, SECRET, NEXT), "%s", line);
	prove(SECRET, "deregistered", NONCE);
	until("left");
	cr_assert_eq(done, 1);
}

Test(registrar_signed, its_leave_waits_for_a_nonce_to_be_signed_for)
{
	conf.lease = 60;
	join_proven();
	read_packet(PACKET_REGISTER); /* a renewal, which spends the nonce */
	leave();
	idle(20);
	hears_nothing();
	cr_assert_str_eq(state(), "leaving");
	prove(SECRET, "renewed", NONCE);
	read_packet(PACKET_DEREGISTER);
	cr_assert(is_signed(PACKET_DEREGISTER, SECRET, NONCE), "%s", line);
	cr_assert_eq(done, 0);
	prove(SECRET, "deregistered", NEXT);
	until("left");
	cr_assert_eq(done, 1);
}

Test(registrar_signed, another_signer_begins_anew)
{
	struct signer *other = parse("secret " SECRET2 "\n");

	join_proven();
	signer_free(conf.signer);
	conf.signer = other;
	announce(&announcement);
	challenged(SECRET2);
	cr_assert_eq(done, 0);
	prove(SECRET2, "renewed", NEXT);
	until("joined");
	cr_assert_eq(done, 1);
	cr_assert_eq(pauses, 0);
}

Test(registrar_signed, what_is_new_while_an_answer_is_awaited_is_signed_for_its_nonce)
{
	struct packet_announcement other = for_policy("222");

	begin();
	challenged(SECRET);
	announce(&other);
	prove(SECRET, "registered", NEXT);
	read_packet(PACKET_REGISTER);
	cr_assert_str_eq(said.policy, "222");
	cr_assert(is_signed(PACKET_REGISTER, SECRET, NEXT), "%s", line);
	cr_assert_eq(done, 0);
	prove(SECRET, "registered", NONCE);
	while (done == 0)
		turn();
	cr_assert_eq(pauses, 0);
}

Test(registrar_signed, what_is_new_while_a_challenge_is_awaited_is_what_is_signed)
{
	struct packet_announcement other = for_policy("222");

	begin();
	take_connection();
	asks_for_a_challenge();
	announce(&other);
	challenge(NONCE);
	read_packet(PACKET_REGISTER);
	cr_assert_str_eq(said.policy, "222");
	cr_assert(is_signed(PACKET_REGISTER, SECRET, NONCE), "%s", line);
	prove(SECRET, "registered", NEXT);
	until("joined");
	cr_assert_eq(done, 1);
	hears_nothing();
}

/* ---- TLS ---- */

Test(registrar_signed, over_tls_it_speaks_to_no_plain_proxy)
{
	struct tls_files none = {.verify = TLS_VERIFY_NO};

	conf.tls = tls_creds_load(TLS_CLIENT, &none, "test", stderr);
	cr_assert_not_null(conf.tls);
	pause_ms = NEVER;
	begin();
	take_connection();
	while (heard[0] == '\0') {
		cr_assert(listen_to_peer());
		turn();
	}
	cr_assert_eq(heard[0], TLS_FIRST_BYTE);
	say("{\"Status\":\"fine\"}\n");
	until("pausing");
	cr_assert_eq(failures, 1);
	cr_assert_str_neq(registrar_trouble(registrar), "");
	cr_assert_not(registrar_is_of(registrar, &(struct registrar_conf){.proxy = proxy}));
	cr_assert(registrar_is_of(registrar, &conf));
	tls_creds_unref(conf.tls);
}
