/* digest.c - see digest.h. */
#include "digest.h"

#include <assert.h>
#include <errno.h>
#include <nettle/base16.h>
#include <nettle/base64.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha3.h>
#include <nettle/version.h>

/* nettle 4 has no length argument any more. */
#if NETTLE_VERSION_MAJOR >= 4
#define FINISH(function, ctx, size, out) function(ctx, out)
#else
#define FINISH(function, ctx, size, out) function(ctx, size, out)
#endif

static const uint8_t *
bytes_of(struct span s)
{
	return (const uint8_t *)(s.p != NULL ? s.p : "");
}

void
digest_sha1_hex(struct span data, char hex[DIGEST_HEX + 1])
{
	struct sha1_ctx ctx;
	uint8_t digest[SHA1_DIGEST_SIZE];

	_Static_assert(DIGEST_HEX == BASE16_ENCODE_LENGTH(SHA1_DIGEST_SIZE), "two digits a byte");
	sha1_init(&ctx);
	sha1_update(&ctx, data.n, bytes_of(data));
	FINISH(sha1_digest, &ctx, SHA1_DIGEST_SIZE, digest);
	digest_hex(digest, sizeof digest, hex);
}

static const struct nettle_hash *
hash_of(enum digest_algorithm a)
{
	static const struct nettle_hash *const hash[DIGEST_ALGORITHMS] = {
		[DIGEST_SHA1] = &nettle_sha1,	      [DIGEST_SHA256] = &nettle_sha256,
		[DIGEST_SHA384] = &nettle_sha384,     [DIGEST_SHA512] = &nettle_sha512,
		[DIGEST_SHA3_256] = &nettle_sha3_256, [DIGEST_SHA3_512] = &nettle_sha3_512};

	return hash[a];
}

void
digest_hex_of(enum digest_algorithm a, struct span data, char hex[DIGEST_HEX_MAX + 1])
{
	const struct nettle_hash *h = hash_of(a);
	union {
		struct sha1_ctx sha1;
		struct sha256_ctx sha256;
		struct sha512_ctx sha512;
		struct sha3_256_ctx sha3_256;
		struct sha3_512_ctx sha3_512;
	} ctx;
	uint8_t digest[DIGEST_HEX_MAX / 2];

	assert(h->context_size <= sizeof ctx && h->digest_size <= sizeof digest);
	h->init(&ctx);
	h->update(&ctx, data.n, bytes_of(data));
	FINISH(h->digest, &ctx, h->digest_size, digest);
	digest_hex(digest, h->digest_size, hex);
}

void
digest_hmac(struct span key, struct span data, uint8_t mac[DIGEST_MAC])
{
	struct hmac_sha256_ctx ctx;

	_Static_assert(DIGEST_MAC == SHA256_DIGEST_SIZE, "HMAC-SHA256");
	hmac_sha256_set_key(&ctx, key.n, bytes_of(key));
	hmac_sha256_update(&ctx, data.n, bytes_of(data));
	FINISH(hmac_sha256_digest, &ctx, DIGEST_MAC, mac);
}

void
digest_hkdf(struct span salt, struct span secret, struct span info, uint8_t *out, size_t n)
{
	struct hmac_sha256_ctx ctx;
	uint8_t prk[DIGEST_MAC];

	assert(n <= (size_t)255 * DIGEST_MAC);
	digest_hmac(salt, secret, prk);
	hmac_sha256_set_key(&ctx, sizeof prk, prk);
	hkdf_expand(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, DIGEST_MAC, info.n,
		    bytes_of(info), n, out);
	explicit_bzero(prk, sizeof prk);
	explicit_bzero(&ctx, sizeof ctx);
}

void
digest_derive(struct span secret, struct span info, uint8_t key[DIGEST_MAC])
{
	digest_hkdf(span_of(NULL, 0), secret, info, key, DIGEST_MAC);
}

bool
digest_equal(const void *a, const void *b, size_t n)
{
	return memeql_sec(a, b, n) != 0;
}

void
digest_hex(const void *bytes, size_t n, char *hex)
{
	base16_encode_update(hex, n, bytes);
	hex[2 * n] = '\0';
}

int
digest_unhex(struct span hex, uint8_t *out, size_t n)
{
	struct base16_decode_ctx ctx;
	size_t room = n;

	if (hex.n != 2 * n)
		return -1;
	for (size_t i = 0; i < hex.n; i++) /* nettle would skip white space */
		if (strchr(" \t\r\n", hex.p[i]) != NULL)
			return -1;
	base16_decode_init(&ctx);
	if (!base16_decode_update(&ctx, &room, out, hex.n, hex.p) || !base16_decode_final(&ctx) ||
	    room != n)
		return -1;
	return 0;
}

static bool
is_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr("0123456789abcdefABCDEF", s.p[i]) == NULL)
			return false;
	return s.n % 2 == 0;
}

int
digest_decode(struct span text, uint8_t *out, size_t max)
{
	struct base64_decode_ctx ctx;
	size_t room = max;

	if (is_hex(text))
		return text.n / 2 <= max && digest_unhex(text, out, text.n / 2) == 0
			       ? (int)(text.n / 2)
			       : -1;
	if (BASE64_DECODE_LENGTH(text.n) > max)
		return -1;
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &room, out, text.n, text.p) || !base64_decode_final(&ctx))
		return -1;
	return (int)room;
}

int
digest_base64(struct buf *out, struct span bytes)
{
	size_t n = BASE64_ENCODE_RAW_LENGTH(bytes.n);
	char *to = buf_reserve(out, n);

	if (to == NULL)
		return -1;
	base64_encode_raw(to, bytes.n, bytes_of(bytes));
	buf_commit(out, n);
	return 0;
}

/* nettle would skip white space. */
static bool
has_space(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n\v\f", s.p[i]) != NULL && s.p[i] != '\0')
			return true;
	return false;
}

int
digest_unbase64(struct buf *out, struct span text)
{
	struct base64_decode_ctx ctx;
	size_t room = BASE64_DECODE_LENGTH(text.n);
	char *to = buf_reserve(out, room);

	if (to == NULL)
		return -1;
	base64_decode_init(&ctx);
	if (has_space(text) || !base64_decode_update(&ctx, &room, (uint8_t *)to, text.n, text.p) ||
	    !base64_decode_final(&ctx)) {
		errno = EINVAL;
		return -1;
	}
	buf_commit(out, room);
	return 0;
}
