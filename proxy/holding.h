/* holding.h - the bytes that a worker holds for its clients, and who holds more than others.  Pure
 * but for the meter that it tells. */
#ifndef POLICYPOOL_HOLDING_H
#define POLICYPOOL_HOLDING_H

#include <stdbool.h>
#include <stddef.h>

#include "meter.h"

struct holding {
	uint64_t limit; /* 0: none */
	uint64_t held, clients;
	struct meter_row *meter; /* borrowed */
};

/* Part of a client; zeroed. */
struct share {
	size_t packets; /* bytes of its requests and of answers that wait for their turn: kept by
			   the owner */
	size_t counted; /* in held */
};

void holding_join(struct holding *);
void holding_leave(struct holding *, struct share *);

/* The client holds its packets and that much unsent now. */
void holding_count(struct holding *, struct share *, size_t unsent);

/* Nothing new is to be taken. */
static inline bool
holding_is_full(const struct holding *h)
{
	return h->held > h->limit && h->limit > 0;
}

/* Full, and this client holds more than the others do on average. */
bool holding_is_greedy(const struct holding *, const struct share *);

#endif
