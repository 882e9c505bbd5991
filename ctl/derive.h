/* derive.h - the key of one server, from the secret of a named key. */
#ifndef POLICYPOOL_DERIVE_H
#define POLICYPOOL_DERIVE_H

#include <stdio.h>

#include "attr.h"

/* Reads the secret, in hex or base64, from in, and writes the line of a key file to out: the exit
 * status, everything told. */
MUST_CHECK int derive_key(const char *keyid, const char *id, FILE *in, FILE *out);

#endif
