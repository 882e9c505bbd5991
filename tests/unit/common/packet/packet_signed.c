/* packet: the keys of a signature, in announcements and acknowledgements. */
#include "packet.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SALT "00112233445566778899aabbccddeeff"
#define MAC  SALT SALT

static struct packet packet;
static struct packet_fault fault;
static struct buf out;

static int
read_back(struct packet_announcement *a)
{
	return packet_parse(&packet, buf_span(&out), &fault) < 0 ||
			       packet_announced(&packet, a, &fault) < 0
		       ? -1
		       : 0;
}

/* members stands among those of a plain announcement. */
static int
announced(const char *members, struct packet_announcement *a)
{
	buf_clear(&out);
	cr_assert_eq(buf_printf(&out, "{\"type\":1,\"id\":1,\"privPolyId\":2,\"listenport\":3%s}",
				members),
		     0);
	return read_back(a);
}

Test(packet_signed, what_is_written_is_read)
{
	struct packet_announcement a = {.id = "1", .policy = "2", .port = 3}, b;

	a.sign = (struct packet_signing){
		.keyid = "alpha", .epoch = INT64_MAX, .salt = SALT, .mac = MAC};
	cr_assert_eq(packet_register(&out, &a), 0);
	cr_assert_eq(read_back(&b), 0, "%s", fault.why);
	cr_assert_eq(memcmp(&a.sign, &b.sign, sizeof a.sign), 0);
	buf_clear(&out);
	cr_assert_eq(packet_deregister(&out, &a), 0);
	cr_assert_eq(read_back(&b), 0, "%s", fault.why);
	cr_assert_eq(memcmp(&a.sign, &b.sign, sizeof a.sign), 0);
	buf_release(&out);
}

Test(packet_signed, without_keyid_nothing_is_signed)
{
	struct packet_announcement a;

	cr_assert_eq(announced(",\"epoch\":\"5\",\"salt\":\"" SALT "\",\"mac\":\"" MAC "\"", &a),
		     0);
	cr_assert_eq(a.sign.keyid[0], '\0');
	cr_assert_eq(a.sign.mac[0], '\0');
	buf_release(&out);
}

Test(packet_signed, what_is_no_signature_is_refused)
{
	static const char *const bad[] = {
		",\"keyid\":\"\"",
		",\"keyid\":{}",
		",\"keyid\":\"a\\u0001\"",
		",\"keyid\":\"a\",\"epoch\":0",
		",\"keyid\":\"a\",\"epoch\":\"-1\"",
		",\"keyid\":\"a\",\"epoch\":\"99999999999999999999\"",
		",\"keyid\":\"a\",\"salt\":\"00\"",
		",\"keyid\":\"a\",\"salt\":\"\"",
		",\"keyid\":\"a\",\"salt\":null",
		",\"keyid\":\"a\",\"salt\":\"00112233445566778899AABBCCDDEEFF\"",
		",\"keyid\":\"a\",\"mac\":\"" SALT "\"",
		",\"keyid\":\"a\",\"mac\":\"" MAC "0\"",
		",\"keyid\":\"a\",\"mac\":[]"};
	struct packet_announcement a;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_expect_eq(announced(bad[i], &a), -1, "%s", bad[i]);
		cr_expect_eq(fault.code, PACKET_BAD_MESSAGE);
	}
	buf_release(&out);
}

Test(packet_signed, an_acknowledgement_bears_its_proof)
{
	struct packet_proof proof = {.nonce = SALT, .mac = MAC}, got;
	struct packet_announcement a;
	struct span verb;
	struct packet ack;
	struct buf text = BUF_INIT;

	cr_assert_eq(announced("", &a), 0);
	cr_assert_eq(packet_ack(&text, &packet, "proxy", "registered", &proof, NULL), 0);
	cr_assert_eq(packet_parse(&ack, buf_span(&text), &fault), 0);
	packet_acknowledged(&ack, &verb, &got);
	cr_assert(span_eq_str(verb, "registered"));
	cr_assert_str_eq(got.nonce, SALT);
	cr_assert_str_eq(got.mac, MAC);
	buf_clear(&text);
	proof.mac[0] = '\0';
	cr_assert_eq(packet_ack(&text, &packet, "proxy", "challenge", &proof, NULL), 0);
	cr_assert_eq(packet_parse(&ack, buf_span(&text), &fault), 0);
	packet_acknowledged(&ack, &verb, &got);
	cr_assert_str_eq(got.nonce, SALT);
	cr_assert_str_eq(got.mac, "");
	buf_release(&text);
	buf_release(&out);
}
