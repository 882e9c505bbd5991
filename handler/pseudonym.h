/* pseudonym.h - the job hmac-sha256: keyed pseudonyms.
 *
 * The answer to a payload is NAME:HEX, the name of a key of the keyring and HMAC-SHA256 (RFC 2104)
 * of the payload's bytes under HKDF-SHA256 (RFC 5869) of its secret, without salt, expanded to 32
 * bytes by "policypool pseudonym 1" and the domain.  The same payload has the same pseudonym, which
 * tells nothing of it to those who have not the secret; two domains' can't be compared.  What is
 * announced of a key (job_keys.h) is the beginning of another key, "policypool pseudonym check 1"
 * and the domain: no pseudonym.
 *
 * The keyring is a file of secrets (secret_file.h):
 *
 *   key 2026
 *       secret use HEX-OR-BASE64
 *   key 2025
 *       secret install HEX-OR-BASE64
 *
 * One key is in use.  A request may name another that is installed; one to remove is not known any
 * more. */
#ifndef POLICYPOOL_PSEUDONYM_H
#define POLICYPOOL_PSEUDONYM_H

#include <stdio.h>

#include "compiler.h"
#include "job_backend.h"
#include "job_keys.h"

/* Keys of a file; bytes of the name of a key, of a domain. */
enum { PSEUDONYM_KEYS = 64, PSEUDONYM_NAME = 64, PSEUDONYM_DOMAIN = 255 };

struct pseudonym_keys;

/* The file's keys, for one domain; the secrets themselves are forgotten.  NULL when anything is
 * wrong, each told on err with file and line. */
struct pseudonym_keys *pseudonym_load(const char *path, const char *domain, FILE *err);
struct pseudonym_keys *pseudonym_parse(const char *name, struct span text, const char *domain,
				       FILE *err);
/* Wipes them.  NULL is fine. */
void pseudonym_free(struct pseudonym_keys *);

/* For the master, which is not to have the keys: only tells what is wrong, and fills what a proxy
 * may know of them, the one in use first and those that are installed as far as there is room.  0,
 * or -1. */
MUST_CHECK int pseudonym_check(const char *path, const char *domain, char keys[JOB_KEYS_MAX + 1],
			       FILE *err);

/* Its state is the keys. */
extern const struct job_backend pseudonym_backend;

#endif
