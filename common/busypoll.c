/* busypoll.c - see busypoll.h. */
#include "busypoll.h"

enum {
	SOON = 4,      /* times the limit: a sleep that short is mostly its own cost */
	AWAY = 50,     /* us; others did more than a moment's work meanwhile */
	PAUSE = 10000, /* us without looking on after that */
	MEAN = 16,     /* events over which the mean runs */
	CROWD = 2,     /* events at a time that tell of work enough: more gather during a sleep */
	VAIN = 63
};

bool
busypoll_may(const struct busypoll *b, bool expecting, uint64_t now_us)
{
	const struct busypoll_kind *k = &b->kind[expecting];

	return b->limit_us > 0 && k->soon && k->skip == 0 && b->crowd <= CROWD * MEAN &&
	       now_us >= b->left_off_us;
}

bool
busypoll_gave_way(struct busypoll *b, uint64_t away_us, uint64_t now_us)
{
	if (away_us <= AWAY)
		return true;
	b->left_off_us = now_us + PAUSE;
	return false;
}

void
busypoll_found(struct busypoll *b, unsigned events)
{
	b->crowd += events - (b->crowd + MEAN - 1) / MEAN; /* what is constant, it comes to */
}

void
busypoll_spared(struct busypoll *b, bool expecting)
{
	b->kind[expecting].vain /= 2;
}

void
busypoll_slept(struct busypoll *b, bool expecting, bool looked, uint64_t waited_us)
{
	struct busypoll_kind *k = &b->kind[expecting];

	k->soon = waited_us <= (uint64_t)SOON * b->limit_us;
	if (k->skip > 0)
		k->skip--;
	if (!looked)
		return;
	if (k->vain < VAIN)
		k->vain = k->vain * 2 + 1;
	k->skip = k->vain;
}
