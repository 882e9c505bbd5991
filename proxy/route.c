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
 * is whose n-th time comes: no state, hence the same in every worker.  Times are in 1 / 2^32.
 *
 * It is looked for in an ever shorter stretch of the round, by where it would be if turns were
 * spread wholly evenly, which they nearly are: that takes a few looks at all candidates, however
 * many turns there are. */
enum {
	ROUND_BITS = 32,
	GUESSES = 6 /* then every other one is the middle, which always gets on */
};

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

/* Part of a round: from..to, both in it, with what comes before it and until its end. */
struct stretch {
	uint64_t from, to;
	uint64_t before, until; /* turns */
};

/* A time in a stretch, but its last, at which the nth turn may have been. */
static uint64_t
guess(const struct stretch *s, uint64_t nth, unsigned guesses)
{
	uint64_t width = s->to - s->from;
	double share = ((double)(nth - s->before) + 0.5) / (double)(s->until - s->before);

	if (guesses >= GUESSES && guesses % 2 == 0)
		return s->from + width / 2;
	uint64_t offset = (uint64_t)((double)width * share);
	return s->from + (offset < width ? offset : width - 1);
}

/* Shortened until the nth turn stands alone in it, or all in it are at the same time. */
static struct stretch
stretch_of(const struct route_live *live, uint64_t step, uint64_t weights, uint64_t nth)
{
	struct stretch s = {0, (UINT64_C(1) << ROUND_BITS) - 1, 0, weights};

	for (unsigned i = 0; s.from < s.to && s.until - s.before > 1; i++) {
		uint64_t at = guess(&s, nth, i);
		uint64_t turns = turns_until(live, step, at);
		if (turns > nth) {
			s.to = at;
			s.until = turns;
		} else {
			s.from = at + 1;
			s.before = turns;
		}
	}
	return s;
}

/* Who has the nth turn of a stretch, in their order. */
static int
nth_in(const struct route_live *live, uint64_t step, const struct stretch *s, uint64_t nth)
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
	return ROUTE_NOBODY;
}

static int
pick_by_weight(const struct route_live *live, uint64_t candidates, uint64_t weights)
{
	uint64_t nth = live->turn % weights, step = phase_step(candidates);
	struct stretch s = stretch_of(live, step, weights, nth);

	return nth_in(live, step, &s, nth - s.before);
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
