/* holding.c - see holding.h. */
#include "holding.h"

void
holding_join(struct holding *h)
{
	h->clients++;
}

static void
count(struct holding *h, struct share *s, size_t now)
{
	h->held += now;
	h->held -= s->counted;
	s->counted = now;
	meter_gauge(&h->meter->buffered, &h->meter->buffered_max, h->held);
}

void
holding_leave(struct holding *h, struct share *s)
{
	count(h, s, 0);
	h->clients--;
}

void
holding_count(struct holding *h, struct share *s, size_t unsent)
{
	count(h, s, s->packets + unsent);
}

bool
holding_is_greedy(const struct holding *h, const struct share *s)
{
	return holding_is_full(h) && s->counted > h->held / h->clients;
}
