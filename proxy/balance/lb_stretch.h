/* lb_stretch.h - the search for a turn by weight, for lb_algo.c and lb_turns.c: where in a round it
 * is.  Pure. */
#ifndef POLICYPOOL_LB_STRETCH_H
#define POLICYPOOL_LB_STRETCH_H

#include <stdbool.h>
#include <stdint.h>

/* A round has as many turns as the weights' sum.  In it, a candidate of weight w stands at the
 * times (j + phase) / w for j = 0 .. w - 1, of a round that lasts 1; the phases are spread evenly
 * over the candidates, so that equal weights give their order and others are mixed.  The n-th turn
 * belongs to the candidate with the n-th time: no state, hence the same in every worker.  Times are
 * in 1 / 2^32.
 *
 * It is looked for in an ever shorter stretch of the round, by where it would be if turns were
 * spread wholly evenly, which they nearly are: that takes a few looks, however many turns there
 * are. */
enum {
	ROUND_BITS = 32,
	GUESSES = 6 /* then every other one is the middle, which always gets on */
};

/* Half the distance between two phases: these are 1, 3, 5, ... of it. */
static inline uint64_t
phase_step(uint64_t candidates)
{
	return (UINT64_C(1) << ROUND_BITS) / (2 * candidates);
}

/* Part of a round: from..to, both in it, with what comes before it and until its end. */
struct stretch {
	uint64_t from, to;
	uint64_t before, until; /* turns */
};

static inline struct stretch
stretch_of_round(uint64_t weights)
{
	return (struct stretch){0, (UINT64_C(1) << ROUND_BITS) - 1, 0, weights};
}

/* Until a turn stands alone in it, or all in it are at the same time. */
static inline bool
stretch_is_short(const struct stretch *s)
{
	return s->from >= s->to || s->until - s->before <= 1;
}

/* A time in a stretch, but its last, at which the nth turn may have been. */
static inline uint64_t
stretch_guess(const struct stretch *s, uint64_t nth, unsigned guesses)
{
	uint64_t width = s->to - s->from, offset;
	double share = ((double)(nth - s->before) + 0.5) / (double)(s->until - s->before);

	if (guesses >= GUESSES && guesses % 2 == 0)
		return s->from + width / 2;
	offset = (uint64_t)((double)width * share);
	return s->from + (offset < width ? offset : width - 1);
}

/* Shortened, by the number of turns at or before a guess. */
static inline void
stretch_shorten(struct stretch *s, uint64_t nth, uint64_t at, uint64_t turns)
{
	if (turns > nth) {
		s->to = at;
		s->until = turns;
	} else {
		s->from = at + 1;
		s->before = turns;
	}
}

#endif
