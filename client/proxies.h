/* proxies.h - at which address of which proxy a connection is tried next, and after what pause.
 * Pure.
 *
 * One round is a try of each address; the next follows at once on a failure, a pause on a round of
 * failures, longer after each.  What works is stayed at. */
#ifndef POLICYPOOL_PROXIES_H
#define POLICYPOOL_PROXIES_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "backoff.h"

enum { PROXIES_MAX = 16, PROXIES_PLACES = 64 };

struct proxies_place {
	struct addr at;
	unsigned proxy;	      /* which one's address it is; those of one stand together */
	char name[ADDR_HOST]; /* that its certificate must be for */
};

/* In the order in which they are listed. */
struct proxies {
	unsigned n; /* of them; at least 1 where a choice is made */
	struct proxies_place place[PROXIES_PLACES];
};

/* An address is there once.  False: there is no room for more. */
bool proxies_add(struct proxies *, unsigned proxy, const struct addr *, const char *name);

/* One connection's. */
struct proxies_choice {
	uint8_t order[PROXIES_PLACES]; /* places, in the order in which they are tried */
	uint8_t n, at, failed;	       /* of order: all, the present one, those of this round */
	struct backoff backoff;
};

/* A pause is within [min / 2, max) ms.  random: NULL for the order of the list; otherwise it gives
 * 32 uniform bits, and each proxy may be the first; the addresses of one keep their order. */
void proxies_choice_init(struct proxies_choice *, const struct proxies *, uint32_t min,
			 uint32_t max, uint32_t (*random)(void));

/* The place to be tried, or that is in use. */
unsigned proxies_choice_at(const struct proxies_choice *);

/* It cannot be reached, or was lost: another one is at now.  True where the round goes on: to be
 * tried at once; otherwise after a pause, if there may be one more round. */
bool proxies_choice_failed(struct proxies_choice *);
/* Would that go on with the round, or are there fewer than `rounds` that have failed in a row? */
bool proxies_choice_may_fail(const struct proxies_choice *, unsigned rounds);
/* How long, in ms, which counts as one more round that has failed. */
uint32_t proxies_choice_pause(struct proxies_choice *, uint32_t random);

/* It has answered. */
void proxies_choice_worked(struct proxies_choice *);

#endif
