/* job_yield.c - a worker all of whose processes are held up leaves what waits to a sibling.
 *
 * Each publishes how many processes it has idle and since when the others have had their jobs
 * (job_stats.h), and takes what others have published for no more than a hint: a worker that was
 * taken over can make requests be declined which would have waited.  A proxy sends what was
 * declined to another worker. */
#include "clock.h"
#include "job_internal.h"

enum {
	HELD_UP = 8,		/* times the mean of jobs, */
	HELD_UP_MIN_MS = 20,	/* and at least so long, */
	HELD_UP_OF_TIMEOUT = 4, /* and at most that part of job_timeout */
};

void
job_yield_tell(const struct job_dispatch *d)
{
	unsigned spare = d->shut || d->breaker.open ? 0 : d->idle_n;

	if (counter_get(&d->row->spare) != spare)
		counter_set(&d->row->spare, spare);
}

static uint64_t
patience(const struct job_dispatch *d)
{
	uint64_t most = d->conf.handler->job_timeout / HELD_UP_OF_TIMEOUT;
	uint64_t ms = d->mean_us * HELD_UP / 1000;

	ms = ms > HELD_UP_MIN_MS ? ms : HELD_UP_MIN_MS;
	return ms < most ? ms : most;
}

/* Has it a process that is idle, or one that has begun a job within so many ms? */
static bool
goes_on(const struct job_dispatch *d, unsigned worker, uint64_t now, uint64_t lately)
{
	const struct job_stats *stats = d->conf.stats;
	const struct job_stats_row *row = counters_cell(stats->rows, worker, 0);

	if (counter_get(&row->spare) > 0)
		return true;
	for (unsigned i = 0; i < d->conf.handler->processes; i++) {
		const struct job_stats_cell *cell = counters_cell(stats->cells, worker, i);
		uint64_t began = counter_get(&cell->began);
		if (began <= now && now - began < lately)
			return true;
	}
	return false;
}

static bool
another_goes_on(const struct job_dispatch *d, uint64_t now)
{
	for (unsigned i = 0; i < d->conf.stats->rows->workers; i++)
		if (i != d->conf.slot && goes_on(d, i, now, HELD_UP_MIN_MS))
			return true;
	return false;
}

/* As long as one does a job that has begun lately, it goes on. */
uint64_t
job_yield_at(const struct job_dispatch *d)
{
	uint64_t since = d->down_since;

	if (!d->conf.siblings || d->queued == 0 || d->idle_n > 0)
		return 0;
	for (unsigned i = 0; i < d->conf.handler->processes; i++) {
		const struct job_link *p = &d->links[i];
		if (p->state == LINK_BUSY && p->began / 1000 > since)
			since = p->began / 1000;
	}
	return since == 0 ? 0 : since + patience(d);
}

bool
job_yields(const struct job_dispatch *d, uint64_t now)
{
	uint64_t at = job_yield_at(d);

	return at != 0 && now >= at && another_goes_on(d, now);
}
