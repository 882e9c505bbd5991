/* lb_algo.c - see lb_algo.h.  Usable servers are called candidates. */
#include "lb_algo.h"

#include <math.h>

#include "lb_stretch.h"

static int
nth_candidate(const struct lb_live *live, uint64_t nth)
{
	for (size_t i = 0; i < live->n; i++)
		if (live->server[i].usable && nth-- == 0)
			return (int)i;
	return LB_NOBODY;
}

/* ---- turns by weight ---- */

/* How a turn is found: lb_stretch.h. */

/* How many times of that candidate lie at or before `at`. */
static uint64_t
times_until(uint64_t weight, uint64_t phase, uint64_t at)
{
	uint64_t reached = (at + 1) * weight;

	return reached <= phase ? 0
				: (reached - phase + (UINT64_C(1) << ROUND_BITS) - 1) >> ROUND_BITS;
}

/* The turns of all of them that lie at or before `at`. */
static uint64_t
turns_until(const struct lb_live *live, uint64_t step, uint64_t at)
{
	uint64_t turns = 0, phase = step;

	for (size_t i = 0; i < live->n; i++) {
		if (!live->server[i].usable)
			continue;
		turns += times_until(live->server[i].weight, phase, at);
		phase += 2 * step;
	}
	return turns;
}

static struct stretch
stretch_of(const struct lb_live *live, uint64_t step, uint64_t weights, uint64_t nth)
{
	struct stretch s = stretch_of_round(weights);

	for (unsigned i = 0; !stretch_is_short(&s); i++) {
		uint64_t at = stretch_guess(&s, nth, i);
		stretch_shorten(&s, nth, at, turns_until(live, step, at));
	}
	return s;
}

/* The candidate with the nth turn of a stretch, in their order. */
static int
nth_in(const struct lb_live *live, uint64_t step, const struct stretch *s, uint64_t nth)
{
	uint64_t phase = step;

	for (size_t i = 0; i < live->n; i++) {
		if (!live->server[i].usable)
			continue;
		uint64_t weight = live->server[i].weight;
		uint64_t here = times_until(weight, phase, s->to) -
				(s->from == 0 ? 0 : times_until(weight, phase, s->from - 1));
		phase += 2 * step;
		if (nth < here)
			return (int)i;
		nth -= here;
	}
	return LB_NOBODY;
}

static int
pick_by_weight(const struct lb_live *live, uint64_t candidates, uint64_t weights)
{
	uint64_t nth = live->turn % weights, step = phase_step(candidates);
	struct stretch s = stretch_of(live, step, weights, nth);

	return nth_in(live, step, &s, nth - s.before);
}

/* ---- by load, of two candidates at least ---- */

enum {
	HASH_SPARE = 4 /* load that a server may have by hash whatever the others have */
};

static bool
less_loaded(const struct lb_server *a, const struct lb_server *b)
{
	return lb_is_less(a->load, a->weight, b->load, b->weight);
}

static int
least_loaded(const struct lb_live *live)
{
	const struct lb_server *best = NULL;
	uint64_t equals = 0, nth;

	for (size_t i = 0; i < live->n; i++) {
		const struct lb_server *s = &live->server[i];
		if (!live->server[i].usable || (best != NULL && less_loaded(best, s)))
			continue;
		equals = best == NULL || less_loaded(s, best) ? 1 : equals + 1;
		best = equals == 1 ? s : best;
	}
	nth = equals == 0 ? 0 : live->turn % equals;
	for (size_t i = 0; i < live->n; i++)
		if (live->server[i].usable && !less_loaded(best, &live->server[i]) && nth-- == 0)
			return (int)i;
	return LB_NOBODY;
}

/* The candidate with the share of the weights in which `at` lies; `but` is left out. */
static int
drawn(const struct lb_live *live, uint64_t at, int but)
{
	for (size_t i = 0; i < live->n; i++) {
		if (!live->server[i].usable || (int)i == but)
			continue;
		if (at < live->server[i].weight)
			return (int)i;
		at -= live->server[i].weight;
	}
	return LB_NOBODY;
}

static int
of_two_drawn(const struct lb_live *live, uint64_t weights)
{
	uint64_t a = live->turn >> 40, b = live->turn & 0xffffff; /* two numbers of 24 bits */
	int one = drawn(live, a * weights >> 24, LB_NOBODY);
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
lb_hash(struct span s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return mixed(h);
}

bool
lb_is_saturated(uint32_t load, uint32_t weight, uint64_t loads, uint64_t weights)
{
	return load >= HASH_SPARE && load * weights * 4 >= (loads + 1) * weight * 5;
}

/* Of all servers, the key's is the one with the highest score: a server that leaves gives away its
 * own keys and no others (rendezvous hashing).  With u even in (0, 1), ln(u) / weight is highest in
 * proportion to the weights; for equal weights u orders them alike. */
double
lb_score(uint64_t name, uint32_t weight, uint64_t key, bool equal)
{
	double u = ((double)(mixed(key ^ name) >> 11) + 0.5) * 0x1p-53;

	return equal ? u : log(u) / weight;
}

static int
rendezvous(const struct lb_live *live, uint64_t weights, bool equal)
{
	uint64_t load = 0;
	double highest = 0;
	int best = LB_NOBODY;

	for (size_t i = 0; i < live->n; i++)
		load += live->server[i].usable ? live->server[i].load : 0;
	for (size_t i = 0; i < live->n; i++) {
		const struct lb_server *s = &live->server[i];
		if (!live->server[i].usable || lb_is_saturated(s->load, s->weight, load, weights))
			continue;
		double own = lb_score(s->name, s->weight, live->key, equal);
		if (best == LB_NOBODY || own > highest) {
			highest = own;
			best = (int)i;
		}
	}
	return best;
}

/* ---- */

/* What the candidates are together. */
struct sum {
	uint64_t candidates, weights;
	bool equal; /* weights */
};

static struct sum
sum_up(const struct lb_live *live)
{
	struct sum s = {.equal = true};
	uint64_t first = 0;

	for (size_t i = 0; i < live->n; i++) {
		if (!live->server[i].usable)
			continue;
		if (s.candidates++ == 0)
			first = live->server[i].weight;
		s.equal = s.equal && live->server[i].weight == first;
		s.weights += live->server[i].weight;
	}
	return s;
}

static size_t
count_candidates(const struct lb_live *live)
{
	size_t n = 0;

	for (size_t i = 0; i < live->n; i++)
		n += live->server[i].usable;
	return n;
}

static int
pick_of_many(const struct lb_live *live, size_t candidates)
{
	struct sum s;

	if (live->balance == LB_ROUNDROBIN)
		return nth_candidate(live, live->turn % candidates);
	s = sum_up(live);
	switch (live->balance) {
	case LB_WEIGHTED:
		return s.equal ? nth_candidate(live, live->turn % candidates)
			       : pick_by_weight(live, candidates, s.weights);
	case LB_LEASTCONN: return least_loaded(live);
	case LB_RANDOM2: return of_two_drawn(live, s.weights);
	case LB_HASH: return rendezvous(live, s.weights, s.equal);
	case LB_ROUNDROBIN:
	case LB_BALANCE_COUNT: break;
	}
	return LB_NOBODY;
}

int
lb_pick(const struct lb_live *live)
{
	size_t candidates = count_candidates(live);

	if (candidates <= 1)
		return nth_candidate(live, 0);
	return pick_of_many(live, candidates);
}
