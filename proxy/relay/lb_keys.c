/* lb_keys.c - see lb_keys.h. */
#include "lb_keys.h"

#include <errno.h>
#include <stdlib.h>

#include "lb_algo.h"

enum {
	REMEMBERED = 4096, /* keys, each in its own place; memory that none has used is not taken */
	BEST = 4	   /* servers of a key that are remembered, for when the first is down */
};

struct known {
	uint64_t key;
	uint32_t policy, roster;
	int place[BEST];
};

struct lb_keys {
	const struct registry_snapshot *roster;
	const uint64_t *name;
	uint32_t rosters; /* counts them; what is remembered of a former one is not looked at */
	struct known *known;
};

struct lb_keys *
lb_keys_new(const struct registry_snapshot *roster, const uint64_t *name)
{
	struct lb_keys *k = malloc(sizeof *k);

	if (k == NULL)
		return NULL;
	*k = (struct lb_keys){roster, name, 1, calloc(REMEMBERED, sizeof *k->known)};
	if (k->known != NULL)
		return k;
	free(k);
	errno = ENOMEM;
	return NULL;
}

void
lb_keys_free(struct lb_keys *k)
{
	if (k == NULL)
		return;
	free(k->known);
	free(k);
}

void
lb_keys_refresh(struct lb_keys *k)
{
	k->rosters++;
}

/* Among the best so far; of equal ones the first stays before. */
static void
insert(int place[BEST], double score[BEST], int at, double own)
{
	unsigned i = BEST;

	for (; i > 0 && (place[i - 1] < 0 || own > score[i - 1]); i--) {
		if (i == BEST)
			continue;
		place[i] = place[i - 1];
		score[i] = score[i - 1];
	}
	if (i == BEST)
		return;
	place[i] = at;
	score[i] = own;
}

static uint32_t
weight_of(const struct lb_keys *k, unsigned server)
{
	return registry_snapshot_server(k->roster, server)->weight;
}

/* A row of names is all that it reads where it can. */
static void
rank(const struct lb_keys *k, const struct registry_snapshot_policy *p, bool equal, struct known *e)
{
	double score[BEST] = {0};

	for (unsigned i = 0; i < BEST; i++)
		e->place[i] = LB_NOBODY;
	for (unsigned i = 0; i < p->n; i++) {
		unsigned server = p->server[i];
		if (p->backups == 0 || !registry_snapshot_server(k->roster, server)->backup)
			insert(e->place, score, (int)i,
			       lb_score(k->name[server], equal ? 1 : weight_of(k, server), e->key,
					equal));
	}
}

/* Their places in the policy, the best first, backups left out, then LB_NOBODY. */
static const int *
find(struct lb_keys *k, const struct lb_keys_view *v, uint64_t key)
{
	struct known *e = &k->known[(key + v->policy->index) % REMEMBERED];

	if (e->roster != k->rosters || e->key != key || e->policy != v->policy->index) {
		e->key = key;
		e->policy = v->policy->index;
		e->roster = k->rosters;
		rank(k, v->policy, v->equal_weights, e);
	}
	return e->place;
}

static bool
can_have_it(const struct lb_ready *ready, const struct lb_keys_view *v, unsigned place)
{
	const struct lb_node *s = lb_tree_leaf(v->tree, place);

	return s->n > 0 && !lb_is_saturated(s->load, s->weight, lb_ready_load(ready, v->policy),
					    lb_tree_sum(v->tree)->weights);
}

/* Those that it belongs to are all down, or have more than their share. */
static unsigned
best_of_the_rest(const struct lb_keys *k, const struct lb_ready *ready,
		 const struct lb_keys_view *v, uint64_t key)
{
	double highest = 0;
	int best = LB_NOBODY;

	for (unsigned i = 0; i < v->policy->n; i++) {
		if (!can_have_it(ready, v, i))
			continue;
		double own = lb_score(k->name[v->policy->server[i]],
				      lb_tree_leaf(v->tree, i)->weight, key, v->equal_weights);
		if (best == LB_NOBODY || own > highest) {
			highest = own;
			best = (int)i;
		}
	}
	return (unsigned)best; /* of several, one has no more than the mean */
}

unsigned
lb_keys_pick(struct lb_keys *k, struct lb_ready *ready, const struct upstreams *all,
	     const struct lb_keys_view *v, uint64_t key, uint64_t now)
{
	const int *best = find(k, v, key);

	for (unsigned i = 0; i < BEST && best[i] != LB_NOBODY; i++) {
		unsigned place = (unsigned)best[i];
		(void)lb_ready_weigh(ready, all, v->policy->server[place], now);
		if (can_have_it(ready, v, place))
			return place;
	}
	return best_of_the_rest(k, ready, v, key);
}
