/* upstream_usable.c - whether a server could take a request now, and which lane has room for it;
 * see upstream.h. */
#include "upstream.h"
#include "upstream_internal.h"

enum {
	BATCH_BYTES = 8192,  /* of small requests that leave together on one lane */
	PROBE_WAIT = 100,    /* ms that a request waits at most for a probe to be over */
	REPLACE_EVERY = 100, /* ms, between two lanes that give way */
	SHUNNED_AFTER = 4    /* declines in a row, as long as others take requests */
};

/* ---- lanes ---- */

static uint64_t
loop_now(const struct upstream *up)
{
	return conn_loop_us(up->all->env.loop) / 1000;
}

/* One alone may be due to the request. */
static bool
is_shunned(const struct upstream_conn *l, uint64_t now)
{
	return l->declines >= SHUNNED_AFTER && now < l->declines_until;
}

/* Is there a lane that others are not shunned for in vain? */
static bool
any_open_willing(const struct upstream *up)
{
	const struct upstream_conn *l;

	LIST_FOREACH(l, &up->lanes, link)
		if (l->open && !l->leaving && !l->late && upstream_is_willing(l))
			return true;
	return false;
}

static bool
has_room(const struct upstream *up, const struct upstream_conn *l, uint64_t now)
{
	return !l->leaving && (l->open || !l->late) && l->n < up->info.pipeline &&
	       (!is_shunned(l, now) || !any_open_willing(up));
}

static bool
is_better(const struct upstream_conn *l, const struct upstream_conn *best)
{
	bool willing = upstream_is_willing(l);

	if (best == NULL || willing != upstream_is_willing(best))
		return best == NULL || willing;
	return l->n < best->n;
}

struct upstream_conn *
upstream_least_loaded(const struct upstream *up)
{
	uint64_t now = loop_now(up);
	struct upstream_conn *l, *best = NULL;

	LIST_FOREACH(l, &up->lanes, link)
		if (has_room(up, l, now) && is_better(l, best))
			best = l;
	return best;
}

struct upstream_conn *
upstream_under_way(const struct upstream *up)
{
	struct upstream_conn *l;

	LIST_FOREACH(l, &up->lanes, link) {
		size_t queued = l->open && !l->leaving ? conn_gathered(l->conn) : 0;
		if (queued > 0 && queued < BATCH_BYTES && l->n < up->info.pipeline &&
		    upstream_is_willing(l))
			return l;
	}
	return NULL;
}

bool
upstream_may_open(const struct upstream *up)
{
	return up->lanes_n < up->all->env.conf->server_connections;
}

struct upstream_conn *
upstream_replaceable(const struct upstream *up, uint64_t now)
{
	struct upstream_conn *l;

	if (upstream_may_open(up) ||
	    (up->replaced_at != 0 && now < up->replaced_at + REPLACE_EVERY))
		return NULL;
	LIST_FOREACH(l, &up->lanes, link)
		if (l->open && !l->leaving && l->n == 0 && !upstream_is_willing(l))
			return l;
	return NULL;
}

bool
upstream_has_willing(struct upstreams *all, unsigned server, uint64_t now)
{
	const struct upstream *up = all->by_index[server];
	const struct upstream_conn *best;

	if (up == NULL || !up->info.pooled || upstream_may_open(up))
		return true;
	best = upstream_least_loaded(up);
	return (best != NULL && upstream_is_willing(best)) || upstream_replaceable(up, now) != NULL;
}

/* ---- servers ---- */

/* Xorshift. */
uint32_t
upstreams_draw(struct upstreams *all)
{
	all->chance ^= all->chance << 13;
	all->chance ^= all->chance >> 17;
	all->chance ^= all->chance << 5;
	return all->chance;
}

/* By its connections: has one room, or can one be opened?  One that is long in coming is waited
 * for. */
static enum upstream_verdict
judge_lanes(const struct upstream *up, uint64_t now)
{
	bool late = false, room = !up->info.pooled || upstream_may_open(up);
	const struct upstream_conn *l;

	LIST_FOREACH(l, &up->lanes, link) {
		bool fits = !l->leaving && l->n < up->info.pipeline &&
			    (!is_shunned(l, now) || !any_open_willing(up));
		if (fits && l->open)
			return UPSTREAM_USABLE;
		late = late || (!l->open && l->late);
		room = room || (fits && !l->late);
	}
	if (late)
		return UPSTREAM_CONNECTING;
	return room ? UPSTREAM_USABLE : UPSTREAM_FULL;
}

/* By what this worker has seen of it. */
static enum upstream_verdict
judge_seen(const struct upstream *up, enum server_health_kind kind, uint64_t now)
{
	enum upstream_verdict lanes;

	if (now < up->retry_at)
		return up->shortage ? UPSTREAM_SHORT : UPSTREAM_PAUSING;
	if ((up->doubted || up->unasked) && up->in_flight > 0)
		return UPSTREAM_DOUBTED;
	lanes = judge_lanes(up, now);
	if (lanes != UPSTREAM_USABLE)
		return lanes;
	if (up->late)
		return UPSTREAM_OVERDUE;
	if (kind == SERVER_HEALTH_TRIAL && !up->proved)
		return up->in_flight > 0 ? UPSTREAM_TRIED : UPSTREAM_UNTRIED;
	return kind == SERVER_HEALTH_LAST ? UPSTREAM_FAILING : UPSTREAM_USABLE;
}

/* A server that this worker has not met yet is looked up. */
static const struct policy_conf *
conf_of(const struct upstreams *all, unsigned server)
{
	const struct registry_server *info = registry_snapshot_server(all->env.roster, server);
	const struct upstream *up = all->by_index[server];

	if (up != NULL)
		return up->conf;
	return policy_conf_of(all->env.conf,
			      registry_snapshot_at(all->env.roster, info->policy)->name);
}

/* One that has just returned has a share of its turns: by lot. */
static bool
sits_out(struct upstreams *all, unsigned server, uint64_t now)
{
	unsigned share = server_health_share(all->env.verdicts, server, now,
					     conf_of(all, server)->slow_start);

	return share < SERVER_HEALTH_FULL && share <= upstreams_draw(all) % SERVER_HEALTH_FULL;
}

enum upstream_verdict
upstream_usable(struct upstreams *all, unsigned server, size_t bytes, uint64_t now)
{
	const struct registry_server *info = registry_snapshot_server(all->env.roster, server);
	const struct upstream *up = all->by_index[server];
	enum server_health_kind kind = server_health_kind(all->env.verdicts, server);

	if (info->admin != REGISTRY_ENABLED)
		return info->admin == REGISTRY_DRAINING ? UPSTREAM_DRAINING : UPSTREAM_DISABLED;
	if (!info->pooled && bytes > all->env.conf->plain_message)
		return UPSTREAM_TOO_SMALL;
	if (kind == SERVER_HEALTH_SHUT)
		return UPSTREAM_EJECTED;
	if (kind == SERVER_HEALTH_RAMP && sits_out(all, server, now))
		return UPSTREAM_RAMPING;
	if (up != NULL)
		return judge_seen(up, kind, now);
	return kind == SERVER_HEALTH_TRIAL  ? UPSTREAM_UNTRIED
	       : kind == SERVER_HEALTH_LAST ? UPSTREAM_FAILING
					    : UPSTREAM_USABLE;
}

/* Which passes with time. */
static bool
any_shunned(const struct upstream *up)
{
	const struct upstream_conn *l;

	LIST_FOREACH(l, &up->lanes, link)
		if (l->declines >= SHUNNED_AFTER)
			return true;
	return false;
}

/* A plain server, and all the connections that it takes are this worker's, and in use. */
static bool
is_all_ours(const struct upstream *up)
{
	const struct upstream_env *env = &up->all->env;
	unsigned slots = conn_limit_slots(env->permits, up->info.slots,
					  env->conf->server_connections);

	return !up->info.pooled && slots < CONN_LIMIT_MAX && up->connections >= slots &&
	       upstream_least_loaded(up) == NULL;
}

/* One that has answered this worker is usable even before the master has heard of that. */
enum upstream_standing
upstream_standing(const struct upstreams *all, unsigned server, uint64_t now)
{
	const struct registry_server *info = registry_snapshot_server(all->env.roster, server);
	const struct upstream *up = all->by_index[server];
	enum server_health_kind kind = server_health_kind(all->env.verdicts, server);
	enum upstream_verdict seen;

	if (info->admin != REGISTRY_ENABLED)
		return UPSTREAM_VARIES;
	if (up == NULL)
		return kind == SERVER_HEALTH_OPEN    ? UPSTREAM_READY
		       : kind == SERVER_HEALTH_TRIAL ? UPSTREAM_NEW
						     : UPSTREAM_VARIES;
	if ((kind != SERVER_HEALTH_OPEN && kind != SERVER_HEALTH_TRIAL) || up->doubted ||
	    up->unasked || any_shunned(up))
		return UPSTREAM_VARIES;
	seen = judge_seen(up, kind, now);
	if (kind == SERVER_HEALTH_TRIAL && !up->proved)
		return seen == UPSTREAM_UNTRIED && !is_all_ours(up) ? UPSTREAM_NEW
								    : UPSTREAM_VARIES;
	if (seen == UPSTREAM_USABLE && is_all_ours(up))
		return UPSTREAM_LADEN;
	return seen == UPSTREAM_USABLE ? UPSTREAM_READY
	       : seen == UPSTREAM_FULL ? UPSTREAM_LADEN
				       : UPSTREAM_VARIES;
}

#define VERDICT_TEXT(name, text) text,
static const char *const verdict_text[] = {UPSTREAM_VERDICTS(VERDICT_TEXT)};

const char *
upstream_verdict_text(enum upstream_verdict v)
{
	return verdict_text[v];
}

bool
upstream_is_probed(struct upstreams *all, unsigned server, uint64_t now)
{
	struct upstream *up = all->by_index[server];

	if (up == NULL || !up->waiting || !conn_limit_only_master(all->env.permits, server)) {
		if (up != NULL)
			up->probed_since = 0;
		return false;
	}
	if (up->probed_since == 0)
		up->probed_since = now;
	return now < up->probed_since + PROBE_WAIT;
}

/* Every connection that it takes is held by somebody, and none of ours has room. */
static bool
all_held(const struct upstream *up, const struct registry_server *info,
	 const struct permits *permits, unsigned server)
{
	if (info->slots >= CONN_LIMIT_MAX || conn_limit_held(permits, server) < info->slots)
		return false;
	return up == NULL || !info->pooled || upstream_least_loaded(up) == NULL;
}

void
upstream_snapshot(struct upstreams *all, unsigned server, size_t bytes, uint64_t now,
		  struct upstream_sight *out)
{
	const struct registry_server *info = registry_snapshot_server(all->env.roster, server);
	const struct upstream *up = all->by_index[server];
	const struct upstream_conn *l;
	unsigned lanes = info->pooled ? all->env.conf->server_connections : 1;

	*out = (struct upstream_sight){.verdict = upstream_usable(all, server, bytes, now),
				       .slots = info->slots,
				       .room = lanes * info->pipeline};
	out->busy = all_held(up, info, all->env.permits, server);
	if (out->verdict == UPSTREAM_UNTRIED || (out->verdict == UPSTREAM_TRIED && out->busy))
		out->verdict = UPSTREAM_USABLE; /* which it is, once at a time */
	if (up == NULL)
		return;
	LIST_FOREACH(l, &up->lanes, link)
		out->in_flight += l->n;
	out->pause = up->retry_at > now ? up->retry_at - now : 0;
}
