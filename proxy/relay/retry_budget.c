/* retry_budget.c - see retry_budget.h. */
#include "retry_budget.h"

void
retry_budget_init(struct retry_budget *b, unsigned percent, struct worker_stats_row *meter)
{
	*b = (struct retry_budget){.percent = percent, .meter = meter};
	TAILQ_INIT(&b->parked);
}

static void
count_active(struct retry_budget *b, int n)
{
	b->active += (unsigned)n;
	counter_set(&b->meter->retrying, b->active);
}

static void
count_parked(struct retry_budget *b, int n)
{
	b->parked_n += (unsigned)n;
	counter_set(&b->meter->parked, b->parked_n);
}

bool
retry_budget_take(struct retry_budget *b, struct request *r, unsigned pending)
{
	uint64_t most = (uint64_t)pending * b->percent / 100;

	if (r->retrying)
		return true;
	if (b->active >= (most > RETRY_BUDGET_LEAST ? most : RETRY_BUDGET_LEAST))
		return false;
	r->retrying = true;
	count_active(b, 1);
	return true;
}

void
retry_budget_end(struct retry_budget *b, struct request *r)
{
	if (!r->retrying)
		return;
	r->retrying = false;
	count_active(b, -1);
}

void
retry_budget_park(struct retry_budget *b, struct request *r, struct timeout_list *list,
		  uint64_t since)
{
	retry_budget_end(b, r);
	r->state = REQUEST_PARKED;
	TAILQ_INSERT_HEAD(&b->parked, r, link);
	wait_begin(list, &r->waits, r, since);
	count_parked(b, 1);
}

void
retry_budget_repark(struct retry_budget *b, struct request *r, struct request *next)
{
	retry_budget_end(b, r);
	r->state = REQUEST_PARKED;
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, r, link);
	else
		TAILQ_INSERT_TAIL(&b->parked, r, link);
	wait_begin(r->waits.in, &r->waits, r, r->waits.since);
	count_parked(b, 1);
}

void
retry_budget_unpark(struct retry_budget *b, struct request *r)
{
	TAILQ_REMOVE(&b->parked, r, link);
	wait_end(&r->waits);
	count_parked(b, -1);
}
