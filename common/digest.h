/* digest.h - SHA-1 (FIPS 180-4) of payloads; HMAC-SHA256 (RFC 2104) and HKDF (RFC 5869) for
 * signatures; hex and base64.  Only user of nettle.  Nothing here can fail but decoding. */
#ifndef POLICYPOOL_DIGEST_H
#define POLICYPOOL_DIGEST_H

#include <stdint.h>

#include "attr.h"
#include "span.h"

enum { DIGEST_HEX = 40, DIGEST_MAC = 32, DIGEST_MAC_HEX = 2 * DIGEST_MAC };

/* hex is NUL-terminated: 40 lower-case digits. */
void digest_sha1_hex(struct span data, char hex[DIGEST_HEX + 1]);

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

#endif
