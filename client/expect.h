/* expect.h - what the client expects of the payload of a reply.
 *
 *   sha1 ... sha3-512   that digest of the request's payload
 *   hmac-sha256         its form, a name, a colon and 64 digits: only who has the key can compute
 * it file:FILE           what the file holds cmd:COMMAND         what the command prints, with the
 * request's payload as its standard input none                nothing: any reply is right */
#ifndef POLICYPOOL_EXPECT_H
#define POLICYPOOL_EXPECT_H

#include <stdbool.h>
#include <stdio.h>

#include "buf.h"
#include "compiler.h"
#include "job.h"

enum expect_kind { EXPECT_DIGEST, EXPECT_FORM, EXPECT_FILE, EXPECT_COMMAND, EXPECT_NONE };

struct expect {
	enum expect_kind kind;
	const struct job *job; /* DIGEST, FORM */
	const char *source;    /* FILE, COMMAND; borrowed from the word */
	struct buf text;       /* FILE, COMMAND: what a reply has to be, once loaded */
};

/* For a table of keys: NULL where the word is one of these. */
const char *expect_judge(const char *word);

/* word is one of these, and must outlive it.  Release: expect_free(). */
struct expect expect_of(const char *word);
void expect_free(struct expect *);

/* Reads the file or runs the command with that payload, where there is one; max bytes at most.  0,
 * or -1 with one line on err. */
MUST_CHECK int expect_load(struct expect *, struct span payload, size_t max, FILE *err);

/* Digits of the digest that each request has; 0 where it needs none. */
static inline unsigned
expect_digits(const struct expect *e)
{
	return e->kind == EXPECT_DIGEST ? e->job->digits : 0;
}

/* Is that the payload of a right reply?  digest is that of the request's payload, for DIGEST. */
bool expect_met(const struct expect *, struct span digest, struct span payload);

/* What is right or wrong, for people: "hash", "sha256 digest", "reply".  A constant or borrowed. */
const char *expect_what(const struct expect *, char *out, size_t size);

#endif
