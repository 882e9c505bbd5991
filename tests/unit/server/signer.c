/* signer: the server's side, against what the proxy would say. */
#include "signer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "signature.h"

#define SECRET	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NONCE	"00112233445566778899aabbccddeeff"
#define NEXT	"ffeeddccbbaa99887766554433221100"

static const struct signer_conf conf = {"alpha", "pool", "100"};
static struct signer *s;
static struct signer_talk talk;
static struct packet_announcement a;
static struct buf text;
static struct packet ack;

static struct signer *
parse(const char *file, const char *why)
{
	char *said;
	size_t n;
	FILE *err = open_memstream(&said, &n);
	struct signer *got = signer_parse("file", span_str(file), &conf, err);

	cr_assert_eq(fclose(err), 0);
	if (why == NULL)
		cr_assert_not_null(got, "%s", said);
	else
		cr_assert(got == NULL && strstr(said, why) != NULL, "%s: %s", file, said);
	free(said);
	return got;
}

static void
open_signer(void)
{
	s = parse("secret " SECRET "\nsecret " SECRET2 "\n", NULL);
	a = (struct packet_announcement){.id = "100", .policy = "111", .port = 5};
	signer_begin(&talk);
}

static void
close_signer(void)
{
	signer_free(s);
	buf_release(&text);
}

TestSuite(signer, .init = open_signer, .fini = close_signer);

/* The proxy's packet of type 4. */
static enum signer_verdict
acknowledge(const char *verb, const char *nonce, const char *mac)
{
	struct packet_proof proof = {.mac = ""};
	struct packet_fault fault;
	struct packet p;
	const char *why;

	(void)strcpy(proof.nonce, nonce);
	(void)strcpy(proof.mac, mac);
	buf_clear(&text);
	cr_assert_eq(
		packet_parse(
			&p, span_str("{\"type\":1,\"id\":100,\"privPolyId\":111,\"listenport\":5}"),
			&fault),
		0);
	cr_assert_eq(packet_ack(&text, &p, "proxy", verb, &proof, NULL), 0);
	cr_assert_eq(packet_parse(&ack, buf_span(&text), &fault), 0);
	return signer_verify(s, &talk, &ack, &why);
}

static void
key_of(const char *secret, uint8_t key[DIGEST_MAC])
{
	uint8_t bytes[SIGNATURE_SECRET_MIN];

	cr_assert_eq(digest_unhex(span_str(secret), bytes, sizeof bytes), 0);
	signature_server_key(span_of((char *)bytes, sizeof bytes), "alpha", "100", key);
}

/* The MAC of an honest proxy's acknowledgement. */
static const char *
proof(const char *secret, const char *verb, const char *nonce)
{
	static char mac[PACKET_MAC + 1];
	uint8_t key[DIGEST_MAC];

	key_of(secret, key);
	cr_assert_eq(signature_of_ack(key, a.sign.mac, verb, nonce, mac), 0);
	return mac;
}

static void
sign(void)
{
	cr_assert_eq(signer_sign(s, &talk, PACKET_REGISTER, &a), 0);
}

static void
challenge_and_sign(void)
{
	sign();
	cr_assert_eq(acknowledge("challenge", NONCE, ""), SIGNER_CHALLENGED);
	cr_assert(signer_is_challenged(&talk));
	sign();
	cr_assert_not(signer_is_challenged(&talk));
}

Test(signer, asks_for_a_challenge_and_signs_for_it)
{
	uint8_t key[DIGEST_MAC];
	char mac[PACKET_MAC + 1];

	sign();
	cr_assert_str_eq(a.sign.keyid, "alpha");
	cr_assert_gt(a.sign.epoch, 0);
	cr_assert_str_empty(a.sign.mac);
	cr_assert_eq(acknowledge("challenge", NONCE, ""), SIGNER_CHALLENGED);
	sign();
	key_of(SECRET, key);
	cr_assert_eq(signature_of_request(key, "pool", PACKET_REGISTER, &a, NONCE, mac), 0);
	cr_assert_str_eq(a.sign.mac, mac);
	cr_assert_eq(acknowledge("registered", NEXT, proof(SECRET, "registered", NEXT)),
		     SIGNER_PROVEN);
	sign();
	cr_assert_eq(signature_of_request(key, "pool", PACKET_REGISTER, &a, NEXT, mac), 0);
	cr_assert_str_eq(a.sign.mac, mac);
}

Test(signer, no_two_signatures_have_the_same_salt)
{
	char salt[PACKET_NONCE + 1];

	challenge_and_sign();
	(void)strcpy(salt, a.sign.salt);
	signer_begin(&talk);
	challenge_and_sign();
	cr_assert_str_neq(a.sign.salt, salt);
}

Test(signer, believes_no_proxy_without_the_key)
{
	sign();
	cr_assert_eq(acknowledge("registered", "", ""), SIGNER_WRONG, "instead of a challenge");
	signer_begin(&talk);
	challenge_and_sign();
	cr_assert_eq(acknowledge("registered", "", ""), SIGNER_WRONG, "unsigned");
	cr_assert_eq(acknowledge("challenge", NEXT, ""), SIGNER_WRONG, "another challenge");
	cr_assert_eq(acknowledge("registered", NEXT, proof(SECRET2, "registered", NEXT)),
		     SIGNER_WRONG);
	cr_assert_eq(acknowledge("registered", NEXT, proof(SECRET, "renewed", NEXT)), SIGNER_WRONG);
	cr_assert_eq(acknowledge("registered", NEXT, proof(SECRET, "registered", NONCE)),
		     SIGNER_WRONG);
	cr_assert_not(signer_is_challenged(&talk), "a wrong answer brings no challenge");
}

Test(signer, an_old_answer_proves_nothing)
{
	char old[PACKET_MAC + 1];

	challenge_and_sign();
	(void)strcpy(old, proof(SECRET, "registered", NEXT));
	cr_assert_eq(acknowledge("registered", NEXT, old), SIGNER_PROVEN);
	cr_assert_eq(acknowledge("registered", NEXT, old), SIGNER_WRONG, "answered once already");
	signer_begin(&talk);
	challenge_and_sign(); /* the same nonce as before: a rogue may repeat that too */
	cr_assert_eq(acknowledge("registered", NEXT, old), SIGNER_WRONG);
}

Test(signer, tries_the_next_key_when_it_is_refused)
{
	challenge_and_sign();
	signer_refused(s, &talk);
	signer_begin(&talk);
	challenge_and_sign();
	cr_assert_eq(acknowledge("registered", NEXT, proof(SECRET2, "registered", NEXT)),
		     SIGNER_PROVEN);
	signer_refused(s, &talk);
	signer_begin(&talk);
	challenge_and_sign();
	cr_assert_eq(acknowledge("registered", NEXT, proof(SECRET, "registered", NEXT)),
		     SIGNER_PROVEN);
}

Test(signer, a_derived_key_is_as_good)
{
	uint8_t key[DIGEST_MAC];
	char line[DIGEST_MAC_HEX + 32] = "server-key ";

	key_of(SECRET, key);
	digest_hex(key, sizeof key, line + strlen(line));
	signer_free(s);
	s = parse(line, NULL);
	challenge_and_sign();
	cr_assert_eq(acknowledge("registered", NEXT, proof(SECRET, "registered", NEXT)),
		     SIGNER_PROVEN);
}

Test(signer, what_is_no_key_file_is_told_with_its_line)
{
	(void)parse("", "file: there is no key in it");
	(void)parse("# nothing\n", "file: there is no key in it");
	(void)parse("secret\n", "file:1: it is: secret SECRET");
	(void)parse("secret 00\n", "file:1: the secret has 1 bytes");
	(void)parse("\nserver-key " SECRET "00\n", "file:2: a server's key is 64 hex digits");
	(void)parse("key " SECRET "\n", "file:1: it is: secret SECRET");
	(void)parse("secret " SECRET "\nsecret " SECRET "\nsecret " SECRET "\nsecret " SECRET
		    "\nsecret " SECRET "\n",
		    "file:5: more than 4 keys");
}
