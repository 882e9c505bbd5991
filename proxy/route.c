/* route.c - see route.h.  Those who are usable are called the candidates. */
#include "route.h"

#include "route_load.h"

static int
nth_candidate(const struct route_live *live, uint64_t nth)
{
	for (size_t i = 0; i < live->n; i++)
		if (live->server[i].usable && nth-- == 0)
			return (int)i;
	return ROUTE_NOBODY;
}

/* ---- turns by weight ---- */

/* A round has as many turns as the weights' sum.  In it, a candidate of weight w stands at the
 * times (j + phase) / w for j = 0 .. w - 1, of a round that lasts 1; the phases are spread evenly
 * over the candidates, so that equal weights give their order and others are mixed.  The n-th turn
 * is whose n-th time comes, found by bisection: no state, hence the same in every worker.  Times
 * are in 1 / 2^32. */
enum { ROUND_BITS = 32 };

/* Half the distance between two phases. */
static uint64_t
phase_step(uint64_t candidates)
{
	return (UINT64_C(1) << ROUND_BITS) / (2 * candidates);
}

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
turns_until(const struct route_live *live, uint64_t step, uint64_t at)
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

/* Who of those whose time is exactly `at` comes as the nth, in their order. */
static int
nth_at(const struct route_live *live, uint64_t step, uint64_t at, uint64_t nth)
{
	uint64_t phase = step;

	for (size_t i = 0; i < live->n; i++) {
		if (!live->server[i].usable)
			continue;
		uint64_t weight = live->server[i].weight;
		uint64_t here = times_until(weight, phase, at) -
				(at == 0 ? 0 : times_until(weight, phase, at - 1));
		phase += 2 * step;
		if (nth < here)
			return (int)i;
		nth -= here;
	}
	return ROUTE_NOBODY;
}

static int
pick_by_weight(const struct route_live *live, uint64_t candidates, uint64_t weights)
{
	uint64_t nth = live->turn % weights, step = phase_step(candidates);
	uint64_t low = 0, high = (UINT64_C(1) << ROUND_BITS) - 1;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (turns_until(live, step, middle) > nth)
			high = middle;
		else
			low = middle + 1;
	}
	if (low > 0)
		nth -= turns_until(live, step, low - 1);
	return nth_at(live, step, low, nth);
}

/* ---- */

/* What the candidates are together. */
struct sum {
	uint64_t candidates, weights;
	bool equal; /* weights */
};

static struct sum
sum_up(const struct route_live *live)
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
count_candidates(const struct route_live *live)
{
	size_t n = 0;

	for (size_t i = 0; i < live->n; i++)
		n += live->server[i].usable;
	return n;
}

static int
pick_of_many(const struct route_live *live, size_t candidates)
{
	struct sum s;

	if (live->balance == ROUTE_ROUNDROBIN)
		return nth_candidate(live, live->turn % candidates);
	s = sum_up(live);
	switch (live->balance) {
	case ROUTE_WEIGHTED:
		return s.equal ? nth_candidate(live, live->turn % candidates)
			       : pick_by_weight(live, candidates, s.weights);
	case ROUTE_LEASTCONN: return route_least(live);
	case ROUTE_RANDOM2: return route_random2(live, s.weights);
	case ROUTE_HASH: return route_rendezvous(live, s.weights, s.equal);
	case ROUTE_ROUNDROBIN:
	case ROUTE_BALANCE_COUNT: break;
	}
	return ROUTE_NOBODY;
}

int
route_pick(const struct route_live *live)
{
	size_t candidates = count_candidates(live);

	if (candidates <= 1)
		return nth_candidate(live, 0);
	return pick_of_many(live, candidates);
}
