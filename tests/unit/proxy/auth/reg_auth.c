/* reg_auth: what each sentence of it is for, at a time that the test says. */
#include "reg_auth.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "peer_fixture.h"
#include "signature.h"

#define SECRET	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET3 "ee0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET4 "dd0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NOBODYS "0000000000000000000000000000000000000000000000000000000000000000"
#define NONCE	"00112233445566778899aabbccddeeff"
#define OTHER	"ffeeddccbbaa99887766554433221100"
#define SALT	"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"

static const char ring[] =
	"key alpha\n"
	"secret install " SECRET4 "\n"
	"secret use " SECRET " until 2030-01-31\n"
	"secret install " SECRET2 "\n"
	"secret remove " SECRET3 "\n"
	"policies 111 PP_*\nids web-*\njobs sha1 redact\nnetworks 192.0.2.0/24\ncount 2\n"
	"key beta\nsecret use " SECRET2 "\n";

static struct keyring *keyring;
static struct registry *registry;
static struct reg_auth ad;
static struct packet_announcement a;
static struct addr_peer peer;
static struct addr at;
static struct reg_auth_case c;
static uint8_t key[DIGEST_MAC];
static bool old;

static void
open_admission(void)
{
	keyring = keyring_parse("ring", span_str(ring), stderr);
	registry = registry_new(8, 8);
	cr_assert(keyring != NULL && registry != NULL);
	peer = peer_at("192.0.2.7", 40000);
	cr_assert_eq(addr_numeric(&at, "192.0.2.7", 2105), 0);
	ad = (struct reg_auth){keyring, "pool", registry};
	a = (struct packet_announcement){.id = "web-1",
					 .policy = "111",
					 .host = "192.0.2.7",
					 .port = 2105,
					 .sign = {.keyid = "alpha", .epoch = 100, .salt = SALT}};
	c = (struct reg_auth_case){.type = PACKET_REGISTER,
				   .a = &a,
				   .peer = &peer,
				   .nonce = NONCE,
				   .now = 1800000000 /* in 2027 */};
}

static void
close_admission(void)
{
	keyring_free(keyring);
	registry_free(registry);
}

TestSuite(admission, .init = open_admission, .fini = close_admission);

/* ---- the signature ---- */

static void
key_of(const char *secret, uint8_t out[DIGEST_MAC])
{
	uint8_t bytes[SIGNATURE_SECRET_MIN];

	cr_assert_eq(digest_unhex(span_str(secret), bytes, sizeof bytes), 0);
	signature_server_key(span_of((char *)bytes, sizeof bytes), a.sign.keyid, a.id, out);
}

static void
sign_in(const char *cluster, const char *secret, const char *nonce)
{
	uint8_t with[DIGEST_MAC];

	key_of(secret, with);
	cr_assert_eq(signature_of_request(with, cluster, c.type, &a, nonce, a.sign.mac), 0);
}

static void
sign(const char *secret)
{
	sign_in("pool", secret, NONCE);
}

static const char *
judged(void)
{
	old = false;
	return reg_auth_signature(&ad, &c, key, &old);
}

#define REFUSED(why)                                    \
	do {                                            \
		const char *got = judged();             \
		cr_assert_not_null(got, "it is taken"); \
		cr_assert_str_eq(got, why);             \
	} while (0)

Test(admission, what_is_signed_with_the_secret_is_taken_and_gives_the_servers_key)
{
	uint8_t wanted[DIGEST_MAC];

	sign(SECRET2);
	cr_assert_null(judged());
	key_of(SECRET2, wanted);
	cr_assert_arr_eq(key, wanted, sizeof wanted);
	cr_assert_not(old);
}

Test(admission, any_secret_of_the_key_will_do_and_one_that_is_to_go_is_told)
{
	sign(SECRET);
	cr_assert_null(judged());
	cr_assert(old, "there is a newer one");
	sign(SECRET4);
	cr_assert_null(judged());
	cr_assert(old);
}

Test(admission, a_secret_ends_at_its_date)
{
	enum { DATE = 1896048000 /* 2030-01-31 */, DAY = 86400 };

	sign(SECRET);
	c.now = DATE - DAY;
	cr_assert_null(judged());
	c.now = DATE + DAY;
	REFUSED("it is signed with a secret that has expired");
}

Test(admission, a_removed_secret_is_named_as_such)
{
	sign(SECRET3);
	REFUSED("it is signed with a secret that was removed");
}

Test(admission, another_secret_or_key_is_wrong)
{
	sign(NOBODYS);
	REFUSED("the signature is wrong");
	(void)strcpy(a.sign.keyid, "beta");
	sign(SECRET);
	REFUSED("the signature is wrong");
	(void)strcpy(a.sign.keyid, "gamma");
	sign(SECRET);
	REFUSED("no key of that name");
	ad.keyring = NULL;
	REFUSED("no key of that name");
}

/* The secret that unknown keys are compared with is one that anybody knows. */
Test(admission, nobodys_secret_opens_nothing)
{
	(void)strcpy(a.sign.keyid, "gamma");
	sign(NOBODYS);
	REFUSED("no key of that name");
}

Test(admission, nothing_that_is_signed_can_be_changed)
{
	struct packet_announcement good;

	sign(SECRET2);
	good = a;
#define CHANGED(change)                            \
	do {                                       \
		change;                            \
		REFUSED("the signature is wrong"); \
		a = good;                          \
	} while (0)
	CHANGED((void)strcpy(a.id, "web-2"));
	CHANGED((void)strcpy(a.policy, "PP_1"));
	CHANGED((void)strcpy(a.host, "192.0.2.8"));
	CHANGED(a.port++);
	CHANGED(a.lease = 3);
	CHANGED(a.tls = true);
	CHANGED((void)strcpy(a.job, "redact"));
	CHANGED(a.once = true);
	CHANGED(a.jobtimeout = 1);
	CHANGED(a.sign.epoch++);
	CHANGED(a.sign.salt[0] = 'b');
	CHANGED(a.sign.mac[0] = a.sign.mac[0] == '0' ? '1' : '0');
	c.type = PACKET_DEREGISTER;
	REFUSED("the signature is wrong");
	c.type = PACKET_REGISTER;
	cr_assert_null(judged(), "as it was it is taken");
}

Test(admission, it_is_good_for_one_challenge_of_one_pool)
{
	sign_in("pool", SECRET2, OTHER);
	REFUSED("the signature is wrong");
	sign_in("lake", SECRET2, NONCE);
	REFUSED("the signature is wrong");
	sign(SECRET2);
	c.nonce = OTHER;
	REFUSED("the signature is wrong");
	c.nonce = "";
	REFUSED("it answers no challenge of this connection");
}

Test(admission, a_signature_needs_epoch_salt_and_host)
{
	a.sign.epoch = 0;
	sign(SECRET2);
	REFUSED("it has no epoch");
	a.sign.epoch = 100;
	a.sign.salt[0] = '\0';
	sign(SECRET2);
	REFUSED("it has no salt");
	(void)strcpy(a.sign.salt, SALT);
	a.host[0] = '\0';
	sign(SECRET2);
	REFUSED("it has no host: it could be relayed from anywhere");
	c.type = PACKET_DEREGISTER;
	sign(SECRET2);
	cr_assert_null(judged(), "a server that leaves needs no host");
}

/* ---- the rights ---- */

#define MAY_NOT(where, why)                                        \
	do {                                                       \
		const char *got = reg_auth_rights(&ad, &c, where); \
		cr_assert_not_null(got, "it may");                 \
		cr_assert_str_eq(got, why);                        \
	} while (0)

static void
own(const char *id, const char *keyid, uint64_t epoch)
{
	struct packet_announcement other = {.policy = "111", .port = 1};
	int i;

	(void)snprintf(other.id, sizeof other.id, "%s", id);
	cr_assert_eq(registry_join(registry, &other, &at, 1000), REGISTRY_JOINED);
	i = registry_find(registry, id);
	cr_assert_geq(i, 0);
	if (keyid != NULL)
		registry_own(registry, (unsigned)i, keyid, epoch, false);
}

Test(admission, a_key_is_for_its_policies_ids_and_networks)
{
	struct addr elsewhere;

	cr_assert_eq(addr_numeric(&elsewhere, "192.0.3.7", 2105), 0);
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
	(void)strcpy(a.policy, "PP_1");
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
	(void)strcpy(a.policy, "222");
	MAY_NOT(&at, "the key is not for this policy");
	(void)strcpy(a.policy, "111");
	(void)strcpy(a.id, "db-1");
	MAY_NOT(&at, "the key is not for this id");
	(void)strcpy(a.id, "web-1");
	(void)strcpy(a.job, "redact");
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
	(void)strcpy(a.job, "sha256");
	MAY_NOT(&at, "the key is not for this job");
	cr_assert_null(reg_auth_rights(&ad, &c, NULL), "one that leaves has none to do");
	a.job[0] = '\0';
	MAY_NOT(&elsewhere, "the key is not for the network of the announced address");
	peer = peer_at("192.0.3.7", 2105);
	MAY_NOT(&at, "the key is not for the network that it came from");
	(void)strcpy(a.sign.keyid, "beta");
	cr_assert_null(reg_auth_rights(&ad, &c, &elsewhere), "beta has no limits");
}

Test(admission, at_a_unix_socket_a_key_is_for_users_of_those)
{
	FILE *err = stderr;
	static const char text[] = "key net\nsecret use " SECRET2 "\nnetworks 127.0.0.0/8\n"
				   "key user\nsecret use " SECRET2
				   "\nnetworks 127.0.0.0/8 unix:uid=1000\n"
				   "key any\nsecret use " SECRET2 "\nnetworks 127.0.0.0/8 unix\n";
	struct keyring *k = keyring_parse("ring", span_str(text), err);
	struct addr socket_at;
	const char *why;

	cr_assert_not_null(k);
	cr_assert_eq(addr_unix(&socket_at, "unix:/run/x", &why), 0);
	ad.keyring = k;
	peer = peer_user(1000, 1000);
	(void)strcpy(a.sign.keyid, "user");
	cr_assert_null(reg_auth_rights(&ad, &c, &socket_at));
	(void)strcpy(a.sign.keyid, "any");
	cr_assert_null(reg_auth_rights(&ad, &c, &socket_at));
	(void)strcpy(a.sign.keyid, "net");
	MAY_NOT(&socket_at, "the key is not for the network that it came from");
	peer = peer_user(1001, 1000);
	(void)strcpy(a.sign.keyid, "user");
	MAY_NOT(&socket_at, "the key is not for the network that it came from");
	peer = peer_at("127.0.0.1", 4);
	MAY_NOT(&socket_at, "the key is not for the network of the announced address");
	(void)strcpy(a.sign.keyid, "net");
	MAY_NOT(&socket_at, "the key is not for the network of the announced address");
	(void)strcpy(a.sign.keyid, "any");
	cr_assert_null(reg_auth_rights(&ad, &c, &socket_at));
	keyring_free(k);
}

Test(admission, an_id_belongs_to_the_key_that_signed_for_it)
{
	own("web-1", "beta", 50);
	MAY_NOT(&at, "the id belongs to another key");
	MAY_NOT(NULL, "the id belongs to another key");
	(void)strcpy(a.sign.keyid, "beta");
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
}

Test(admission, what_is_nobodys_can_be_taken_over)
{
	own("web-1", NULL, 0);
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
}

Test(admission, an_earlier_life_has_no_say)
{
	own("web-1", "alpha", 101);
	MAY_NOT(&at, "a later life of this server is registered");
	MAY_NOT(NULL, "a later life of this server is registered");
	a.sign.epoch = 101;
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
	a.sign.epoch = 102;
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
}

Test(admission, a_key_has_as_many_servers_as_its_count)
{
	own("web-2", "alpha", 1);
	cr_assert_null(reg_auth_rights(&ad, &c, &at));
	own("web-3", "alpha", 1);
	MAY_NOT(&at, "as many servers as the key may have are registered");
	cr_assert_null(reg_auth_rights(&ad, &c, NULL), "nobody is kept from leaving");
	(void)strcpy(a.id, "web-3");
	cr_assert_null(reg_auth_rights(&ad, &c, &at), "it is one of them");
	own("web-4", NULL, 0);
	(void)strcpy(a.id, "web-4");
	MAY_NOT(&at, "as many servers as the key may have are registered");
}

Test(admission, unsigned_an_id_can_be_what_is_no_keys)
{
	const char *why;

	cr_assert_null(reg_auth_unsigned(&ad, "web-1"));
	own("web-1", NULL, 0);
	cr_assert_null(reg_auth_unsigned(&ad, "web-1"));
	own("web-2", "alpha", 1);
	why = reg_auth_unsigned(&ad, "web-2");
	cr_assert_not_null(why);
	cr_assert_str_eq(why, "the id belongs to a key");
}
