/* lb_ready.c - see lb_ready.h. */
#include "lb_ready.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of servers whose load counts so many a ms are asked what other workers have there: all of a small
 * policy, one after the other of a large one. */
enum { SWEEP = 16 };

struct policy {
	unsigned first; /* of its part of varying */
	unsigned nodes; /* of its part of node */
	bool built;
	bool loads, takes_new, pooled, equal_weights;
	unsigned varying_n, ready_n, new_n, laden_n;
	unsigned next;	/* to be swept */
	uint64_t load;	/* of those in the tree, the sum */
	uint64_t swept; /* clock_ms() */
	struct lb_tree tree;
	struct lb_turns *turns; /* NULL: the tree says it, or nothing does */
};

struct server {
	enum upstream_standing standing;
	unsigned at;	 /* in its policy, by turn */
	unsigned place;	 /* VARIES: in its policy's part of varying */
	bool used;	 /* it is in the tree */
	uint64_t health; /* server_health_word() */
};

struct lb_ready {
	const struct registry_snapshot *roster;
	const struct verdicts *verdicts;
	struct lb_load *load;
	struct policy *policy; /* by index */
	unsigned policies;
	struct server *server; /* by index */
	struct lb_node *node;
	unsigned *varying;	    /* server indices: those of each policy, one after the other */
	unsigned *passed, passed_n; /* see lb_ready_pass() */
	uint64_t changes;	    /* of health */
};

struct lb_ready *
lb_ready_new(const struct upstream_env *env, struct lb_load *load, unsigned servers,
	     unsigned policies)
{
	struct lb_ready *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->roster = env->roster;
	r->verdicts = env->verdicts;
	r->load = load;
	r->policies = policies;
	r->policy = calloc(policies, sizeof *r->policy);
	r->server = calloc(servers, sizeof *r->server);
	r->varying = calloc(servers, sizeof *r->varying);
	r->passed = calloc(servers, sizeof *r->passed);
	r->node = calloc((size_t)servers, 4 * sizeof *r->node);
	if (r->policy != NULL && r->server != NULL && r->varying != NULL && r->passed != NULL &&
	    r->node != NULL)
		return r;
	lb_ready_free(r);
	errno = ENOMEM;
	return NULL;
}

void
lb_ready_free(struct lb_ready *r)
{
	if (r == NULL)
		return;
	for (unsigned i = 0; r->policy != NULL && i < r->policies; i++)
		lb_turns_free(r->policy[i].turns);
	free(r->policy);
	free(r->server);
	free(r->varying);
	free(r->passed);
	free(r->node);
	free(r);
}

void
lb_ready_refresh(struct lb_ready *r)
{
	unsigned first = 0, nodes = 0;

	for (unsigned i = 0; i < registry_snapshot_policy_end(r->roster); i++) {
		unsigned n = registry_snapshot_at(r->roster, i)->n;
		lb_turns_free(r->policy[i].turns);
		r->policy[i] = (struct policy){.first = first, .nodes = nodes};
		first += n;
		nodes += n > 0 ? lb_tree_nodes(n) : 0;
	}
	r->passed_n = 0;
}

static const struct registry_server *
info_of(const struct lb_ready *r, unsigned server)
{
	return registry_snapshot_server(r->roster, server);
}

static struct policy *
policy_of(const struct lb_ready *r, unsigned server)
{
	return &r->policy[info_of(r, server)->policy];
}

static uint32_t
load_of(const struct lb_ready *r, const struct upstreams *all, const struct policy *p,
	unsigned server, uint64_t now)
{
	return p->loads ? lb_load_of(r->load, all, server, now) : 0;
}

/* ---- a server ---- */

static unsigned *
count_of(struct policy *p, enum upstream_standing standing)
{
	switch (standing) {
	case UPSTREAM_READY: return &p->ready_n;
	case UPSTREAM_NEW: return &p->new_n;
	case UPSTREAM_LADEN: return &p->laden_n;
	case UPSTREAM_VARIES: break;
	}
	return &p->varying_n;
}

static void
enter(struct lb_ready *r, struct policy *p, unsigned server, enum upstream_standing standing)
{
	struct server *s = &r->server[server];

	s->standing = standing;
	if (standing == UPSTREAM_VARIES) {
		s->place = p->first + p->varying_n;
		r->varying[s->place] = server;
	}
	(*count_of(p, standing))++;
}

static void
move(struct lb_ready *r, struct policy *p, unsigned server, enum upstream_standing standing)
{
	struct server *s = &r->server[server];

	if (s->standing == standing)
		return;
	(*count_of(p, s->standing))--;
	if (s->standing == UPSTREAM_VARIES) {
		unsigned last = r->varying[p->first + p->varying_n];
		r->varying[s->place] = last;
		r->server[last].place = s->place;
	}
	enter(r, p, server, standing);
}

static enum upstream_standing
standing_of(const struct upstreams *all, const struct policy *p, unsigned server, uint64_t now)
{
	enum upstream_standing standing = upstream_standing(all, server, now);

	return standing == UPSTREAM_NEW && !p->takes_new ? UPSTREAM_VARIES : standing;
}

static bool
is_in_tree(enum upstream_standing standing)
{
	return standing == UPSTREAM_READY || standing == UPSTREAM_NEW;
}

static void
take_out(struct policy *p, struct server *s)
{
	if (!s->used)
		return;
	p->load -= lb_tree_leaf(&p->tree, s->at)->load;
	if (p->turns != NULL)
		lb_turns_leave(p->turns, s->at, lb_tree_leaf(&p->tree, s->at)->weight);
	lb_tree_leave(&p->tree, s->at);
	s->used = false;
}

static void
put_in(struct lb_ready *r, const struct upstreams *all, unsigned server, uint64_t now)
{
	struct policy *p = policy_of(r, server);
	struct server *s = &r->server[server];
	uint32_t load = load_of(r, all, p, server, now);

	p->load += load;
	p->load -= lb_tree_leaf(&p->tree, s->at)->load;
	if (p->turns != NULL && !s->used)
		lb_turns_use(p->turns, s->at, info_of(r, server)->weight);
	lb_tree_use(&p->tree, s->at, load, info_of(r, server)->weight);
	s->used = true;
}

/* It is asked anew how it stands. */
static void
settle(struct lb_ready *r, const struct upstreams *all, unsigned server, uint64_t now)
{
	struct policy *p = policy_of(r, server);

	if (!info_of(r, server)->used || info_of(r, server)->backup || !p->built)
		return;
	move(r, p, server, standing_of(all, p, server, now));
	if (is_in_tree(r->server[server].standing))
		put_in(r, all, server, now);
	else if (r->server[server].standing == UPSTREAM_LADEN)
		take_out(p, &r->server[server]);
}

/* ---- a policy ---- */

/* Without memory for it each server is looked at, as where they have many weights. */
static struct lb_turns *
turns_of(const struct lb_ready *r, const struct registry_snapshot_policy *list)
{
	uint32_t *weight = calloc(list->n, sizeof *weight);
	struct lb_turns *turns;

	if (weight == NULL)
		return NULL;
	for (unsigned i = 0; i < list->n; i++)
		weight[i] = info_of(r, list->server[i])->weight;
	turns = lb_turns_new(weight, list->n);
	free(weight);
	return turns;
}

static void
place(struct lb_ready *r, const struct upstreams *all, struct policy *p, unsigned server,
      uint64_t now)
{
	struct server *s = &r->server[server];
	const struct registry_server *info = info_of(r, server);
	enum upstream_standing standing = standing_of(all, p, server, now);
	uint32_t load;

	s->used = is_in_tree(standing) && !info->backup;
	if (!info->backup)
		enter(r, p, server, standing);
	if (!s->used)
		return;
	load = load_of(r, all, p, server, now);
	p->load += load;
	lb_tree_place(&p->tree, s->at, load, info->weight);
	if (p->turns != NULL)
		lb_turns_use(p->turns, s->at, info->weight);
}

static void
build(struct lb_ready *r, const struct upstreams *all, const struct registry_snapshot_policy *list,
      enum lb_balance how, uint64_t now)
{
	struct policy *p = &r->policy[list->index];

	p->built = p->pooled = p->equal_weights = true;
	p->loads = how == LB_LEASTCONN || how == LB_HASH;
	p->takes_new = how != LB_LEASTCONN && how != LB_RANDOM2;
	for (unsigned i = 0; i < list->n; i++) {
		const struct registry_server *info = info_of(r, list->server[i]);
		p->pooled = p->pooled && info->pooled;
		p->equal_weights = p->equal_weights &&
				   info->weight == info_of(r, list->server[0])->weight;
	}
	p->turns = how == LB_WEIGHTED && !p->equal_weights ? turns_of(r, list) : NULL;
	lb_tree_init(&p->tree, r->node + p->nodes, list->n);
	for (unsigned i = 0; i < list->n; i++) {
		r->server[list->server[i]].at = i;
		place(r, all, p, list->server[i], now);
	}
	lb_tree_sum_up(&p->tree);
}

static void
sweep(struct lb_ready *r, const struct upstreams *all, const struct registry_snapshot_policy *list,
      uint64_t now)
{
	struct policy *p = &r->policy[list->index];

	if (p->swept == now)
		return;
	p->swept = now;
	for (unsigned i = 0; i < SWEEP && i < list->n; i++) {
		(void)lb_ready_weigh(r, all, list->server[p->next], now);
		p->next = p->next + 1 < list->n ? p->next + 1 : 0;
	}
}

/* ---- all of them ---- */

/* A word a server: they are few, and change seldom. */
static void
follow_health(struct lb_ready *r, const struct upstreams *all, uint64_t now)
{
	uint64_t changes = server_health_changes(r->verdicts);

	if (changes == r->changes)
		return;
	r->changes = changes;
	for (unsigned i = 0; i < registry_snapshot_server_end(r->roster); i++) {
		uint64_t word = server_health_word(r->verdicts, i);
		if (word == r->server[i].health)
			continue;
		r->server[i].health = word;
		settle(r, all, i, now);
	}
}

static void
follow(struct lb_ready *r, struct upstreams *all, uint64_t now)
{
	int server;

	while ((server = upstreams_changed(all)) >= 0)
		settle(r, all, (unsigned)server, now);
	follow_health(r, all, now);
	while (r->passed_n > 0)
		settle(r, all, r->passed[--r->passed_n], now);
}

struct lb_ready_view
lb_ready_look(struct lb_ready *r, struct upstreams *all,
	      const struct registry_snapshot_policy *list, enum lb_balance how, uint64_t now)
{
	struct policy *p = &r->policy[list->index];

	assert(list->n > 0);
	follow(r, all, now);
	if (!p->built)
		build(r, all, list, how, now);
	for (unsigned i = p->varying_n; i > 0; i--) /* the last takes the place of one that goes */
		settle(r, all, r->varying[p->first + i - 1], now);
	if (p->loads)
		sweep(r, all, list, now);
	return (struct lb_ready_view){.tree = &p->tree,
				      .turns = p->turns,
				      .varying = r->varying + p->first,
				      .varying_n = p->varying_n,
				      .ready_n = p->ready_n,
				      .new_n = p->new_n,
				      .laden_n = p->laden_n,
				      .pooled = p->pooled,
				      .equal_weights = p->equal_weights};
}

/* ---- for one request ---- */

void
lb_ready_use(struct lb_ready *r, const struct upstreams *all, unsigned server, bool use,
	     uint64_t now)
{
	if (use)
		put_in(r, all, server, now);
	else
		take_out(policy_of(r, server), &r->server[server]);
}

void
lb_ready_pass(struct lb_ready *r, unsigned server)
{
	take_out(policy_of(r, server), &r->server[server]);
	r->passed[r->passed_n++] = server;
}

bool
lb_ready_weigh(struct lb_ready *r, const struct upstreams *all, unsigned server, uint64_t now)
{
	struct policy *p = policy_of(r, server);
	const struct server *s = &r->server[server];
	uint32_t before = lb_tree_leaf(&p->tree, s->at)->load;

	if (!s->used)
		return false;
	put_in(r, all, server, now);
	return lb_tree_leaf(&p->tree, s->at)->load != before;
}

uint64_t
lb_ready_load(const struct lb_ready *r, const struct registry_snapshot_policy *list)
{
	return r->policy[list->index].load;
}

bool
lb_ready_varies(const struct lb_ready *r, unsigned server)
{
	return r->server[server].standing == UPSTREAM_VARIES;
}

bool
lb_ready_is_new(const struct lb_ready *r, unsigned server)
{
	return r->server[server].standing == UPSTREAM_NEW;
}
