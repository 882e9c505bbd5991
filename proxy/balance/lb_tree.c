/* lb_tree.c - see lb_tree.h. */
#include "lb_tree.h"

#include <assert.h>
#include <string.h>

#include "lb_algo.h"

static unsigned
leaves_of(unsigned servers)
{
	unsigned n = 1;

	while (n < servers)
		n *= 2;
	return n;
}

unsigned
lb_tree_nodes(unsigned servers)
{
	return 2 * leaves_of(servers);
}

void
lb_tree_init(struct lb_tree *t, struct lb_node *memory, unsigned servers)
{
	*t = (struct lb_tree){memory, leaves_of(servers)};
	memset(memory, 0, lb_tree_nodes(servers) * sizeof *memory);
}

static bool
less_loaded(const struct lb_node *a, const struct lb_node *b)
{
	return lb_is_less(a->load, a->weight, b->load, b->weight);
}

static struct lb_node
joined(const struct lb_node *a, const struct lb_node *b)
{
	uint64_t x = (uint64_t)a->load * b->weight, y = (uint64_t)b->load * a->weight;
	struct lb_node sum = b->n == 0 || (a->n > 0 && x <= y) ? *a : *b;

	if (a->n == 0 || b->n == 0)
		return sum;
	sum.n = a->n + b->n;
	sum.weights = a->weights + b->weights;
	sum.least = x == y ? a->least + b->least : sum.least;
	return sum;
}

static bool
is_same(const struct lb_node *a, const struct lb_node *b)
{
	return a->n == b->n && a->load == b->load && a->weight == b->weight &&
	       a->least == b->least && a->weights == b->weights;
}

void
lb_tree_place(struct lb_tree *t, unsigned server, uint32_t load, uint32_t weight)
{
	assert(server < t->leaves);
	t->node[t->leaves + server] = (struct lb_node){1, load, weight, 1, weight};
}

void
lb_tree_sum_up(struct lb_tree *t)
{
	for (unsigned i = t->leaves - 1; i > 0; i--)
		t->node[i] = joined(&t->node[2 * i], &t->node[2 * i + 1]);
}

/* Upwards until nothing changes any more. */
static void
put(struct lb_tree *t, unsigned server, struct lb_node now)
{
	unsigned i = t->leaves + server;

	assert(server < t->leaves);
	while (!is_same(&t->node[i], &now)) {
		t->node[i] = now;
		if (i == 1)
			return;
		i /= 2;
		now = joined(&t->node[2 * i], &t->node[2 * i + 1]);
	}
}

void
lb_tree_use(struct lb_tree *t, unsigned server, uint32_t load, uint32_t weight)
{
	put(t, server, (struct lb_node){1, load, weight, 1, weight});
}

void
lb_tree_leave(struct lb_tree *t, unsigned server)
{
	put(t, server, (struct lb_node){0});
}

unsigned
lb_tree_nth(const struct lb_tree *t, uint32_t nth)
{
	unsigned i = 1;

	assert(nth < t->node[1].n);
	while (i < t->leaves) {
		uint32_t left = t->node[2 * i].n;
		i = 2 * i + (nth >= left);
		nth -= nth >= left ? left : 0;
	}
	return i - t->leaves;
}

/* How many of those below a node have as little as the best of all. */
static uint32_t
least_in(const struct lb_tree *t, unsigned i)
{
	const struct lb_node *x = &t->node[i];

	return x->n == 0 || less_loaded(&t->node[1], x) ? 0 : x->least;
}

unsigned
lb_tree_nth_least(const struct lb_tree *t, uint32_t nth)
{
	unsigned i = 1;

	assert(nth < t->node[1].least);
	while (i < t->leaves) {
		uint32_t left = least_in(t, 2 * i);
		i = 2 * i + (nth >= left);
		nth -= nth >= left ? left : 0;
	}
	return i - t->leaves;
}

/* The one with the share of the weights in which `at` lies. */
static unsigned
drawn(const struct lb_tree *t, uint64_t at)
{
	unsigned i = 1;

	while (i < t->leaves) {
		uint64_t left = t->node[2 * i].weights;
		i = 2 * i + (at >= left);
		at -= at >= left ? left : 0;
	}
	return i - t->leaves;
}

/* The weights of those before it. */
static uint64_t
weights_before(const struct lb_tree *t, unsigned server)
{
	uint64_t before = 0;

	for (unsigned i = t->leaves + server; i > 1; i /= 2)
		before += i % 2 == 1 ? t->node[i - 1].weights : 0;
	return before;
}

void
lb_tree_draw_two(const struct lb_tree *t, uint64_t random, unsigned out[2])
{
	uint64_t a = random >> 40, b = random & 0xffffff; /* two numbers of 24 bits */
	uint64_t all = t->node[1].weights, one, at;

	out[0] = drawn(t, a * all >> 24);
	one = t->node[t->leaves + out[0]].weights;
	at = b * (all - one) >> 24; /* the first left out */
	out[1] = drawn(t, at < weights_before(t, out[0]) ? at : at + one);
}
