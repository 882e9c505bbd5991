/* lb_select.c - see lb_select.h. */
#include "lb_select.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lb_conf.h"

/* What other workers have at a server changes with every request; it is asked for anew after so
 * long. */
enum { LOAD_AGE = 1 /* ms */ };

/* A server as seen at the last look. */
struct seen {
	uint64_t name;	 /* lb_hash() of its id */
	uint32_t others; /* requests in flight from other workers */
	uint64_t at;	 /* clock_ms() of others */
};

/* What a server is for a request, the best first. */
enum kind {
	KIND_BEST,
	KIND_RAMPING, /* sits out this turn unless there is nobody better */
	KIND_LATER,   /* could take it, but for others that it has: worth waiting for */
	KIND_LATE,    /* owes others a reply for too long */
	KIND_LAST,    /* fails others */
	KIND_WAIT,    /* nobody knows whether it is well, which will be seen soon */
	KIND_FAILED,  /* failed this very request */
	KIND_NONE     /* takes nothing now */
};

/* Servers of a policy that have answered nobody yet and are tried at once, by all workers together:
 * each may turn out to be dead. */
enum {
	TRIALS = 4,	  /* see above */
	PROBES_TAKE = 200 /* ms, for the master to probe all servers of a policy, as a rule */
};

struct lb_select {
	struct upstream_env env;
	struct registry *registry;
	struct lb_conf *balance;     /* by policy index */
	struct seen *seen;	     /* by server index */
	struct lb_server *candidate; /* of the policy begun with, in the order of turns */
	enum kind *kind;	     /* of the same */
	bool *untried, *blocked;     /* the same: it has answered nobody yet; its turn waits */
	bool waits;		     /* the last one offered was blocked */
	unsigned trials;	     /* of this worker at once */
	const struct registry_snapshot_policy *policy;
	struct lb_live live;
	uint64_t random;
};

struct lb_select *
lb_select_new(const struct upstream_env *env, struct registry *registry)
{
	struct lb_select *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->env = *env;
	c->registry = registry;
	c->balance = calloc(registry_max_policies(registry), sizeof *c->balance);
	c->seen = calloc(registry_max_servers(registry), sizeof *c->seen);
	c->candidate = calloc(registry_max_servers(registry), sizeof *c->candidate);
	c->kind = calloc(registry_max_servers(registry), sizeof *c->kind);
	c->untried = calloc(registry_max_servers(registry), sizeof *c->untried);
	c->blocked = calloc(registry_max_servers(registry), sizeof *c->blocked);
	c->trials = env->workers < TRIALS ? TRIALS / (env->workers > 0 ? env->workers : 1) : 1;
	if (c->untried == NULL || c->blocked == NULL || c->balance == NULL || c->seen == NULL ||
	    c->candidate == NULL || c->kind == NULL) {
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
	free(c->seen);
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
		c->seen[i] = (struct seen){
			.name = lb_hash(span_str(registry_snapshot_server(roster, i)->id))};
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

/* Our own count is exact, the others' a moment old. */
static uint32_t
load_of(struct lb_select *c, unsigned server, uint64_t now)
{
	struct seen *s = &c->seen[server];
	uint64_t own = counter_get(
		&server_stats_cell(c->env.tally, c->env.worker, server)->in_flight);

	if (s->at + LOAD_AGE <= now) {
		s->others = server_stats_in_flight(c->env.tally, server, c->env.worker);
		s->at = now;
	}
	return (uint32_t)own + s->others;
}

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
	enum kind kind = kind_by(v);

	if (q->failed_n == 0)
		return kind;
	if (v == UPSTREAM_UNTRIED && now < q->waits.since + PROBES_TAKE)
		kind = KIND_WAIT;
	if (request_has_failed_at(q, registry_snapshot_server(c->env.roster, server)->incarnation))
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

/* Some of the n servers are on trial: of those that answered nobody yet no more are tried at once
 * than may be.  The best kind that is left. */
static enum kind
block(struct lb_select *c, unsigned n, unsigned trials, bool waits)
{
	enum kind best = KIND_NONE;

	for (unsigned i = 0; i < n; i++) {
		bool more = (c->blocked[i] || (c->untried[i] && trials >= c->trials)) &&
			    c->kind[i] <= KIND_WAIT;
		c->blocked[i] = more && waits;
		if (more)
			c->kind[i] = waits ? KIND_BEST : KIND_WAIT;
		best = c->kind[i] < best ? c->kind[i] : best;
	}
	return best;
}

/* The kinds of all servers of the policy, and the best of these: one pass, unless some are on
 * trial. */
static enum kind
look(struct lb_select *c, struct upstreams *all, const struct registry_snapshot_policy *p,
     const struct request *q, uint64_t now)
{
	bool hash = c->balance[p->index].how == LB_HASH;
	unsigned trials = 0;
	enum kind best = KIND_NONE;

	for (unsigned i = 0; i < p->n; i++) {
		enum upstream_verdict v = upstream_usable(all, p->server[i], q->text.n, now);
		c->kind[i] = kind_of(c, v, p->server[i], q, now);
		c->untried[i] = v == UPSTREAM_UNTRIED || v == UPSTREAM_TRIED;
		c->blocked[i] = v == UPSTREAM_TRIED;
		trials += c->blocked[i];
		if (hash && c->kind[i] == KIND_LATE)
			c->kind[i] = KIND_BEST; /* it has its share, and no more */
		best = c->kind[i] < best ? c->kind[i] : best;
	}
	return trials > 0 ? block(c, p->n, trials, waits_for_trials(c, p)) : best;
}

/* Weight, name and load, of those that go by them. */
static void
describe(struct lb_select *c, struct lb_server *s, unsigned server, uint64_t now)
{
	s->weight = registry_snapshot_server(c->env.roster, server)->weight;
	if (c->live.balance == LB_WEIGHTED || !s->usable)
		return;
	s->load = load_of(c, server, now);
	s->name = c->seen[server].name;
}

static bool
begin(struct lb_select *c, struct upstreams *all, const struct registry_snapshot_policy *p,
      const struct request *q, uint64_t now, bool take)
{
	enum kind best = look(c, all, p, q, now);

	c->policy = p;
	c->live = (struct lb_live){.balance = c->balance[p->index].how,
				   .server = c->candidate,
				   .n = p->n,
				   .key = q->hash};
	if (!is_usable(best))
		return false;
	for (unsigned i = 0; i < p->n; i++) {
		c->candidate[i].usable = c->kind[i] == best;
		if (c->live.balance != LB_ROUNDROBIN)
			describe(c, &c->candidate[i], p->server[i], now);
	}
	c->live.turn = q->turn_kept ? q->turn : turn_of(c, p, take);
	return true;
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
lb_select_knows_another(struct lb_select *c, struct upstreams *all,
			const struct registry_snapshot_policy *p, const struct request *q)
{
	uint64_t now = conn_loop_us(c->env.loop) / 1000;

	return look(c, all, p, q, now) < KIND_FAILED;
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

int
lb_select_next(struct lb_select *c)
{
	int pick = lb_pick(&c->live);

	if (pick == LB_NOBODY)
		return LB_NOBODY;
	c->candidate[pick].usable = false;
	c->waits = c->blocked[pick];
	return (int)c->policy->server[pick];
}
