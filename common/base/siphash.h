/* siphash.h - SipHash-2-4: a keyed hash for tables with keys that strangers choose. */
#ifndef POLICYPOOL_SIPHASH_H
#define POLICYPOOL_SIPHASH_H

#include <stdint.h>

#include "span.h"

/* key is secret and random, or a stranger can fill one place of the table. */
uint64_t siphash(const uint64_t key[2], struct span data);

#endif
