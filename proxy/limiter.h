/* limiter.h - so many of something a second for each of many keys, over all workers together.
 *
 * A key's account is one word in shared memory, the instant at which what it has taken is paid off,
 * so taking is one compare-and-swap and exact whoever takes.  The table is bounded: when more keys
 * than it holds are in debt at a time, those with the least debt are forgotten first, which lets
 * them have a burst too many. */
#ifndef POLICYPOOL_LIMITER_H
#define POLICYPOOL_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "attr.h"
#include "span.h"

enum { LIMITER_KEYS = 1 << 16, LIMITER_RATE_MAX = 1000000 };

struct limiter;

/* rate a second, at least 1 and at most LIMITER_RATE_MAX; burst at once, 0: as many as rate. Shared
 * with every child forked later.  NULL with errno. */
struct limiter *limiter_new(unsigned rate, unsigned burst);

/* Another holder; each calls limiter_free().  Returns it. */
struct limiter *limiter_hold(struct limiter *);
void limiter_free(struct limiter *); /* NULL is fine */

/* Was it made with these? */
bool limiter_is(const struct limiter *, unsigned rate, unsigned burst);

/* Takes one for the key; now in clock_us().  0, or the microseconds after which there is one again:
 * then nothing was taken. */
MUST_CHECK uint64_t limiter_take(struct limiter *, struct span key, uint64_t now);

/* The same without taking. */
MUST_CHECK uint64_t limiter_ask(struct limiter *, struct span key, uint64_t now);

/* What an address is counted as: an IPv4 address, or the /64 of an IPv6 one.  It borrows from
 * space. */
struct span limiter_key(const struct addr *, char space[16]);

#endif
