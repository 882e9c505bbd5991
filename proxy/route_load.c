/* route_load.c - see route_load.h. */
#include "route_load.h"

#include <math.h>

enum {
	HASH_SPARE = 4 /* load that a server may have by hash whatever the others have */
};

/* a has less to do than b, each by its weight. */
static bool
less_loaded(const struct route_server *a, const struct route_server *b)
{
	return (uint64_t)a->load * b->weight < (uint64_t)b->load * a->weight;
}

int
route_least(const struct route_live *live)
{
	const struct route_server *best = NULL;
	uint64_t equals = 0, nth;

	for (size_t i = 0; i < live->n; i++) {
		const struct route_server *s = &live->server[i];
		if (!live->server[i].usable || (best != NULL && less_loaded(best, s)))
			continue;
		equals = best == NULL || less_loaded(s, best) ? 1 : equals + 1;
		best = equals == 1 ? s : best;
	}
	nth = equals == 0 ? 0 : live->turn % equals;
	for (size_t i = 0; i < live->n; i++)
		if (live->server[i].usable && !less_loaded(best, &live->server[i]) && nth-- == 0)
			return (int)i;
	return ROUTE_NOBODY;
}

/* The candidate in whose share of the weights `at` lies; `but` is left out. */
static int
drawn(const struct route_live *live, uint64_t at, int but)
{
	for (size_t i = 0; i < live->n; i++) {
		if (!live->server[i].usable || (int)i == but)
			continue;
		if (at < live->server[i].weight)
			return (int)i;
		at -= live->server[i].weight;
	}
	return ROUTE_NOBODY;
}

int
route_random2(const struct route_live *live, uint64_t weights)
{
	uint64_t a = live->turn >> 40, b = live->turn & 0xffffff; /* two numbers of 24 bits */
	int one = drawn(live, a * weights >> 24, ROUTE_NOBODY);
	int two = drawn(live, b * (weights - live->server[one].weight) >> 24, one);

	return less_loaded(&live->server[two], &live->server[one]) ? two : one;
}

/* ---- rendezvous ---- */

static uint64_t
mixed(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* FNV-1a, mixed: short keys that differ little end far apart. */
uint64_t
route_hash(struct span s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return mixed(h);
}

/* Has it as much as a server may have and still be asked? */
static bool
is_saturated(const struct route_server *s, uint64_t load, uint64_t weights)
{
	return s->load >= HASH_SPARE && s->load * weights * 4 >= (load + 1) * s->weight * 5;
}

/* Of all servers, the key's is the one with the highest score: who leaves gives its own keys away
 * and no others.  With u even in (0, 1), ln(u) / weight is highest in proportion to the weights;
 * for equal weights u orders them alike. */
static double
score(const struct route_server *s, uint64_t key, bool equal)
{
	double u = ((double)(mixed(key ^ s->name) >> 11) + 0.5) * 0x1p-53;

	return equal ? u : log(u) / s->weight;
}

int
route_rendezvous(const struct route_live *live, uint64_t weights, bool equal)
{
	uint64_t load = 0;
	double highest = 0;
	int best = ROUTE_NOBODY;

	for (size_t i = 0; i < live->n; i++)
		load += live->server[i].usable ? live->server[i].load : 0;
	for (size_t i = 0; i < live->n; i++) {
		const struct route_server *s = &live->server[i];
		if (!live->server[i].usable || is_saturated(s, load, weights))
			continue;
		double own = score(s, live->key, equal);
		if (best == ROUTE_NOBODY || own > highest) {
			highest = own;
			best = (int)i;
		}
	}
	return best;
}
