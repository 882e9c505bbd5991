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
retry_park(struct retry *b, struct request *r, uint64_t now)
{
	retry_end(b, r);
	r->state = REQUEST_PARKED;
	TAILQ_INSERT_HEAD(&b->parked, r, link);
	wait_begin(&b->waits, &r->waits, r, now);
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
retry_next(struct retry *b, unsigned pending)
{
	struct request *r = TAILQ_FIRST(&b->parked);

	if (r == NULL || !retry_take(b, r, pending))
		return NULL;
	retry_unpark(b, r);
	return r;
}

struct request *
retry_overdue(const struct retry *b, uint64_t now)
{
	return waitlist_overdue(&b->waits, now);
}
