/* server_stats.c - see server_stats.h. */
#include "server_stats.h"

COUNTERS_DEFINE(server_stats_cell, SERVER_STATS);

/* What a worker can have in flight at a server: more is not believed. */
enum { IN_FLIGHT_MAX = 1 << 20 };

static const struct server_stats_cell *
cell_of(const struct counters *c, unsigned worker, unsigned server)
{
	return counters_cell(c, worker, server);
}

bool
server_stats_has_served(const struct counters *c, unsigned server)
{
	const struct server_stats_cell *dead = counters_dead(c, server);
	bool has = counter_get(&dead->served) > 0;

	for (unsigned w = 0; w < c->workers && !has; w++)
		has = counter_get(&cell_of(c, w, server)->served) > 0;
	return has;
}

uint32_t
server_stats_in_flight(const struct counters *c, unsigned server, unsigned but_worker)
{
	uint64_t n = 0, said;

	for (unsigned w = 0; w < c->workers; w++) {
		said = w == but_worker ? 0 : counter_get(&cell_of(c, w, server)->in_flight);
		n += said <= IN_FLIGHT_MAX ? said : 0;
	}
	return (uint32_t)n;
}

uint64_t
server_stats_reached(const struct counters *c, unsigned server, uint64_t now)
{
	uint64_t last = 0;

	for (unsigned w = 0; w < c->workers; w++) {
		uint64_t at = shm_instant(counter_get(&cell_of(c, w, server)->reached_at), now);
		last = at > last ? at : last;
	}
	return last;
}
