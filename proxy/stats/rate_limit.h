/* rate_limit.h - a rate limit (GCRA) for each of many keys, over all workers together.
 *
 * A key's account is one word in shared memory, GCRA's theoretical arrival time, so taking is one
 * compare-and-swap and exact over all workers.  The table is bounded: when more keys than it holds
 * are in debt at a time, those with the least debt are forgotten first, which lets them have a
 * burst too many. */
#ifndef POLICYPOOL_RATE_LIMIT_H
#define POLICYPOOL_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "span.h"

enum { RATE_LIMIT_KEYS = 1 << 16, RATE_LIMIT_RATE_MAX = 1000000 };

struct rate_limit;

/* The accounts are of all workers, or of the process that makes it, where a worker can't change
 * them. */
enum rate_limit_scope { RATE_LIMIT_SHARED, RATE_LIMIT_OWN };

/* rate a second, at least 1 and at most RATE_LIMIT_RATE_MAX; burst at once, 0: as many as rate.
 * Shared with every child forked later unless it is RATE_LIMIT_OWN.  NULL with errno.
 *
 * Shared accounts are written by all workers: one that was taken over can refuse keys or let them
 * pass for as long as it lives.  No account owes more than a burst, so what it leaves is over then.
 */
struct rate_limit *rate_limit_new(unsigned rate, unsigned burst, enum rate_limit_scope);

/* Another holder; each calls rate_limit_free().  Returns it. */
struct rate_limit *rate_limit_ref(struct rate_limit *);
void rate_limit_free(struct rate_limit *); /* NULL is fine */

/* Was it made with these? */
bool rate_limit_is(const struct rate_limit *, unsigned rate, unsigned burst);

/* Takes one for the key; now in clock_us().  0, or the microseconds after which there is one again:
 * then nothing was taken. */
MUST_CHECK uint64_t rate_limit_take(struct rate_limit *, struct span key, uint64_t now);

/* The same without taking. */
MUST_CHECK uint64_t rate_limit_ask(struct rate_limit *, struct span key, uint64_t now);

#endif
