/* signature: what is signed of a registration, and with which key. */
#include "signature.h"

#include <criterion/criterion.h>

static const uint8_t key[DIGEST_MAC] = "0123456789abcdef0123456789abcde";
static const char nonce[] = "00112233445566778899aabbccddeeff";

static struct packet_announcement
announcement(void)
{
	return (struct packet_announcement){
		.id = "100",
		.policy = "111",
		.host = "192.0.2.1",
		.port = 2105,
		.ack = true,
		.keepalive = true,
		.pipeline = 64,
		.slots = 8,
		.weight = 2,
		.lease = 10,
		.job = "redact",
		.jobkeys = "a=0123456789abcdef",
		.jobtimeout = 5000,
		.sign = {.keyid = "alpha", .epoch = 5, .salt = "ffeeddccbbaa99887766554433221100"}};
}

static void
sign(const struct packet_announcement *a, char mac[PACKET_MAC + 1])
{
	cr_assert_eq(signature_of_request(key, "pool", PACKET_REGISTER, a, nonce, mac), 0);
	cr_assert_eq(strlen(mac), PACKET_MAC);
}

/* Two announcements that must not have the same signature. */
static void
differ(const struct packet_announcement *a, const struct packet_announcement *b, const char *what)
{
	char one[PACKET_MAC + 1], other[PACKET_MAC + 1];

	sign(a, one);
	sign(b, other);
	cr_assert_not(signature_equal(one, other), "%s is not signed", what);
}

Test(signature, the_same_is_signed_the_same)
{
	struct packet_announcement a = announcement(), b = announcement();
	char one[PACKET_MAC + 1], other[PACKET_MAC + 1];

	memset(b.sign.mac, 'a', PACKET_MAC); /* the signature itself is no part of it */
	sign(&a, one);
	sign(&b, other);
	cr_assert(signature_equal(one, other));
}

/* Written out by hand, so that another implementation agrees with ours. */
Test(signature, the_message_is_what_the_manual_says)
{
	struct packet_announcement a = {.id = "1", .policy = "2", .port = 3};
	static const char message[] = "\0\0\0\031policypool registration 1"
				      "\0\0\0\007cluster\0\0\0\004pool"
				      "\0\0\0\004verb\0\0\0\010register"
				      "\0\0\0\005keyid\0\0\0\001k"
				      "\0\0\0\002id\0\0\0\0011"
				      "\0\0\0\006policy\0\0\0\0012"
				      "\0\0\0\004port\0\0\0\0013"
				      "\0\0\0\005nonce\0\0\0\04000112233445566778899aabbccddeeff";
	char mac[PACKET_MAC + 1], wanted[PACKET_MAC + 1];
	uint8_t bytes[DIGEST_MAC];

	(void)strcpy(a.sign.keyid, "k");
	digest_hmac(span_of((const char *)key, sizeof key), span_of(message, sizeof message - 1),
		    bytes);
	digest_hex(bytes, sizeof bytes, wanted);
	sign(&a, mac);
	cr_assert_str_eq(mac, wanted);
}

Test(signature, every_field_counts)
{
	struct packet_announcement a = announcement(), b;

#define DIFFERS(change) \
	b = a;          \
	change;         \
	differ(&a, &b, #change)
	DIFFERS(b.id[0] = '2');
	DIFFERS(b.policy[0] = '2');
	DIFFERS(b.host[0] = '2');
	DIFFERS(b.host[0] = '\0');
	DIFFERS(b.port++);
	DIFFERS(b.ack = false);
	DIFFERS(b.keepalive = false);
	DIFFERS(b.tls = true);
	DIFFERS(b.job[0] = 'x');
	DIFFERS(b.job[0] = '\0');
	DIFFERS(b.once = true);
	DIFFERS(b.backup = true);
	DIFFERS(b.jobkeys[0] = 'b');
	DIFFERS(b.jobkeys[0] = '\0');
	DIFFERS(b.sign.keyid[0] = 'b');
	DIFFERS(b.sign.epoch++);
	DIFFERS(b.sign.epoch = 0);
	DIFFERS(b.sign.salt[0] = 'e');
#define NUMBER(name, max, usual) \
	DIFFERS(b.name++);       \
	DIFFERS(b.name = 0);
	PACKET_ANNOUNCED(NUMBER)
#undef NUMBER
#undef DIFFERS
}

Test(signature, verb_cluster_nonce_and_key_count)
{
	struct packet_announcement a = announcement();
	uint8_t other_key[DIGEST_MAC];
	char one[PACKET_MAC + 1], other[PACKET_MAC + 1];

	sign(&a, one);
	cr_assert_eq(signature_of_request(key, "pool", PACKET_DEREGISTER, &a, nonce, other), 0);
	cr_assert_not(signature_equal(one, other), "verb");
	cr_assert_eq(signature_of_request(key, "loop", PACKET_REGISTER, &a, nonce, other), 0);
	cr_assert_not(signature_equal(one, other), "cluster");
	cr_assert_eq(signature_of_request(key, "pool", PACKET_REGISTER, &a,
					  "00112233445566778899aabbccddeefe", other),
		     0);
	cr_assert_not(signature_equal(one, other), "nonce");
	memcpy(other_key, key, sizeof key);
	other_key[DIGEST_MAC - 1] ^= 1;
	cr_assert_eq(signature_of_request(other_key, "pool", PACKET_REGISTER, &a, nonce, other), 0);
	cr_assert_not(signature_equal(one, other), "key");
}

/* What stands in one field can't be taken for the beginning of the next, nor a value for a name. */
Test(signature, fields_cannot_run_into_each_other)
{
	struct packet_announcement a = announcement(), b = announcement();

	(void)strcpy(a.id, "10");
	(void)strcpy(a.policy, "0111");
	(void)strcpy(b.id, "100");
	(void)strcpy(b.policy, "111");
	differ(&a, &b, "the border between id and policy");
	b = a;
	a.pipeline = 12, a.slots = 3;
	b.pipeline = 1, b.slots = 23;
	differ(&a, &b, "the border between two numbers");
	a = b = announcement();
	a.slots = 0, a.weight = 7;
	b.weight = 0, b.slots = 7;
	differ(&a, &b, "which number is left out");
	(void)strcpy(a.host, "policy");
	(void)strcpy(a.policy, "host");
	(void)strcpy(b.host, "host");
	(void)strcpy(b.policy, "policy");
	differ(&a, &b, "a value that is called like a field");
}

Test(signature, an_acknowledgement_answers_one_request)
{
	static const char one[PACKET_MAC + 1] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	char other[PACKET_MAC + 1], a[PACKET_MAC + 1], b[PACKET_MAC + 1];

	memcpy(other, one, sizeof other);
	other[PACKET_MAC - 1] = 'b';
	cr_assert_eq(signature_of_ack(key, one, "registered", nonce, a), 0);
	cr_assert_eq(signature_of_ack(key, other, "registered", nonce, b), 0);
	cr_assert_not(signature_equal(a, b), "the request");
	cr_assert_eq(signature_of_ack(key, one, "renewed", nonce, b), 0);
	cr_assert_not(signature_equal(a, b), "the verb");
	cr_assert_eq(signature_of_ack(key, one, "registered", "", b), 0);
	cr_assert_not(signature_equal(a, b), "the nonce");
}

Test(signature, what_is_told_of_proxies_belongs_to_one_request)
{
	static const char one[PACKET_MAC + 1] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	char other[PACKET_MAC + 1], a[PACKET_MAC + 1], b[PACKET_MAC + 1];

	memcpy(other, one, sizeof other);
	other[PACKET_MAC - 1] = 'b';
	cr_assert_eq(signature_of_proxies(key, one, span_str("b:1"), a), 0);
	cr_assert_eq(signature_of_proxies(key, other, span_str("b:1"), b), 0);
	cr_assert_not(signature_equal(a, b), "the request");
	cr_assert_eq(signature_of_proxies(key, one, span_str("b:2"), b), 0);
	cr_assert_not(signature_equal(a, b), "the proxies");
	cr_assert_eq(signature_of_ack(key, one, "registered", "b:1", b), 0);
	cr_assert_not(signature_equal(a, b), "it is no acknowledgement");
}

Test(signature, a_servers_key_is_its_own)
{
	struct span secret = span_str("a secret of at least thirty-two bytes");
	uint8_t a[DIGEST_MAC], b[DIGEST_MAC];

	signature_server_key(secret, "alpha", "100", a);
	signature_server_key(secret, "alpha", "101", b);
	cr_assert_not(digest_equal(a, b, sizeof a), "the id");
	signature_server_key(secret, "alphb", "100", b);
	cr_assert_not(digest_equal(a, b, sizeof a), "the key id");
	signature_server_key(secret, "alpha1", "00", b);
	cr_assert_not(digest_equal(a, b, sizeof a), "the border between both");
	signature_server_key(span_str("another secret of thirty-two bytes"), "alpha", "100", b);
	cr_assert_not(digest_equal(a, b, sizeof a), "the secret");
	signature_server_key(secret, "alpha", "100", b);
	cr_assert(digest_equal(a, b, sizeof a));
}

Test(signature, random_digits_are_never_the_same)
{
	char a[PACKET_NONCE + 1], b[PACKET_NONCE + 1];

	cr_assert_eq(signature_random(a), 0);
	cr_assert_eq(signature_random(b), 0);
	cr_assert_eq(strlen(a), PACKET_NONCE);
	cr_assert_str_neq(a, b);
}
