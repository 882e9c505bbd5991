/* digest.c - see digest.h. */
#include "digest.h"

#include <nettle/base16.h>
#include <nettle/sha1.h>
#include <nettle/version.h>
#include <stdint.h>

/* nettle 4 has no length argument any more. */
static void
finish(struct sha1_ctx *ctx, uint8_t out[SHA1_DIGEST_SIZE])
{
#if NETTLE_VERSION_MAJOR >= 4
	sha1_digest(ctx, out);
#else
	sha1_digest(ctx, SHA1_DIGEST_SIZE, out);
#endif
}

void
digest_sha1_hex(struct span data, char hex[DIGEST_HEX + 1])
{
	struct sha1_ctx ctx;
	uint8_t digest[SHA1_DIGEST_SIZE];

	_Static_assert(DIGEST_HEX == BASE16_ENCODE_LENGTH(SHA1_DIGEST_SIZE), "two digits a byte");
	sha1_init(&ctx);
	if (data.n > 0)
		sha1_update(&ctx, data.n, (const uint8_t *)data.p);
	finish(&ctx, digest);
	base16_encode_update(hex, sizeof digest, digest);
	hex[DIGEST_HEX] = '\0';
}
