/* digest.h - SHA-1, SHA-2 (FIPS 180-4) and SHA-3 (FIPS 202) of payloads; HMAC-SHA256 (RFC 2104) and
 * HKDF (RFC 5869) for signatures; hex and base64 (RFC 4648).  Only user of nettle.  Nothing here
 * can fail but decoding, and what needs memory. */
#ifndef POLICYPOOL_DIGEST_H
#define POLICYPOOL_DIGEST_H

#include <stdint.h>

#include "buf.h"
#include "compiler.h"
#include "span.h"

enum { DIGEST_HEX = 40, DIGEST_MAC = 32, DIGEST_MAC_HEX = 2 * DIGEST_MAC };

/* hex is NUL-terminated: 40 lower-case digits. */
void digest_sha1_hex(struct span data, char hex[DIGEST_HEX + 1]);

enum digest_algorithm {
	DIGEST_SHA1,
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
	DIGEST_SHA3_256,
	DIGEST_SHA3_512
};
enum { DIGEST_ALGORITHMS = DIGEST_SHA3_512 + 1, DIGEST_HEX_MAX = 128 };

/* hex is NUL-terminated: 40, 64, 96 or 128 lower-case digits. */
void digest_hex_of(enum digest_algorithm, struct span data, char hex[DIGEST_HEX_MAX + 1]);

void digest_hmac(struct span key, struct span data, uint8_t mac[DIGEST_MAC]);

/* HKDF-SHA256 without salt (one of zeros), expanded by info to a key of DIGEST_MAC bytes. */
void digest_derive(struct span secret, struct span info, uint8_t key[DIGEST_MAC]);

/* As above with a salt and any length up to 255 * DIGEST_MAC. */
void digest_hkdf(struct span salt, struct span secret, struct span info, uint8_t *out, size_t n);

/* Takes the same time wherever they differ. */
bool digest_equal(const void *a, const void *b, size_t n);

/* hex holds 2 * n + 1 bytes: lower-case digits and a NUL. */
void digest_hex(const void *bytes, size_t n, char *hex);

/* Exactly n bytes from 2 * n digits of either case.  0, or -1. */
MUST_CHECK int digest_unhex(struct span hex, uint8_t *out, size_t n);

/* Hex or base64 (RFC 4648, padded) of at most max bytes; an even number of hex digits is taken for
 * hex.  The number of bytes, or -1. */
MUST_CHECK int digest_decode(struct span text, uint8_t *out, size_t max);

/* Appends base64, padded.  0, or -1 with ENOMEM and out as it was. */
MUST_CHECK int digest_base64(struct buf *out, struct span bytes);

/* Appends what base64 stands for: padded, and nothing else in it, white space neither.  0, or -1:
 * with EINVAL where it is none, otherwise ENOMEM; out is as it was. */
MUST_CHECK int digest_unbase64(struct buf *out, struct span text);

#endif
