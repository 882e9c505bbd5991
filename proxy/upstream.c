/* upstream.c - see upstream.h. */
#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "bypolicy.h"
#include "clock.h"
#include "log.h"
#include "upstream_inside.h"

enum {
	PAUSE_MIN = 50, /* ms, after a server could not be reached */
	PAUSE_MAX = 1000,
	LANE_TURN = 64, /* requests after which a lane is given up when another worker wants it */
	TELL_EVERY = HEALTH_BURST / 2 /* ms; what is closer together is one incident anyway */
};

static const struct lane_ops lane_ops;

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
	all->meter = meter_row(env->meter, env->worker);
	LIST_INIT(&all->list);
	all->by_index = calloc(env->conf->max_servers, sizeof(struct upstream *));
	if (all->by_index == NULL) {
		free(all);
		return NULL;
	}
	return all;
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
	free(all);
}

static void
look_up(struct upstream *up)
{
	const struct upstream_env *env = &up->all->env;

	up->info = *roster_server(env->roster, up->index);
	up->verify = (enum verify_how)bypolicy_word(&env->conf->verify,
						    roster_at(env->roster, up->info.policy)->name,
						    verify_words, VERIFY_SHAPE);
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
	up->cell = tally_cell(all->env.tally, all->env.worker, index);
	LIST_INIT(&up->lanes);
	LIST_INSERT_HEAD(&all->list, up, link);
	all->by_index[index] = up;
	return up;
}

unsigned
upstreams_in_flight(const struct upstreams *all)
{
	return all->in_flight;
}

/* ---- what is known of a server's health ---- */

/* The worker's own reaction, at once; the master's comes when it has heard of it. */
static void
pause_after(struct upstream *up)
{
	up->retry_at = clock_ms() + backoff_next(&up->pause, backoff_random());
}

static void
tell_incident(struct upstream *up, enum incident_cause cause, const char *why)
{
	struct upstreams *all = up->all;
	uint64_t now = clock_ms();

	/* Certificates want an operator, who can't see why from the cause alone. */
	log_event(cause == CAUSE_TLS ? LOG_WARN : LOG_VERBOSE, "server failed", "id=%s why=%s",
		  log_quoted(up->info.id), log_quoted(why));
	if (incident_kind(cause) != INCIDENT_LIE && up->told_at != 0 &&
	    now < up->told_at + TELL_EVERY)
		return;
	up->told_at = now;
	all->ops->on_incident(up->index, up->info.incarnation, cause, all->ctx);
}

static void
it_answers(struct upstream *up, uint64_t now)
{
	backoff_reset(&up->pause);
	up->retry_at = 0;
	up->doubted = false;
	tally_set(&up->cell->reached_at, now);
}

/* ---- lanes ---- */

static void
retire(struct lane *l)
{
	struct upstream *up = l->ctx;

	if (l->leaving)
		return;
	l->leaving = true;
	up->lanes_n--;
}

/* A server that takes few connections, and another worker waits for one: it is time. */
static bool
is_wanted(const struct lane *l)
{
	const struct upstream *up = l->ctx;
	const struct upstream_env *env = &up->all->env;

	return l->permit >= 0 && (l->n == 0 || l->served >= LANE_TURN) &&
	       permit_wanted(env->permits, up->index, env->worker);
}

/* Its flight is empty. */
static void
let_go(struct lane *l)
{
	struct upstream *up = l->ctx;
	int permit = l->permit;

	retire(l);
	LIST_REMOVE(l, link);
	lane_free(l);
	permit_give(up->all->env.permits, up->index, permit, up->all->env.worker);
	tally_add(&up->cell->connections, -1);
}

static void
count_in_flight(struct upstream *up, int n)
{
	up->in_flight += (unsigned)n;
	up->all->in_flight += (unsigned)n;
	tally_add(&up->cell->in_flight, n);
}

static enum upstream_loss
loss_of(const struct lane_end *end, bool first)
{
	if (!end->connected)
		return UPSTREAM_UNREACHED;
	if (end->orderly)
		return UPSTREAM_ENDED;
	return first && end->cause == CAUSE_TIMEOUT ? UPSTREAM_TIMEOUT : UPSTREAM_BROKEN;
}

/* Tells of the requests that a lane had in flight, the first of which met the end itself. */
static void
tell_lost(struct upstream *up, struct request_list *lost, const struct lane_end *end)
{
	struct upstreams *all = up->all;
	struct request *r;

	while ((r = TAILQ_LAST(lost, request_list)) != NULL) {
		enum upstream_loss loss = loss_of(end, r == TAILQ_FIRST(lost));
		TAILQ_REMOVE(lost, r, link);
		tally_add(&up->cell->failed, loss != UPSTREAM_ENDED);
		all->ops->on_lost(r, up->index, loss, end->why, all->ctx);
	}
}

/* What the lane's end says of its server.  One that closes a connection on which nothing is in
 * flight may have had enough of it. */
static void
judge_end(struct upstream *up, const struct lane *l, const struct lane_end *end)
{
	bool idle = l->n == 0 && (end->cause == CAUSE_CLOSED || end->cause == CAUSE_RESET);

	if (l->incarnation != up->info.incarnation || end->orderly || (idle && end->connected))
		return;
	if (!end->connected)
		pause_after(up);
	else
		up->doubted = true;
	tell_incident(up, end->cause, end->why);
}

/* From the last to the first, so that who puts them back at the head of a queue keeps their order.
 */
static void
lane_ended(struct lane *l, const struct lane_end *end, void *arg)
{
	struct upstream *up = arg;
	struct request_list lost = TAILQ_HEAD_INITIALIZER(lost);
	struct request *r;

	judge_end(up, l, end);
	scoreboard_add(&up->all->meter->timeout[METER_connect],
		       end->cause == CAUSE_CONNECT_TIMEOUT);
	count_in_flight(up, -(int)l->n);
	while ((r = lane_take_last(l)) != NULL)
		TAILQ_INSERT_HEAD(&lost, r, link);
	let_go(l);
	tell_lost(up, &lost, end);
	up->all->ops->on_room(up->info.policy, up->all->ctx);
}

/* One more reply came over the lane: is it needed any longer? */
static void
after_reply(struct upstream *up, struct lane *l)
{
	if (up->info.pooled && is_wanted(l))
		retire(l);
	if (!up->info.pooled || (l->leaving && l->n == 0))
		let_go(l);
	up->all->ops->on_room(up->info.policy, up->all->ctx);
}

static void
lane_replied(struct lane *l, struct request *r, struct span reply, void *arg)
{
	struct upstream *up = arg;
	struct upstreams *all = up->all;

	count_in_flight(up, -1);
	tally_add(&up->cell->served, 1);
	tally_latency(up->cell, l->ready_us - r->sent_us);
	it_answers(up, l->ready_us / 1000);
	all->ops->on_reply(r, up->index, reply, all->ctx);
	after_reply(up, l);
}

static void
lane_declined(struct lane *l, struct request *r, void *arg)
{
	struct upstream *up = arg;
	struct upstreams *all = up->all;

	count_in_flight(up, -1);
	all->ops->on_lost(r, up->index, UPSTREAM_DECLINED, "it takes nothing now", all->ctx);
	after_reply(up, l);
}

static const struct lane_ops lane_ops = {
	.on_reply = lane_replied, .on_declined = lane_declined, .on_end = lane_ended};

/* A lane that holds that permit; NULL with the permit given back. */
static struct lane *
connect_lane(struct upstream *up, int permit, const char **why)
{
	const struct upstream_env *env = &up->all->env;
	struct lane *l = lane_open(env->loop, &up->info, env->conf, env->conf->connect_timeout,
				   up->verify, &lane_ops, up);

	if (l == NULL) {
		*why = lane_why(errno);
		pause_after(up);
		tell_incident(up, incident_of_errno(errno, false), *why);
		permit_give(env->permits, up->index, permit, env->worker);
		return NULL;
	}
	l->permit = permit;
	l->incarnation = up->info.incarnation;
	LIST_INSERT_HEAD(&up->lanes, l, link);
	up->lanes_n++;
	tally_add(&up->cell->connections, 1);
	return l;
}

static struct lane *
another_lane(struct upstream *up, const char **why)
{
	struct upstreams *all = up->all;
	unsigned slots = permit_slots(all->env.permits, up->info.slots,
				      all->env.conf->server_connections);
	int permit = permit_take(all->env.permits, up->index, slots, all->env.worker);

	if (permit != PERMIT_NONE)
		return connect_lane(up, permit, why);
	all->waiting += !up->waiting;
	up->waiting = true;
	return NULL;
}

/* One that leaves in this turn anyway, an idle one, then a new one as long as more may be kept,
 * then the one with the least in flight.
 */
static struct lane *
lane_for(struct upstream *up, const char **why)
{
	struct lane *best, *fresh;

	if (!up->info.pooled)
		return another_lane(up, why);
	best = upstream_under_way(up);
	if (best != NULL)
		return best;
	best = upstream_least_loaded(up);
	if ((best != NULL && best->n == 0) || !upstream_may_open(up))
		return best;
	fresh = another_lane(up, why);
	return fresh != NULL ? fresh : best;
}

/* ---- sending ---- */

int
upstream_send(struct upstreams *all, unsigned server, struct request *r, const char **why)
{
	struct upstream *up = upstream_of(all, server);
	struct lane *l = up == NULL ? NULL : lane_for(up, why);

	if (l == NULL)
		return -1;
	if (lane_send(l, r, up->info.pooled) < 0) {
		if (l->n == 0)
			let_go(l);
		return -1;
	}
	count_in_flight(up, 1);
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
			permit_forget(all->env.permits, up->index, all->env.worker);
		up->waiting = false;
	}
	all->waiting = 0;
}

/* ---- time and change ---- */

void
upstreams_tick(struct upstreams *all, uint64_t now)
{
	uint64_t limit = all->env.conf->reply_timeout * 1000;
	struct lane_end end = {.cause = CAUSE_TIMEOUT, .connected = true};
	struct upstream *up;
	struct lane *l, *next;

	end.why = incident_text(CAUSE_TIMEOUT);
	LIST_FOREACH(up, &all->list, link)
		for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
			next = LIST_NEXT(l, link);
			if (l->open && lane_owes(l, now * 1000) > limit)
				lane_ended(l, &end, up);
		}
}

void
upstreams_yield(struct upstreams *all)
{
	struct upstream *up;
	struct lane *l, *next;

	LIST_FOREACH(up, &all->list, link)
		for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
			next = LIST_NEXT(l, link);
			if (!l->leaving && is_wanted(l))
				retire(l);
			if (l->leaving && l->n == 0)
				let_go(l);
		}
}

static void
retire_lanes(struct upstream *up)
{
	struct lane *l, *next;

	for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		retire(l);
		if (l->n == 0)
			let_go(l);
	}
}

static void
refresh_one(struct upstream *up)
{
	const struct registry_server *now = roster_server(up->all->env.roster, up->index);

	if (now->used && now->incarnation == up->info.incarnation) {
		if (now->admin == REGISTRY_DISABLED)
			retire_lanes(up);
		return;
	}
	retire_lanes(up);
	look_up(up);
	up->retry_at = up->told_at = 0;
	up->doubted = false;
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
	struct lane *l;
	struct request *r;

	LIST_FOREACH(up, &all->list, link)
		while ((l = LIST_FIRST(&up->lanes)) != NULL) {
			count_in_flight(up, -(int)l->n);
			while ((r = lane_take_last(l)) != NULL)
				if (r->client == NULL)
					request_free(r);
			let_go(l);
		}
}
