/* verdict.h - what the master makes of each server's health, for workers to read when they pick:
 * one word of shared memory a server.
 *
 * All zero is OPEN: whoever is not known to be bad is used. */
#ifndef POLICYPOOL_VERDICT_H
#define POLICYPOOL_VERDICT_H

#include <stdatomic.h>
#include <stdint.h>

enum verdict_kind {
	VERDICT_OPEN, /* to be used */
	VERDICT_RAMP, /* has just returned: to be used more and more */
	VERDICT_SHUT  /* not to be used */
};

enum { VERDICT_FULL = 256, VERDICT_LEAST = 16 }; /* shares of a server's turns */

struct verdicts;

/* Shared with every child forked later.  NULL with errno. */
struct verdicts *verdicts_new(unsigned servers);
void verdicts_free(struct verdicts *);

/* The master; since in clock_ms(): a ramp's start. */
void verdict_set(struct verdicts *, unsigned server, enum verdict_kind, uint64_t since);
enum verdict_kind verdict_kind(const struct verdicts *, unsigned server);

/* What share of its turns a server is to have: 0 when shut, VERDICT_FULL when open, in between and
 * at least VERDICT_LEAST on a ramp of that many ms. */
unsigned verdict_share(const struct verdicts *, unsigned server, uint64_t now, uint64_t ramp);

#endif
