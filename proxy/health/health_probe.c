/* health_probe.c - when probes are due; see health.h and health_internal.h. */
#include "health_internal.h"

enum { STEADY = 4 }; /* missed probes after which the pause between them grows */

/* A quarter less at most, so that those ejected together do not return together. */
uint64_t
health_jittered(const struct health *h, uint64_t ms)
{
	return ms - ((ms / 4 * h->random()) >> 32);
}

uint64_t
health_check_pause(const struct health *h, const struct health_row *r)
{
	return health_jittered(h, health_conf(h, r)->check_interval);
}

/* One that may be about to listen is probed soon, one that has been dead for long ever more rarely.
 */
uint64_t
health_probe_pause(const struct health *h, const struct health_row *r, bool excused)
{
	uint64_t pause = health_conf(h, r)->check_interval;

	if (excused && HEALTH_AGAIN * (r->missed + UINT64_C(1)) < pause)
		return HEALTH_AGAIN * (r->missed + UINT64_C(1));
	if (r->missed > STEADY)
		pause *= r->missed - STEADY + 1;
	if (pause > health_conf(h, r)->eject_max && pause > health_conf(h, r)->check_interval)
		pause = health_conf(h, r)->eject_max > health_conf(h, r)->check_interval
				? health_conf(h, r)->eject_max
				: health_conf(h, r)->check_interval;
	return health_jittered(h, pause);
}

/* A probe is to be started at that time, or before. */
void
health_schedule(struct health_row *r, uint64_t at)
{
	if (!r->probing && (r->probe_at == 0 || r->probe_at > at))
		r->probe_at = at;
}

bool
health_is_due(const struct health *h, unsigned server, uint64_t now)
{
	const struct health_row *r = health_row(h, server);

	return r->used && r->probe_at != 0 && now >= r->probe_at;
}

void
health_started(struct health *h, unsigned server)
{
	struct health_row *r = health_row(h, server);

	r->probe_at = 0;
	r->probing = true;
}

void
health_postpone(struct health *h, unsigned server, uint64_t now)
{
	struct health_row *r = health_row(h, server);

	r->probing = false;
	r->waited = 0;
	if (r->used && (r->checked || r->asked || r->failing || r->state == HEALTH_PROBING))
		r->probe_at = now + HEALTH_AGAIN;
}
