/* lb_turns.c - see lb_turns.h.  What lb_stretch.h says of candidates is counted here for all of a
 * weight together: at a time, each of them has had as many whole rounds of its own, and one turn
 * more those whose phase has been reached, which are the first of all candidates in their order. */
#include "lb_turns.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lb_stretch.h"

/* Usable servers of a weight: how many before a place, in a Fenwick tree. */
struct kind {
	uint32_t weight, n;
	uint32_t *count; /* from 1 */
};

struct lb_turns {
	unsigned servers, kinds;
	struct kind kind[LB_TURNS_WEIGHTS];
	uint32_t memory[];
};

static struct kind *
kind_of(struct lb_turns *t, uint32_t weight)
{
	unsigned i = 0;

	while (i < t->kinds && t->kind[i].weight != weight)
		i++;
	return i < t->kinds ? &t->kind[i] : NULL;
}

struct lb_turns *
lb_turns_new(const uint32_t *weight, unsigned servers)
{
	struct lb_turns few = {.kinds = 0}, *t;

	for (unsigned i = 0; i < servers; i++) {
		if (kind_of(&few, weight[i]) != NULL)
			continue;
		if (few.kinds == LB_TURNS_WEIGHTS) {
			errno = E2BIG;
			return NULL;
		}
		few.kind[few.kinds++].weight = weight[i];
	}
	t = calloc(1, sizeof *t + (size_t)few.kinds * (servers + 1) * sizeof *t->memory);
	if (t == NULL)
		return NULL;
	t->servers = servers;
	t->kinds = few.kinds;
	for (unsigned i = 0; i < t->kinds; i++) {
		t->kind[i].weight = few.kind[i].weight;
		t->kind[i].count = t->memory + (size_t)i * (servers + 1);
	}
	return t;
}

void
lb_turns_free(struct lb_turns *t)
{
	free(t);
}

static void
change(struct lb_turns *t, unsigned server, uint32_t weight, uint32_t by)
{
	struct kind *k = kind_of(t, weight);

	assert(k != NULL && server < t->servers);
	k->n += by;
	for (unsigned i = server + 1; i <= t->servers; i += i & -i)
		k->count[i] += by;
}

void
lb_turns_use(struct lb_turns *t, unsigned server, uint32_t weight)
{
	change(t, server, weight, 1);
}

void
lb_turns_leave(struct lb_turns *t, unsigned server, uint32_t weight)
{
	change(t, server, weight, UINT32_MAX);
}

static uint32_t
before(const struct kind *k, unsigned place)
{
	uint32_t sum = 0;

	for (unsigned i = place; i > 0; i -= i & -i)
		sum += k->count[i];
	return sum;
}

/* What each kind has had by a time. */
struct mark {
	uint64_t rounds[LB_TURNS_WEIGHTS]; /* each of its servers */
	uint32_t more[LB_TURNS_WEIGHTS];   /* and one turn more so many of the first */
};

/* The place from which on candidates have a phase that has not been reached. */
static unsigned
place_of_phase(const struct lb_turns *t, const struct lb_tree *tree, uint64_t reached)
{
	uint32_t n = lb_tree_sum(tree)->n;
	uint64_t first = reached == 0 ? 0 : ((reached - 1) / phase_step(n) + 1) / 2;

	return first < n ? lb_tree_nth(tree, (uint32_t)first) : t->servers;
}

/* Before the time `end`; returns the turns. */
static uint64_t
mark(const struct lb_turns *t, const struct lb_tree *tree, uint64_t end, struct mark *m)
{
	uint64_t turns = 0;

	for (unsigned i = 0; i < t->kinds; i++) {
		uint64_t reached = end * t->kind[i].weight;
		uint64_t part = reached & ((UINT64_C(1) << ROUND_BITS) - 1);
		m->rounds[i] = reached >> ROUND_BITS;
		m->more[i] = before(&t->kind[i], place_of_phase(t, tree, part));
		turns += m->rounds[i] * t->kind[i].n + m->more[i];
	}
	return turns;
}

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Turns between two times of the servers before a place. */
static uint64_t
turns_before(const struct lb_turns *t, const struct mark *from, const struct mark *to,
	     unsigned place)
{
	uint64_t turns = 0;

	for (unsigned i = 0; i < t->kinds; i++) {
		uint32_t n = before(&t->kind[i], place);
		turns += n * (to->rounds[i] - from->rounds[i]) + smaller(n, to->more[i]) -
			 smaller(n, from->more[i]);
	}
	return turns;
}

/* Of turns in a stretch, in the order of the servers. */
static unsigned
nth_in(const struct lb_turns *t, const struct lb_tree *tree, const struct stretch *s, uint64_t nth)
{
	struct mark from, to;
	unsigned low = 0, high = t->servers - 1;

	(void)mark(t, tree, s->from, &from);
	(void)mark(t, tree, s->to + 1, &to);
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (turns_before(t, &from, &to, middle + 1) > nth)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

unsigned
lb_turns_nth(const struct lb_turns *t, const struct lb_tree *tree, uint64_t turn)
{
	uint64_t weights = lb_tree_sum(tree)->weights, nth = turn % weights;
	struct stretch s = stretch_of_round(weights);
	struct mark unused;

	for (unsigned i = 0; !stretch_is_short(&s); i++) {
		uint64_t at = stretch_guess(&s, nth, i);
		stretch_shorten(&s, nth, at, mark(t, tree, at + 1, &unused));
	}
	return nth_in(t, tree, &s, nth - s.before);
}
