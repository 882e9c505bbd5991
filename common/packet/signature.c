/* signature.c - see signature.h. */
#include "signature.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

/* A length in four bytes, most significant first, and the bytes. */
static int
put(struct buf *out, struct span s)
{
	const char length[4] = {(char)(s.n >> 24), (char)(s.n >> 16), (char)(s.n >> 8), (char)s.n};

	return buf_append(out, length, sizeof length) < 0 ? -1 : buf_append_span(out, s);
}

/* Nothing at all for an empty value. */
static int
put_field(struct buf *out, const char *name, const char *value)
{
	if (value[0] == '\0')
		return 0;
	return put(out, span_str(name)) < 0 ? -1 : put(out, span_str(value));
}

static int
put_number(struct buf *out, const char *name, uint64_t value)
{
	char text[24];

	if (value == 0)
		return 0;
	(void)snprintf(text, sizeof text, "%" PRIu64, value);
	return put_field(out, name, text);
}

static int
put_capacities(struct buf *out, const struct packet_announcement *a)
{
	if (put_number(out, "ack", a->ack) < 0 || put_number(out, "keepalive", a->keepalive) < 0 ||
	    put_number(out, "tls", a->tls) < 0)
		return -1;
#define PUT_NUMBER(name, max, usual)             \
	if (put_number(out, #name, a->name) < 0) \
		return -1;
	PACKET_ANNOUNCED(PUT_NUMBER)
#undef PUT_NUMBER
	if (put_field(out, "job", a->job) < 0 || put_field(out, "repeat", a->once ? "0" : "") < 0)
		return -1;
	if (put_number(out, "backup", a->backup) < 0)
		return -1;
	return put_field(out, "jobkeys", a->jobkeys);
}

static int
put_request(struct buf *out, const char *cluster, int type, const struct packet_announcement *a,
	    const char *nonce)
{
	const char *verb = type == PACKET_REGISTER ? "register" : "deregister";

	if (put(out, span_str("policypool registration 1")) < 0 ||
	    put_field(out, "cluster", cluster) < 0 || put_field(out, "verb", verb) < 0 ||
	    put_field(out, "keyid", a->sign.keyid) < 0 || put_field(out, "id", a->id) < 0 ||
	    put_field(out, "policy", a->policy) < 0 || put_field(out, "host", a->host) < 0 ||
	    put_number(out, "port", a->port) < 0 || put_capacities(out, a) < 0)
		return -1;
	if (put_number(out, "epoch", a->sign.epoch) < 0 || put_field(out, "salt", a->sign.salt) < 0)
		return -1;
	return put_field(out, "nonce", nonce);
}

static int
put_ack(struct buf *out, const char *request_mac, const char *verb, const char *nonce)
{
	if (put(out, span_str("policypool acknowledgement 1")) < 0 ||
	    put_field(out, "request", request_mac) < 0 || put_field(out, "verb", verb) < 0)
		return -1;
	return put_field(out, "nonce", nonce);
}

/* Releases what was to be signed. */
static int
finish(struct buf *message, int result, const uint8_t key[DIGEST_MAC], char hex[PACKET_MAC + 1])
{
	uint8_t mac[DIGEST_MAC];

	_Static_assert((int)PACKET_MAC == (int)DIGEST_MAC_HEX, "a MAC in a packet is one of ours");
	if (result == 0) {
		digest_hmac(span_of((const char *)key, DIGEST_MAC), buf_span(message), mac);
		digest_hex(mac, sizeof mac, hex);
	}
	buf_release(message);
	return result;
}

int
signature_of_request(const uint8_t key[DIGEST_MAC], const char *cluster, int type,
		     const struct packet_announcement *a, const char *nonce,
		     char mac[PACKET_MAC + 1])
{
	struct buf message = BUF_INIT;

	return finish(&message, put_request(&message, cluster, type, a, nonce), key, mac);
}

int
signature_of_ack(const uint8_t key[DIGEST_MAC], const char *request_mac, const char *verb,
		 const char *nonce, char mac[PACKET_MAC + 1])
{
	struct buf message = BUF_INIT;

	return finish(&message, put_ack(&message, request_mac, verb, nonce), key, mac);
}

static int
put_proxies(struct buf *out, const char *request_mac, struct span proxies)
{
	if (put(out, span_str("policypool proxies 1")) < 0 ||
	    put_field(out, "request", request_mac) < 0 || put(out, span_str("proxies")) < 0)
		return -1;
	return put(out, proxies);
}

int
signature_of_proxies(const uint8_t key[DIGEST_MAC], const char *request_mac, struct span proxies,
		     char mac[PACKET_MAC + 1])
{
	struct buf message = BUF_INIT;

	return finish(&message, put_proxies(&message, request_mac, proxies), key, mac);
}

static int
put_record(struct buf *out, const char *cluster, const struct signature_record *r)
{
	if (put(out, span_str("policypool store record 1")) < 0 ||
	    put_field(out, "cluster", cluster) < 0 || put_field(out, "by", r->by) < 0 ||
	    put_field(out, "gone", r->gone) < 0 || put_field(out, "keyid", r->a->sign.keyid) < 0 ||
	    put_field(out, "id", r->a->id) < 0 || put_field(out, "policy", r->a->policy) < 0 ||
	    put_field(out, "addr", r->addr) < 0 || put_capacities(out, r->a) < 0)
		return -1;
	return put_number(out, "epoch", r->a->sign.epoch);
}

int
signature_of_record(const uint8_t key[DIGEST_MAC], const char *cluster,
		    const struct signature_record *r, char mac[PACKET_MAC + 1])
{
	struct buf message = BUF_INIT;

	return finish(&message, put_record(&message, cluster, r), key, mac);
}

/* context: 24 bytes at most. */
static void
derive(struct span secret, const char *context, const char *keyid, const char *id,
       uint8_t key[DIGEST_MAC])
{
	/* On the stack, so that it can't fail: context, key id, id, each with its length. */
	char info[3 * 4 + 24 + 2 * PACKET_ID_MAX];
	const char *part[] = {context, keyid, id};
	size_t n = 0;

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		size_t length = strnlen(part[i], i == 0 ? 24 : PACKET_ID_MAX);

		memcpy(info + n, (const char[4]){0, 0, 0, (char)length}, 4);
		memcpy(info + n + 4, part[i], length);
		n += 4 + length;
	}
	digest_derive(secret, span_of(info, n), key);
}

void
signature_server_key(struct span secret, const char *keyid, const char *id, uint8_t key[DIGEST_MAC])
{
	derive(secret, "policypool server key 1", keyid, id, key);
}

void
signature_record_key(struct span secret, const char *keyid, const char *id, uint8_t key[DIGEST_MAC])
{
	derive(secret, "policypool record key 1", keyid, id, key);
}

bool
signature_equal(const char a[PACKET_MAC + 1], const char b[PACKET_MAC + 1])
{
	return digest_equal(a, b, PACKET_MAC);
}

int
signature_random(char out[PACKET_NONCE + 1])
{
	uint8_t bytes[PACKET_NONCE / 2];
	ssize_t n;

	do
		n = getrandom(bytes, sizeof bytes, 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof bytes)
		return -1;
	digest_hex(bytes, sizeof bytes, out);
	return 0;
}
