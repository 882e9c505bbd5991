/* chooser.c - see chooser.h. */
#include "chooser.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "balance.h"

/* What other workers have at a server changes with every request; it is asked for anew after so
 * long. */
enum { LOAD_AGE = 1 /* ms */ };

/* A server as seen at the last look. */
struct seen {
	uint64_t name;	 /* route_hash() of its id */
	uint32_t others; /* requests in flight from other workers */
	uint64_t at;	 /* clock_ms() of others */
};

/* What a server is for a request, the best first. */
enum kind {
	KIND_BEST,
	KIND_RAMPING, /* sits out this turn unless there is nobody better */
	KIND_LATER,   /* could take it, but for others that it has */
	KIND_FAILED,  /* failed this very request */
	KIND_NONE     /* takes nothing now */
};

struct chooser {
	struct upstream_env env;
	struct registry *registry;
	struct balance *balance;	/* by policy index */
	struct seen *seen;		/* by server index */
	struct route_server *candidate; /* of the policy begun with, in the order of turns */
	enum kind *kind;		/* of the same */
	const struct roster_policy *policy;
	struct route_live live;
	uint64_t random;
};

struct chooser *
chooser_new(const struct upstream_env *env, struct registry *registry)
{
	struct chooser *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->env = *env;
	c->registry = registry;
	c->balance = calloc(registry_max_policies(registry), sizeof *c->balance);
	c->seen = calloc(registry_max_servers(registry), sizeof *c->seen);
	c->candidate = calloc(registry_max_servers(registry), sizeof *c->candidate);
	c->kind = calloc(registry_max_servers(registry), sizeof *c->kind);
	if (c->balance == NULL || c->seen == NULL || c->candidate == NULL || c->kind == NULL) {
		chooser_free(c);
		errno = ENOMEM;
		return NULL;
	}
	/* Without it every worker would draw the same; that does no harm either. */
	if (getrandom(&c->random, sizeof c->random, GRND_NONBLOCK) != (ssize_t)sizeof c->random)
		c->random = (uint64_t)env->worker << 32;
	return c;
}

void
chooser_free(struct chooser *c)
{
	if (c == NULL)
		return;
	free(c->balance);
	free(c->seen);
	free(c->candidate);
	free(c->kind);
	free(c);
}

void
chooser_refresh(struct chooser *c)
{
	const struct roster *roster = c->env.roster;

	for (unsigned i = 0; i < roster_policy_end(roster); i++)
		c->balance[i] = balance_of(&c->env.conf->balance, roster_at(roster, i)->name);
	for (unsigned i = 0; i < roster_server_end(roster); i++)
		c->seen[i] = (struct seen){
			.name = route_hash(span_str(roster_server(roster, i)->id))};
}

/* A packet without the key is one of its sender's. */
uint64_t
chooser_key(const struct chooser *c, const struct roster_policy *p, const struct packet *packet)
{
	const struct balance *b = &c->balance[p->index];
	struct span value;

	if (b->how != ROUTE_HASH)
		return 0;
	value = packet_scalar(packet, b->key);
	return route_hash(value.n > 0 ? value : packet_scalar(packet, "srcid"));
}

/* ---- looking ---- */

/* Our own count is exact, the others' a moment old. */
static uint32_t
load_of(struct chooser *c, unsigned server, uint64_t now)
{
	struct seen *s = &c->seen[server];
	uint64_t own = tally_get(&tally_cell(c->env.tally, c->env.worker, server)->in_flight);

	if (s->at + LOAD_AGE <= now) {
		s->others = tally_in_flight(c->env.tally, server, c->env.worker);
		s->at = now;
	}
	return (uint32_t)own + s->others;
}

/* SplitMix64: for drawing servers, nothing secret. */
static uint64_t
draw(struct chooser *c)
{
	uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t
turn_of(struct chooser *c, const struct roster_policy *p, bool take)
{
	switch (c->live.balance) {
	case ROUTE_RANDOM2: return draw(c);
	case ROUTE_HASH: return 0;
	case ROUTE_ROUNDROBIN:
	case ROUTE_WEIGHTED:
	case ROUTE_LEASTCONN:
	case ROUTE_BALANCE_COUNT: break;
	}
	return take ? registry_turn(c->registry, p->index)
		    : registry_turn_next(c->registry, p->index);
}

/* Who is not of the best kind that there is, is not asked. */
static enum kind
kind_of(struct upstreams *all, unsigned server, const struct request *q, uint64_t now)
{
	enum upstream_verdict v = upstream_judge(all, server, q->text.n, now);

	bool later = v == UPSTREAM_FULL || v == UPSTREAM_DOUBTED;

	if (v != UPSTREAM_USABLE && v != UPSTREAM_RAMPING && !later)
		return KIND_NONE;
	if (q->failed_n > 0 && request_has_failed_at(q, server))
		return later ? KIND_NONE : KIND_FAILED;
	if (later)
		return KIND_LATER;
	return v == UPSTREAM_USABLE ? KIND_BEST : KIND_RAMPING;
}

/* Weight, name and load, of those that go by them. */
static void
describe(struct chooser *c, struct route_server *s, unsigned server, uint64_t now)
{
	s->weight = roster_server(c->env.roster, server)->weight;
	if (c->live.balance == ROUTE_WEIGHTED || !s->usable)
		return;
	s->load = load_of(c, server, now);
	s->name = c->seen[server].name;
}

static bool
begin(struct chooser *c, struct upstreams *all, const struct roster_policy *p,
      const struct request *q, uint64_t now, bool take)
{
	enum kind best = KIND_NONE;

	c->policy = p;
	c->live = (struct route_live){.balance = c->balance[p->index].how,
				      .server = c->candidate,
				      .n = p->n,
				      .key = q->hash};
	for (unsigned i = 0; i < p->n; i++) {
		c->kind[i] = kind_of(all, p->server[i], q, now);
		best = c->kind[i] < best ? c->kind[i] : best;
	}
	if (best == KIND_NONE || best == KIND_LATER)
		return false;
	for (unsigned i = 0; i < p->n; i++) {
		c->candidate[i].usable = c->kind[i] == best;
		if (c->live.balance != ROUTE_ROUNDROBIN)
			describe(c, &c->candidate[i], p->server[i], now);
	}
	c->live.turn = turn_of(c, p, take);
	return true;
}

bool
chooser_begin(struct chooser *c, struct upstreams *all, const struct roster_policy *p,
	      const struct request *q, uint64_t now)
{
	return begin(c, all, p, q, now, true);
}

bool
chooser_foresee(struct chooser *c, struct upstreams *all, const struct roster_policy *p,
		const struct request *q, uint64_t now)
{
	return begin(c, all, p, q, now, false);
}

bool
chooser_knows_another(struct chooser *c, struct upstreams *all, const struct roster_policy *p,
		      const struct request *q)
{
	uint64_t now = conn_loop_us(c->env.loop) / 1000;

	for (unsigned i = 0; i < p->n; i++)
		if (kind_of(all, p->server[i], q, now) <= KIND_LATER)
			return true;
	return false;
}

int
chooser_next(struct chooser *c)
{
	int pick = route_pick(&c->live);

	if (pick == ROUTE_NOBODY)
		return ROUTE_NOBODY;
	c->candidate[pick].usable = false;
	return (int)c->policy->server[pick];
}
