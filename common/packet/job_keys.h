/* job_keys.h - what a server announces of the keys that it does its job with, "2026=HEX,2025=HEX":
 * whether two servers have the same, without telling what they are.
 *
 * A name, of letters, digits, '_', '.' and '-', and 16 lower-case hex digits that are made from the
 * key.  Servers may have different keys while they are exchanged, one server after another; but
 * what has the same name must be the same, and there must be one that both have. */
#ifndef POLICYPOOL_JOB_KEYS_H
#define POLICYPOOL_JOB_KEYS_H

#include "compiler.h"
#include "span.h"

enum { JOB_KEYS_MAX = 255, JOB_KEYS_CHECK = 16 }; /* bytes of it all; digits of a key's check */

/* Is it such a text, of at most JOB_KEYS_MAX bytes? */
bool job_keys_is(struct span);

/* Appends one; false when there is no room for it any more, and text is as it was. */
MUST_CHECK bool job_keys_add(char text[JOB_KEYS_MAX + 1], const char *name,
			     const char check[JOB_KEYS_CHECK + 1]);

enum job_keys_result {
	JOB_KEYS_AGREE,
	JOB_KEYS_DIFFER, /* under one name */
	JOB_KEYS_APART	 /* not one name is in both */
};

/* Compares two such texts; one that is empty agrees with any.  *name is the one that differs, of a;
 * empty where none does. */
enum job_keys_result job_keys_compare(const char *a, const char *b, struct span *name);

#endif
