/* upstream_judge.c - whether a server could take a request now, and which lane has room for it; see
 * upstream.h. */
#include "upstream.h"
#include "upstream_inside.h"

enum { BATCH_BYTES = 8192 }; /* of small requests that leave together on one lane */

/* ---- lanes ---- */

struct lane *
upstream_least_loaded(const struct upstream *up)
{
	struct lane *l, *best = NULL;

	LIST_FOREACH(l, &up->lanes, link)
		if (!l->leaving && l->n < up->info.pipeline && (best == NULL || l->n < best->n))
			best = l;
	return best;
}

struct lane *
upstream_under_way(const struct upstream *up)
{
	struct lane *l;

	LIST_FOREACH(l, &up->lanes, link) {
		size_t queued = l->open && !l->leaving ? conn_gathered(l->conn) : 0;
		if (queued > 0 && queued < BATCH_BYTES && l->n < up->info.pipeline)
			return l;
	}
	return NULL;
}

bool
upstream_may_open(const struct upstream *up)
{
	return up->lanes_n < up->all->env.conf->server_connections;
}

/* ---- servers ---- */

/* Xorshift: for lots, nothing secret. */
static uint32_t
draw(struct upstreams *all)
{
	all->chance ^= all->chance << 13;
	all->chance ^= all->chance >> 17;
	all->chance ^= all->chance << 5;
	return all->chance;
}

enum upstream_verdict
upstream_judge(struct upstreams *all, unsigned server, size_t bytes, uint64_t now)
{
	const struct registry_server *info = roster_server(all->env.roster, server);
	const struct upstream *up = all->by_index[server];
	unsigned share = verdict_share(all->env.verdicts, server, now, all->env.conf->slow_start);

	if (info->admin != REGISTRY_ENABLED)
		return info->admin == REGISTRY_DRAINING ? UPSTREAM_DRAINING : UPSTREAM_DISABLED;
	if (!info->pooled && bytes > all->env.conf->plain_message)
		return UPSTREAM_TOO_SMALL;
	if (share < VERDICT_FULL && share <= draw(all) % VERDICT_FULL)
		return share == 0 ? UPSTREAM_EJECTED : UPSTREAM_RAMPING;
	if (up == NULL)
		return UPSTREAM_USABLE;
	if (now < up->retry_at)
		return UPSTREAM_PAUSING;
	if (up->doubted && up->in_flight > 0)
		return UPSTREAM_DOUBTED;
	return !up->info.pooled || upstream_may_open(up) || upstream_least_loaded(up) != NULL
		       ? UPSTREAM_USABLE
		       : UPSTREAM_FULL;
}

#define VERDICT_TEXT(name, text) text,
static const char *const verdict_text[] = {UPSTREAM_VERDICTS(VERDICT_TEXT)};

const char *
upstream_verdict_text(enum upstream_verdict v)
{
	return verdict_text[v];
}

/* Every connection that it takes is held by somebody, and none of ours has room. */
static bool
all_held(const struct upstream *up, const struct registry_server *info,
	 const struct permits *permits, unsigned server)
{
	if (info->slots >= PERMIT_MAX || permit_held(permits, server) < info->slots)
		return false;
	return up == NULL || !info->pooled || upstream_least_loaded(up) == NULL;
}

void
upstream_look(struct upstreams *all, unsigned server, size_t bytes, uint64_t now,
	      struct upstream_sight *out)
{
	const struct registry_server *info = roster_server(all->env.roster, server);
	const struct upstream *up = all->by_index[server];
	const struct lane *l;
	unsigned lanes = info->pooled ? all->env.conf->server_connections : 1;

	*out = (struct upstream_sight){.verdict = upstream_judge(all, server, bytes, now),
				       .slots = info->slots,
				       .room = lanes * info->pipeline};
	out->busy = all_held(up, info, all->env.permits, server);
	if (up == NULL)
		return;
	LIST_FOREACH(l, &up->lanes, link)
		out->in_flight += l->n;
	out->pause = up->retry_at > now ? up->retry_at - now : 0;
}
