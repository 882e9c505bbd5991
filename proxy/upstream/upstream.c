/* upstream.c - see upstream.h. */
#include "upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"
#include "upstream_internal.h"

enum {
	PAUSE_MIN = 50, /* ms, after a server could not be reached */
	PAUSE_MAX = 1000,
	/* Requests, and us, after which a lane is given up when another worker wants it. */
	LANE_TURN = 64,
	LANE_TURN_US = 10000,
	/* ms: a lane that declined is left alone for as long as it says, but so long at most. */
	DECLINES_MAX = 250
};

/* ---- upstreams ---- */

struct upstreams *
upstreams_new(const struct upstream_env *env, const struct upstream_ops *ops, void *ctx)
{
	struct upstreams *all = calloc(1, sizeof *all);

	if (all == NULL)
		return NULL;
	all->env = *env;
	all->ops = ops;
	all->ctx = ctx;
	all->chance = env->worker + 1;
	all->meter = worker_stats_row(env->meter, env->worker);
	LIST_INIT(&all->list);
	all->by_index = calloc(env->conf->max_servers, sizeof(struct upstream *));
	all->changed = calloc(env->conf->max_servers, sizeof *all->changed);
	if (all->by_index != NULL && all->changed != NULL)
		return all;
	upstreams_free(all);
	return NULL;
}

void
upstreams_free(struct upstreams *all)
{
	struct upstream *up;

	if (all == NULL)
		return;
	while ((up = LIST_FIRST(&all->list)) != NULL) {
		LIST_REMOVE(up, link);
		free(up);
	}
	free(all->by_index);
	free(all->changed);
	free(all);
}

static void
look_up(struct upstream *up)
{
	const struct upstream_env *env = &up->all->env;

	up->info = *registry_snapshot_server(env->roster, up->index);
	up->conf = policy_conf_of(env->conf,
				  registry_snapshot_at(env->roster, up->info.policy)->name);
	up->check = reply_check_of((enum reply_check_how)up->conf->verify, up->info.job);
}

/* The upstream of an index in the roster; NULL on ENOMEM. */
static struct upstream *
upstream_of(struct upstreams *all, unsigned index)
{
	struct upstream *up = all->by_index[index];

	if (up != NULL)
		return up;
	up = calloc(1, sizeof *up);
	if (up == NULL)
		return NULL;
	up->all = all;
	up->index = index;
	look_up(up);
	up->pause = (struct backoff){.min = PAUSE_MIN, .max = PAUSE_MAX};
	up->cell = server_stats_cell(all->env.tally, all->env.worker, index);
	LIST_INIT(&up->lanes);
	LIST_INSERT_HEAD(&all->list, up, link);
	all->by_index[index] = up;
	return up;
}

int
upstreams_changed(struct upstreams *all)
{
	unsigned server;

	if (all->changed_n == 0)
		return -1;
	server = all->changed[--all->changed_n];
	all->by_index[server]->changed = false;
	return (int)server;
}

unsigned
upstream_in_flight(const struct upstreams *all, unsigned server)
{
	const struct upstream *up = all->by_index[server];

	return up != NULL ? up->in_flight : 0;
}

unsigned
upstreams_in_flight(const struct upstreams *all)
{
	return all->in_flight;
}

static void
it_answers(struct upstream *up, uint64_t now)
{
	backoff_reset(&up->pause);
	up->retry_at = 0;
	up->doubted = up->late = false;
	up->proved = true;
	counter_set(&up->cell->reached_at, now);
}

/* ---- lanes ---- */

/* It has been this worker's for long enough. */
static bool
has_had_its_turn(const struct upstream_conn *l)
{
	return l->served >= LANE_TURN ||
	       (l->open && conn_loop_us(l->loop) >= l->opened_us + LANE_TURN_US);
}

/* A server that takes few connections, and another worker waits for one. */
static bool
is_wanted(const struct upstream_conn *l)
{
	const struct upstream *up = l->ctx;
	const struct upstream_env *env = &up->all->env;

	return l->permit >= 0 && conn_limit_wanted(env->permits, up->index, env->worker);
}

/* The same, and this worker has more of them. */
static bool
is_owed(const struct upstream_conn *l)
{
	const struct upstream *up = l->ctx;
	const struct upstream_env *env = &up->all->env;

	return l->permit >= 0 && conn_limit_owed(env->permits, up->index, env->worker);
}

/* An idle one to a worker that waits. */
static bool
may_give(const struct upstream_conn *l)
{
	return l->n == 0 ? is_wanted(l) : l->served >= LANE_TURN && is_owed(l);
}

/* One more reply came over the lane, and is told next.  A plain server's lane has lived for its
 * request: another request is not to find it; nor is it to find that of a server which may have a
 * further reply on its way. */
static void
before_reply(struct upstream *up, struct upstream_conn *l)
{
	upstream_count_in_flight(up, -1);
	if (!up->info.pooled || up->unasked)
		upstream_retire(l);
}

/* At its other end is one worker of several: others may take what it does not. */
static void
note_decline(struct upstream_conn *l, unsigned retry_after)
{
	if (retry_after == 0)
		return;
	l->declines++;
	l->declines_until = l->ready_us / 1000 +
			    (retry_after < DECLINES_MAX ? retry_after : DECLINES_MAX);
}

/* It is told: is the lane needed any longer?  One to a server that has become plain meanwhile may
 * have requests in flight. */
static void
after_reply(struct upstream *up, struct upstream_conn *l)
{
	bool wanted = up->info.pooled && is_wanted(l), goes;

	if (wanted && has_had_its_turn(l) && is_owed(l))
		upstream_retire(l);
	goes = l->leaving && l->n == 0;
	if (goes)
		upstream_let_go(l);
	up->all->ops->on_room(up->info.policy, up->all->ctx);
	/* Until its turn is over an own request that waits goes before another worker's. */
	if (wanted && !goes && l->n == 0) {
		upstream_retire(l);
		upstream_let_go(l);
	}
}

static void
lane_replied(struct upstream *up, struct upstream_conn *l, const struct upstream_conn_event *e)
{
	struct upstreams *all = up->all;
	struct request *r = e->request;

	before_reply(up, l);
	l->declines = 0;
	if (e->last)
		upstream_retire(l);
	counter_add(&up->cell->served, 1);
	counters_latency(up->cell->latency, l->ready_us - r->sent_us);
	if (upstream_is_current(l)) {
		upstream_smooth(&up->reply_us, l->ready_us - r->sent_us);
		it_answers(up, l->ready_us / 1000);
	}
	all->ops->on_reply(r, &l->server, e->reply, all->ctx);
	after_reply(up, l);
}

static void
lane_declined(struct upstream *up, struct upstream_conn *l, const struct upstream_conn_event *e,
	      enum upstream_loss loss)
{
	struct upstreams *all = up->all;
	char reason[REPLY_CHECK_REASON], why[REPLY_CHECK_REASON + 32];

	(void)reply_check_reason(e->reply, reason);
	(void)snprintf(why, sizeof why, "it takes nothing now%s%s", reason[0] != '\0' ? ": " : "",
		       reason);
	e->request->retry_after = up->info.pooled ? reply_check_retry_after(e->reply) : 0;
	note_decline(l, e->request->retry_after);
	before_reply(up, l);
	if (loss == UPSTREAM_STOPPING)
		upstream_retire(l);
	all->ops->on_lost(e->request, &l->server, loss, why, all->ctx);
	after_reply(up, l);
}

static void
on_event(struct upstream_conn *l, const struct upstream_conn_event *e, void *arg)
{
	switch (e->what) {
	case UPSTREAM_CONN_OPENED: upstream_opened(arg, l); break;
	case UPSTREAM_CONN_REPLIED: lane_replied(arg, l, e); break;
	case UPSTREAM_CONN_DECLINED: lane_declined(arg, l, e, UPSTREAM_DECLINED); break;
	case UPSTREAM_CONN_STOPPING: lane_declined(arg, l, e, UPSTREAM_STOPPING); break;
	case UPSTREAM_CONN_ENDED: upstream_ended(arg, l, e->end); break;
	}
}

static void
cannot_open(struct upstream *up, int error, const char **why)
{
	*why = upstream_conn_why(error);
	upstream_unreachable(up, failure_of_errno(error, false), *why);
}

/* A lane that holds that permit; NULL with the permit given back. */
static struct upstream_conn *
connect_lane(struct upstream *up, int permit, const char **why)
{
	const struct upstream_env *env = &up->all->env;
	struct upstream_conn *l = upstream_conn_open(env->loop, &up->info, env->conf,
						     up->conf->connect_timeout, &up->check,
						     on_event, up);

	if (l == NULL) {
		cannot_open(up, errno, why);
		conn_limit_give(env->permits, up->index, permit, env->worker);
		return NULL;
	}
	l->permit = permit;
	l->server.index = up->index;
	LIST_INSERT_HEAD(&up->lanes, l, link);
	up->lanes_n++;
	upstream_count_connections(up, 1);
	return l;
}

static struct upstream_conn *
another_lane(struct upstream *up, const char **why)
{
	struct upstreams *all = up->all;
	unsigned slots = conn_limit_slots(all->env.permits, up->info.slots,
					  all->env.conf->server_connections);
	int permit = conn_limit_take(all->env.permits, up->index, slots, all->env.worker);

	if (permit != CONN_LIMIT_NONE) {
		up->probed_since = 0;
		return connect_lane(up, permit, why);
	}
	all->waiting += !up->waiting;
	up->waiting = true;
	return NULL;
}

/* No more may be kept, and one is of no use now: another may reach a worker that takes requests.
 * It is let go by upstreams_yield(), see upstream_send(). */
static void
give_way(struct upstream *up, uint64_t now)
{
	struct upstream_conn *l = upstream_replaceable(up, now);

	if (l == NULL)
		return;
	up->replaced_at = now;
	upstream_retire(l);
}

/* One that leaves in this turn anyway, an idle one, then a new one as long as more may be kept,
 * then the one with the least in flight; one that has declined a moment ago is the last, and
 * nothing for a request that goes to the willing only.
 */
static struct upstream_conn *
lane_for(struct upstream *up, const struct request *r, const char **why)
{
	uint64_t now = conn_loop_us(up->all->env.loop) / 1000;
	struct upstream_conn *best, *fresh;
	bool willing;

	if (!up->info.pooled) {
		best = upstream_least_loaded(up);
		return best != NULL ? best : another_lane(up, why);
	}
	best = upstream_under_way(up);
	if (best != NULL)
		return best;
	best = upstream_least_loaded(up);
	willing = best != NULL && upstream_is_willing(best);
	if (willing && best->n == 0)
		return best;
	if (r->willing_only && !willing)
		give_way(up, now);
	fresh = upstream_may_open(up) ? another_lane(up, why) : NULL;
	return fresh != NULL ? fresh : willing || !r->willing_only ? best : NULL;
}

/* ---- sending ---- */

int
upstream_send(struct upstreams *all, unsigned server, struct request *r, const char **why)
{
	struct upstream *up = upstream_of(all, server);
	struct upstream_conn *l = up == NULL ? NULL : lane_for(up, r, why);

	if (l == NULL)
		return -1;
	if (upstream_conn_send(l, r, up->info.pooled) < 0) {
		/* Let go by upstreams_yield(): the caller may stand in a callback of this very
		 * lane, or of one before it in a list that is gone through. */
		if (l->n == 0)
			upstream_retire(l);
		return -1;
	}
	upstream_count_in_flight(up, 1);
	return 0;
}

void
upstreams_stop_waiting(struct upstreams *all)
{
	struct upstream *up;

	if (all->waiting == 0)
		return;
	LIST_FOREACH(up, &all->list, link) {
		if (up->waiting)
			conn_limit_forget(all->env.permits, up->index, all->env.worker);
		up->waiting = false;
	}
	all->waiting = 0;
}

/* ---- time and change ---- */

void
upstreams_yield(struct upstreams *all)
{
	struct upstream *up;
	struct upstream_conn *l, *next;

	LIST_FOREACH(up, &all->list, link)
		for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
			next = LIST_NEXT(l, link);
			if (!l->leaving && may_give(l))
				upstream_retire(l);
			if (l->leaving && l->n == 0)
				upstream_let_go(l);
		}
}

static void
retire_lanes(struct upstream *up)
{
	struct upstream_conn *l, *next;

	for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		upstream_retire(l);
		if (l->n == 0)
			upstream_let_go(l);
	}
}

static void
refresh_one(struct upstream *up)
{
	const struct registry_server *now = registry_snapshot_server(up->all->env.roster,
								     up->index);

	if (now->used && now->incarnation == up->info.incarnation) {
		if (now->admin == REGISTRY_DISABLED)
			retire_lanes(up);
		return;
	}
	retire_lanes(up);
	look_up(up);
	up->retry_at = up->told_at = up->hinted_at = 0;
	up->connect_us = up->reply_us = 0;
	up->doubted = up->unasked = up->late = up->proved = false;
	backoff_reset(&up->pause);
}

void
upstreams_refresh(struct upstreams *all)
{
	struct upstream *up;

	LIST_FOREACH(up, &all->list, link)
		refresh_one(up);
}

void
upstreams_abandon(struct upstreams *all)
{
	struct upstream *up;
	struct upstream_conn *l;
	struct request *r;

	LIST_FOREACH(up, &all->list, link)
		while ((l = LIST_FIRST(&up->lanes)) != NULL) {
			upstream_count_in_flight(up, -(int)l->n);
			while ((r = upstream_conn_take_last(l)) != NULL)
				if (r->client == NULL)
					request_free(r);
			upstream_let_go(l);
		}
}
