/* lb_select.c - see lb_select.h. */
#include "lb_select.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lb_conf.h"
#include "lb_keys.h"
#include "lb_load.h"
#include "lb_ready.h"

/* What a server is for a request, the best first. */
enum kind {
	KIND_BEST,
	KIND_RAMPING,  /* sits out this turn unless there is nobody better */
	KIND_DECLINED, /* has declined this request a moment ago: others first */
	KIND_LATER,    /* could take it, but for others that it has: worth waiting for */
	KIND_LATE,     /* owes others a reply for too long */
	KIND_LAST,     /* fails others */
	KIND_WAIT,     /* nobody knows whether it is well, which will be seen soon */
	KIND_FAILED,   /* failed this very request */
	KIND_NONE      /* takes nothing now */
};

/* Servers of a policy that have answered nobody yet and are tried at once, by all workers together:
 * each may turn out to be dead. */
enum {
	TRIALS = 4,	  /* see above */
	PROBES_TAKE = 200 /* ms, for the master to probe all servers of a policy, as a rule */
};

/* The load that other workers have may be old where a policy is large: so many servers are asked
 * for it anew at most, until one with the least load has it still. */
enum { WEIGHINGS = 8 };

struct lb_select {
	struct upstream_env env;
	struct registry *registry;
	struct lb_conf *balance;     /* by policy index */
	uint64_t *name;		     /* lb_hash() of its id; by server index, as what follows */
	enum kind *kind;	     /* as seen at the last look at it */
	bool *untried, *blocked;     /* it has answered nobody yet; its turn waits */
	struct lb_server *candidate; /* of the policy begun with, in the order of turns */
	struct lb_load *load;
	struct lb_ready *ready;
	struct lb_keys *keys;
	bool waits;	 /* the last one offered was blocked */
	unsigned trials; /* of this worker at once */
	unsigned tried;	 /* of these at the last look */
	/* What was begun with. */
	const struct registry_snapshot_policy *policy;
	const struct upstreams *all;
	const struct lb_tree *tree;   /* NULL: each server was looked at, and is in live */
	const struct lb_turns *turns; /* by weight; NULL: as they are in the tree */
	bool equal_weights;	      /* of all; with the tree */
	int offered;		      /* the last one, of the tree; -1: none yet */
	uint64_t now;
	struct lb_live live;
	uint64_t random;
};

struct lb_select *
lb_select_new(const struct upstream_env *env, struct registry *registry)
{
	unsigned servers = registry_max_servers(registry),
		 policies = registry_max_policies(registry);
	struct lb_select *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->env = *env;
	c->registry = registry;
	c->balance = calloc(policies, sizeof *c->balance);
	c->name = calloc(servers, sizeof *c->name);
	c->kind = calloc(servers, sizeof *c->kind);
	c->untried = calloc(servers, sizeof *c->untried);
	c->blocked = calloc(servers, sizeof *c->blocked);
	c->candidate = calloc(servers, sizeof *c->candidate);
	c->load = lb_load_new(env, servers);
	c->ready = c->load != NULL ? lb_ready_new(env, c->load, servers, policies) : NULL;
	c->keys = c->name != NULL ? lb_keys_new(env->roster, c->name) : NULL;
	c->trials = env->workers < TRIALS ? TRIALS / (env->workers > 0 ? env->workers : 1) : 1;
	if (c->untried == NULL || c->blocked == NULL || c->balance == NULL || c->keys == NULL ||
	    c->candidate == NULL || c->kind == NULL || c->ready == NULL) {
		lb_select_free(c);
		errno = ENOMEM;
		return NULL;
	}
	/* Without it every worker would draw the same; that does no harm either. */
	if (getrandom(&c->random, sizeof c->random, GRND_NONBLOCK) != (ssize_t)sizeof c->random)
		c->random = (uint64_t)env->worker << 32;
	return c;
}

void
lb_select_free(struct lb_select *c)
{
	if (c == NULL)
		return;
	free(c->balance);
	lb_ready_free(c->ready);
	lb_load_free(c->load);
	lb_keys_free(c->keys);
	free(c->name);
	free(c->candidate);
	free(c->kind);
	free(c->untried);
	free(c->blocked);
	free(c);
}

void
lb_select_refresh(struct lb_select *c)
{
	const struct registry_snapshot *roster = c->env.roster;

	for (unsigned i = 0; i < registry_snapshot_policy_end(roster); i++)
		c->balance[i] = lb_conf_of(
			policy_conf_of(c->env.conf, registry_snapshot_at(roster, i)->name)
				->balance);
	for (unsigned i = 0; i < registry_snapshot_server_end(roster); i++)
		c->name[i] = lb_hash(span_str(registry_snapshot_server(roster, i)->id));
	lb_load_refresh(c->load);
	lb_ready_refresh(c->ready);
	lb_keys_refresh(c->keys);
}

/* A packet without the key is one of its sender's. */
uint64_t
lb_select_key(const struct lb_select *c, const struct registry_snapshot_policy *p,
	      const struct packet *packet)
{
	const struct lb_conf *b = &c->balance[p->index];
	struct span value;

	if (b->how != LB_HASH)
		return 0;
	value = packet_scalar(packet, b->key);
	return lb_hash(value.n > 0 ? value : packet_scalar(packet, "srcid"));
}

/* ---- looking ---- */

/* SplitMix64: for drawing servers, nothing secret. */
static uint64_t
draw(struct lb_select *c)
{
	uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t
turn_of(struct lb_select *c, const struct registry_snapshot_policy *p, bool take)
{
	switch (c->live.balance) {
	case LB_RANDOM2: return draw(c);
	case LB_HASH: return 0;
	case LB_ROUNDROBIN:
	case LB_WEIGHTED:
	case LB_LEASTCONN:
	case LB_BALANCE_COUNT: break;
	}
	return take ? registry_turn(c->registry, p->index)
		    : registry_turn_next(c->registry, p->index);
}

static enum kind
kind_by(enum upstream_verdict v)
{
	switch (v) {
	case UPSTREAM_USABLE:
	case UPSTREAM_UNTRIED: return KIND_BEST;
	case UPSTREAM_RAMPING: return KIND_RAMPING;
	case UPSTREAM_FULL: return KIND_LATER;
	case UPSTREAM_OVERDUE: return KIND_LATE;
	case UPSTREAM_FAILING: return KIND_LAST;
	case UPSTREAM_DOUBTED:
	case UPSTREAM_TRIED:
	case UPSTREAM_CONNECTING: return KIND_WAIT;
	case UPSTREAM_DRAINING:
	case UPSTREAM_DISABLED:
	case UPSTREAM_EJECTED:
	case UPSTREAM_TOO_SMALL:
	case UPSTREAM_PAUSING:
	case UPSTREAM_SHORT:
	case UPSTREAM_STANDBY:
	case UPSTREAM_VERDICT_COUNT: break;
	}
	return KIND_NONE;
}

static bool
is_usable(enum kind kind)
{
	return kind != KIND_LATER && kind != KIND_WAIT && kind != KIND_NONE;
}

/* A server that is not of the best kind that there is, is not asked.  A request that failed is not
 * to fail at the next untried server: probes are under way, and in a moment it is known which are
 * well. */
static enum kind
kind_of(const struct lb_select *c, enum upstream_verdict v, unsigned server,
	const struct request *q, uint64_t now)
{
	uint64_t incarnation = registry_snapshot_server(c->env.roster, server)->incarnation;
	enum kind kind = kind_by(v);

	if (q->declines > 0 && q->declined_by == incarnation && kind < KIND_DECLINED)
		kind = KIND_DECLINED;
	if (q->failed_n == 0)
		return kind;
	if (v == UPSTREAM_UNTRIED && now < q->waits.since + PROBES_TAKE)
		kind = KIND_WAIT;
	if (request_has_failed_at(q, incarnation))
		return is_usable(kind) ? KIND_FAILED : KIND_NONE;
	return kind;
}

/* Where turns count, or where a key belongs, a server that is on trial is waited
 * for: that is over soon, one way or the other. */
static bool
waits_for_trials(const struct lb_select *c, const struct registry_snapshot_policy *p)
{
	enum lb_balance how = c->balance[p->index].how;

	return how == LB_ROUNDROBIN || how == LB_WEIGHTED || how == LB_HASH;
}

/* Servers that are looked at. */
struct list {
	const unsigned *server;
	unsigned n;
};

/* Some of them are on trial: of those that answered nobody yet no more are tried at once than may
 * be.  The best kind that is left. */
static enum kind
block(struct lb_select *c, const struct list *list, unsigned trials, bool waits)
{
	enum kind best = KIND_NONE;

	for (unsigned i = 0; i < list->n; i++) {
		unsigned s = list->server[i];
		bool more = (c->blocked[s] || (c->untried[s] && trials >= c->trials)) &&
			    c->kind[s] <= KIND_WAIT;
		c->blocked[s] = more && waits;
		if (more)
			c->kind[s] = waits ? KIND_BEST : KIND_WAIT;
		best = c->kind[s] < best ? c->kind[s] : best;
	}
	return best;
}

static bool
is_backup(const struct lb_select *c, unsigned server)
{
	return registry_snapshot_server(c->env.roster, server)->backup;
}

/* A server of that kind is up, as far as backups go: it can take the request, now or in a moment.
 */
static bool
keeps_backups_off(enum kind kind)
{
	return kind != KIND_LAST && kind != KIND_FAILED && kind != KIND_NONE;
}

/* Some of them are backups: while one that is none is up, they take nothing, nor what one that
 * is up has declined.  The best kind that is left, and how many are on trial. */
static enum kind
hold_backups(struct lb_select *c, const struct list *list, bool declined, unsigned *trials)
{
	enum kind best = KIND_NONE;
	bool held = declined;

	*trials = 0;
	for (unsigned i = 0; i < list->n && !held; i++)
		held = !is_backup(c, list->server[i]) &&
		       keeps_backups_off(c->kind[list->server[i]]);
	for (unsigned i = 0; i < list->n; i++) {
		unsigned s = list->server[i];
		if (held && is_backup(c, s)) {
			c->kind[s] = KIND_NONE;
			c->untried[s] = c->blocked[s] = false;
		}
		*trials += c->blocked[s];
		best = c->kind[s] < best ? c->kind[s] : best;
	}
	return best;
}

/* The kinds of these servers of the policy, and the best of them: one pass, unless some are on
 * trial, or backups. */
static enum kind
look(struct lb_select *c, struct upstreams *all, const struct registry_snapshot_policy *p,
     const struct list *list, const struct request *q, uint64_t now)
{
	bool hash = c->balance[p->index].how == LB_HASH;
	unsigned trials = 0;
	enum kind best = KIND_NONE;

	for (unsigned i = 0; i < list->n; i++) {
		unsigned s = list->server[i];
		enum upstream_verdict v = upstream_usable(all, s, q->text.n, now);
		c->kind[s] = kind_of(c, v, s, q, now);
		if (q->willing_only && !upstream_has_willing(all, s, now))
			c->kind[s] = KIND_NONE;
		c->untried[s] = v == UPSTREAM_UNTRIED || v == UPSTREAM_TRIED;
		c->blocked[s] = v == UPSTREAM_TRIED;
		trials += c->blocked[s];
		if (hash && c->kind[s] == KIND_LATE)
			c->kind[s] = KIND_BEST; /* it has its share, and no more */
		best = c->kind[s] < best ? c->kind[s] : best;
	}
	if (p->backups > 0)
		best = hold_backups(c, list, q->willing_only && p->backups < p->n, &trials);
	c->tried = trials;
	return trials > 0 ? block(c, list, trials, waits_for_trials(c, p)) : best;
}

static enum kind
look_at_all(struct lb_select *c, struct upstreams *all, const struct registry_snapshot_policy *p,
	    const struct request *q, uint64_t now)
{
	const struct list list = {p->server, p->n};

	return look(c, all, p, &list, q, now);
}

/* Weight, name and load, of those that go by them. */
static void
describe(struct lb_select *c, const struct upstreams *all, struct lb_server *s, unsigned server,
	 uint64_t now)
{
	s->weight = registry_snapshot_server(c->env.roster, server)->weight;
	if (c->live.balance == LB_WEIGHTED || !s->usable)
		return;
	s->load = lb_load_of(c->load, all, server, now);
	s->name = c->name[server];
}

static bool
begin_with_all(struct lb_select *c, struct upstreams *all, const struct registry_snapshot_policy *p,
	       const struct request *q, uint64_t now)
{
	enum kind best = look_at_all(c, all, p, q, now);

	c->live.server = c->candidate;
	c->live.n = p->n;
	for (unsigned i = 0; is_usable(best) && i < p->n; i++) {
		c->candidate[i].usable = c->kind[p->server[i]] == best;
		if (c->live.balance != LB_ROUNDROBIN)
			describe(c, all, &c->candidate[i], p->server[i], now);
	}
	return is_usable(best);
}

/* As if all were looked at, by what is known of most; for a request that none of them has failed
 * or declined.
 * False in *fits: it has to be done. */
static bool
begin_with_ready(struct lb_select *c, struct upstreams *all,
		 const struct registry_snapshot_policy *p, const struct request *q, uint64_t now,
		 bool *fits)
{
	enum lb_balance how = c->live.balance;
	struct lb_ready_view view = lb_ready_look(c->ready, all, p, how, now);
	const struct list list = {view.varying, view.varying_n};
	enum kind best;

	*fits = (view.pooled || q->text.n <= c->env.conf->plain_message) &&
		(view.equal_weights || view.turns != NULL || how != LB_WEIGHTED);
	if (!*fits)
		return false;
	best = look(c, all, p, &list, q, now);
	if (best > KIND_LATER && view.laden_n > 0)
		best = KIND_LATER;
	if (view.ready_n > 0 || view.new_n > 0)
		best = KIND_BEST;
	*fits = p->backups == 0 || keeps_backups_off(best);
	if (!*fits)
		return false;
	for (unsigned i = 0; is_usable(best) && i < list.n; i++)
		lb_ready_use(c->ready, all, list.server[i], c->kind[list.server[i]] == best, now);
	c->tree = view.tree;
	c->turns = view.turns;
	c->equal_weights = view.equal_weights;
	return is_usable(best);
}

static bool
begin(struct lb_select *c, struct upstreams *all, const struct registry_snapshot_policy *p,
      const struct request *q, uint64_t now, bool take)
{
	enum lb_balance how = c->balance[p->index].how;
	bool fits = q->failed_n == 0 && q->declines == 0 && p->n > 0;
	bool usable = false;

	c->policy = p;
	c->all = all;
	c->tree = NULL;
	c->offered = -1;
	c->now = now;
	c->live = (struct lb_live){.balance = how, .key = q->hash};
	if (fits)
		usable = begin_with_ready(c, all, p, q, now, &fits);
	if (!fits)
		usable = begin_with_all(c, all, p, q, now);
	if (usable)
		c->live.turn = q->turn_kept ? q->turn : turn_of(c, p, take);
	return usable;
}

bool
lb_select_begin(struct lb_select *c, struct upstreams *all,
		const struct registry_snapshot_policy *p, const struct request *q, uint64_t now)
{
	return begin(c, all, p, q, now, true);
}

bool
lb_select_foresee(struct lb_select *c, struct upstreams *all,
		  const struct registry_snapshot_policy *p, const struct request *q, uint64_t now)
{
	return begin(c, all, p, q, now, false);
}

bool
lb_select_is_held(const struct lb_select *c, unsigned server)
{
	return is_backup(c, server) && (c->tree != NULL || c->kind[server] == KIND_NONE);
}

bool
lb_select_knows_another(struct lb_select *c, struct upstreams *all,
			const struct registry_snapshot_policy *p, const struct request *q)
{
	uint64_t now = conn_loop_us(c->env.loop) / 1000;

	return look_at_all(c, all, p, q, now) < KIND_FAILED;
}

bool
lb_select_must_wait(const struct lb_select *c)
{
	return c->waits;
}

void
lb_select_keep_turn(const struct lb_select *c, struct request *q)
{
	q->turn = c->live.turn;
	q->turn_kept = true;
}

/* ---- picking ---- */

static unsigned
server_at(const struct lb_select *c, unsigned place)
{
	return c->policy->server[place];
}

static unsigned
least_loaded(const struct lb_select *c)
{
	const struct lb_node *sum = lb_tree_sum(c->tree);
	unsigned place = 0;

	for (unsigned i = 0; i < WEIGHINGS; i++) {
		place = lb_tree_nth_least(c->tree, (uint32_t)(c->live.turn % sum->least));
		if (!lb_ready_weigh(c->ready, c->all, server_at(c, place), c->now))
			break;
	}
	return place;
}

/* Of two at least. */
static unsigned
less_loaded_of_two(const struct lb_select *c)
{
	unsigned place[2];
	uint32_t load[2], weight[2];

	lb_tree_draw_two(c->tree, c->live.turn, place);
	for (unsigned i = 0; i < 2; i++) {
		unsigned server = server_at(c, place[i]);
		load[i] = lb_load_of(c->load, c->all, server, c->now);
		weight[i] = registry_snapshot_server(c->env.roster, server)->weight;
	}
	return place[lb_is_less(load[1], weight[1], load[0], weight[0])];
}

static unsigned
pick_of_tree(const struct lb_select *c)
{
	uint32_t n = lb_tree_sum(c->tree)->n;

	if (n > 1 && c->live.balance == LB_LEASTCONN)
		return least_loaded(c);
	if (n > 1 && c->live.balance == LB_RANDOM2)
		return less_loaded_of_two(c);
	if (n > 1 && c->live.balance == LB_HASH)
		return lb_keys_pick(c->keys, c->ready, c->all,
				    &(struct lb_keys_view){c->policy, c->tree, c->equal_weights},
				    c->live.key, c->now);
	if (n > 1 && c->turns != NULL)
		return lb_turns_nth(c->turns, c->tree, c->live.turn);
	return lb_tree_nth(c->tree, (uint32_t)(c->live.turn % n));
}

/* On trial, or new while as many are on trial as may be. */
static bool
must_wait_for(const struct lb_select *c, unsigned server)
{
	if (lb_ready_is_new(c->ready, server))
		return c->tried >= c->trials;
	return lb_ready_varies(c->ready, server) && c->blocked[server];
}

static int
next_of_tree(struct lb_select *c)
{
	if (c->offered >= 0)
		lb_ready_pass(c->ready, (unsigned)c->offered);
	if (lb_tree_sum(c->tree)->n == 0)
		return c->offered = LB_NOBODY;
	c->offered = (int)server_at(c, pick_of_tree(c));
	c->waits = must_wait_for(c, (unsigned)c->offered);
	return c->offered;
}

int
lb_select_next(struct lb_select *c)
{
	int pick, server;

	if (c->tree != NULL)
		return next_of_tree(c);
	pick = lb_pick(&c->live);
	if (pick == LB_NOBODY)
		return LB_NOBODY;
	server = (int)server_at(c, (unsigned)pick);
	c->candidate[pick].usable = false;
	c->waits = c->blocked[server];
	return server;
}
