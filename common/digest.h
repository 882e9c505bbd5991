/* digest.h - SHA-1 (FIPS 180-4) as 40 lower-case hex digits.  Only user of nettle. */
#ifndef POLICYPOOL_DIGEST_H
#define POLICYPOOL_DIGEST_H

#include "span.h"

enum { DIGEST_HEX = 40 };

/* hex is NUL-terminated.  Cannot fail. */
void digest_sha1_hex(struct span data, char hex[DIGEST_HEX + 1]);

#endif
