/* lb_load.c - see lb_load.h. */
#include "lb_load.h"

#include <stdlib.h>
#include <string.h>

/* What other workers have at a server changes with every request; it is asked for anew after so
 * long. */
enum { LOAD_AGE = 1 /* ms */ };

struct others {
	uint32_t n;  /* requests in flight from other workers, ... */
	uint64_t at; /* as of then, clock_ms() */
};

struct lb_load {
	const struct counters *tally;
	unsigned worker, servers;
	struct others *others; /* by server index */
};

struct lb_load *
lb_load_new(const struct upstream_env *env, unsigned servers)
{
	struct lb_load *l = malloc(sizeof *l);

	if (l == NULL)
		return NULL;
	*l = (struct lb_load){env->tally, env->worker, servers, calloc(servers, sizeof *l->others)};
	if (l->others != NULL)
		return l;
	free(l);
	return NULL;
}

void
lb_load_free(struct lb_load *l)
{
	if (l == NULL)
		return;
	free(l->others);
	free(l);
}

void
lb_load_refresh(struct lb_load *l)
{
	memset(l->others, 0, l->servers * sizeof *l->others);
}

uint32_t
lb_load_of(struct lb_load *l, const struct upstreams *all, unsigned server, uint64_t now)
{
	struct others *o = &l->others[server];

	if (o->at + LOAD_AGE <= now) {
		o->n = server_stats_in_flight(l->tally, server, l->worker);
		o->at = now;
	}
	return upstream_in_flight(all, server) + o->n;
}
