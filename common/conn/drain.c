/* drain.c - see drain.h. */
#include "drain.h"

#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "net.h"

enum {
	TURN_MS = 10,
	GRACE_MS = 200,
	GAP_MS = 50,	/* so long without input is a pause */
	LAST_MS = 2000, /* of the limit, for the last ones to take note */
	OVER_MS = 1000, /* of that, for their ends */
};

struct drain {
	struct event *turn;
	void (*on_turn)(void *ctx);
	void *ctx;
	uint64_t begun, limit, grace; /* clock_ms(), 0: not yet; ms */
};

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct drain *d = arg;

	(void)fd;
	(void)what;
	d->on_turn(d->ctx);
}

struct drain *
drain_new(struct event_base *base, void (*on_turn)(void *ctx), void *ctx)
{
	struct drain *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	*d = (struct drain){.on_turn = on_turn, .ctx = ctx};
	d->turn = event_new(base, -1, EV_PERSIST, on_event, d);
	if (d->turn != NULL)
		return d;
	free(d);
	return NULL;
}

void
drain_free(struct drain *d)
{
	if (d == NULL)
		return;
	event_free(d->turn);
	free(d);
}

void
drain_begin(struct drain *d, uint64_t limit, bool grace)
{
	struct timeval tv = clock_timeval(TURN_MS);

	d->begun = clock_ms();
	d->limit = limit;
	d->grace = grace ? GRACE_MS : 0;
	if (event_add(d->turn, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock of draining", NULL);
}

/* So long before the limit is over, in ms, or a part of it where it is short. */
static uint64_t
left(uint64_t limit, uint64_t part, uint64_t most)
{
	return limit - (limit / part < most ? limit / part : most);
}

enum drain_phase
drain_phase(const struct drain *d)
{
	uint64_t since = d->begun == 0 ? 0 : clock_ms() - d->begun;

	if (d->begun == 0)
		return DRAIN_NOT;
	if (since >= left(d->limit, 8, OVER_MS))
		return DRAIN_OVER;
	if (since >= left(d->limit, 4, LAST_MS))
		return DRAIN_LAST;
	return since < d->grace ? DRAIN_GRACE : DRAIN_QUIET;
}

bool
drain_is_due(const struct drain *d, uint64_t heard, int fd)
{
	enum drain_phase phase = drain_phase(d);
	uint64_t now = clock_ms();

	if (heard < d->begun)
		heard = d->begun;
	if (phase < DRAIN_QUIET || phase == DRAIN_OVER)
		return phase == DRAIN_OVER;
	/* Twice, since round trips vary; asked of the kernel only where it matters. */
	return now >= heard + GAP_MS && now >= heard + GAP_MS + 2 * (uint64_t)net_round_trip_ms(fd);
}
