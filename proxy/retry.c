/* retry.c - see retry.h. */
#include "retry.h"

void
retry_init(struct retry *b, unsigned percent, uint64_t limit)
{
	*b = (struct retry){.percent = percent};
	TAILQ_INIT(&b->parked);
	waitlist_init(&b->waits, limit);
}

bool
retry_take(struct retry *b, struct request *r, unsigned pending)
{
	uint64_t most = (uint64_t)pending * b->percent / 100;

	if (r->retrying)
		return true;
	if (b->active >= (most > RETRY_LEAST ? most : RETRY_LEAST))
		return false;
	r->retrying = true;
	b->active++;
	return true;
}

void
retry_end(struct retry *b, struct request *r)
{
	b->active -= r->retrying;
	r->retrying = false;
}

void
retry_park(struct retry *b, struct request *r, uint64_t since)
{
	retry_end(b, r);
	r->state = REQUEST_PARKED;
	TAILQ_INSERT_HEAD(&b->parked, r, link);
	wait_begin(&b->waits, &r->waits, r, since);
	b->parked_n++;
}

void
retry_repark(struct retry *b, struct request *r, struct request *next)
{
	retry_end(b, r);
	r->state = REQUEST_PARKED;
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, r, link);
	else
		TAILQ_INSERT_TAIL(&b->parked, r, link);
	wait_begin(&b->waits, &r->waits, r, r->waits.since);
	b->parked_n++;
}

void
retry_unpark(struct retry *b, struct request *r)
{
	TAILQ_REMOVE(&b->parked, r, link);
	wait_end(&b->waits, &r->waits);
	b->parked_n--;
}

struct request *
retry_overdue(const struct retry *b, uint64_t now)
{
	return waitlist_overdue(&b->waits, now);
}
