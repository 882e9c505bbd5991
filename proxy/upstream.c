/* upstream.c - see upstream.h. */
#include "upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"

enum {
	PAUSE_MIN = 50, /* ms, after a server could not be reached */
	PAUSE_MAX = 1000,
	BATCH_BYTES = 8192, /* of small requests that leave together on one lane */
	LANE_TURN = 64 /* requests after which a lane is given up when another worker wants it */
};

struct lane {
	struct upstream *up;
	struct conn *conn;
	int permit;
	bool open;	    /* connected */
	uint64_t opened_us; /* clock_us() */
	bool leaving;	    /* takes no more requests; closed once its flight is empty */
	unsigned n;
	unsigned served;
	struct request_list flight;
	LIST_ENTRY(lane) link; /* in up->lanes */
};

struct upstream {
	struct upstreams *all;
	unsigned index;
	struct registry_server info; /* of the incarnation that new lanes go to */
	LIST_HEAD(lane_list, lane) lanes;
	unsigned lanes_n; /* that take requests */
	struct backoff pause;
	uint64_t retry_at; /* clock_ms(): not tried before */
	bool down;
	bool waiting; /* for a permit */
	struct tally_cell *cell;
	LIST_ENTRY(upstream) link; /* in all->list */
};

struct upstreams {
	struct upstream_env env;
	const struct upstream_ops *ops;
	void *ctx;
	struct upstream **by_index; /* NULL until first used */
	LIST_HEAD(upstream_list, upstream) list;
	struct meter_row *meter;
	unsigned in_flight, waiting;
};

static const struct conn_ops lane_ops;

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
	up->info = *roster_server(all->env.roster, index);
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

static void
set_down(struct upstream *up, const char *why)
{
	uint64_t now = clock_ms();
	char text[ADDR_TEXT];

	up->retry_at = now + backoff_next(&up->pause, backoff_random());
	tally_set(&up->cell->failed_at, now);
	if (up->down)
		return;
	up->down = true;
	log_event(LOG_WARN, "server down", "id=%s addr=%s why=%s", log_quoted(up->info.id),
		  addr_text(&up->info.addr, text), log_quoted(why));
}

static void
set_up(struct upstream *up, uint64_t now)
{
	char text[ADDR_TEXT];

	backoff_reset(&up->pause);
	up->retry_at = 0;
	tally_set(&up->cell->reached_at, now);
	if (!up->down)
		return;
	up->down = false;
	log_event(LOG_INFO, "server up", "id=%s addr=%s", log_quoted(up->info.id),
		  addr_text(&up->info.addr, text));
}

/* ---- lanes ---- */

static void
lane_retire(struct lane *l)
{
	if (l->leaving)
		return;
	l->leaving = true;
	l->up->lanes_n--;
}

/* A server that takes few connections, and another worker waits for one: it is time. */
static bool
lane_is_wanted(const struct lane *l)
{
	const struct upstream_env *env = &l->up->all->env;

	return l->permit >= 0 && (l->n == 0 || l->served >= LANE_TURN) &&
	       permit_wanted(env->permits, l->up->index, env->worker);
}

/* Closes and frees; its flight is empty. */
static void
lane_free(struct lane *l)
{
	struct upstream *up = l->up;

	lane_retire(l);
	conn_close(l->conn);
	LIST_REMOVE(l, link);
	permit_give(up->all->env.permits, up->index, l->permit, up->all->env.worker);
	tally_add(&up->cell->connections, -1);
	free(l);
}

static void
take_from_flight(struct lane *l, struct request *r)
{
	TAILQ_REMOVE(&l->flight, r, link);
	l->n--;
	l->up->all->in_flight--;
	tally_add(&l->up->cell->in_flight, -1);
}

/* The lane failed.  The first in its flight gets the loss itself; for the others, the connection
 * broke. From the last to the first, so that who puts them back at the head of a queue keeps their
 * order. */
static void
lane_lose(struct lane *l, enum upstream_loss loss, const char *why)
{
	struct upstream *up = l->up;
	struct upstreams *all = up->all;
	struct request_list lost = TAILQ_HEAD_INITIALIZER(lost);
	struct request *r;

	while ((r = TAILQ_FIRST(&l->flight)) != NULL) {
		take_from_flight(l, r);
		TAILQ_INSERT_TAIL(&lost, r, link);
	}
	lane_free(l);
	while ((r = TAILQ_LAST(&lost, request_list)) != NULL) {
		bool first = r == TAILQ_FIRST(&lost);
		TAILQ_REMOVE(&lost, r, link);
		tally_add(&up->cell->failed, loss != UPSTREAM_ENDED);
		all->ops->on_lost(r, up->index,
				  first || loss != UPSTREAM_TIMEOUT ? loss : UPSTREAM_BROKEN, why,
				  all->ctx);
	}
	all->ops->on_room(up->info.policy, all->ctx);
}

static struct lane *
lane_open(struct upstream *up, const char **why)
{
	struct upstreams *all = up->all;
	struct lane *l;
	int permit = permit_take(all->env.permits, up->index, up->info.slots, all->env.worker);

	if (permit == PERMIT_NONE) {
		all->waiting += !up->waiting;
		up->waiting = true;
		return NULL;
	}
	l = calloc(1, sizeof *l);
	if (l != NULL)
		l->conn = conn_connect(all->env.loop, &up->info.addr,
				       all->env.conf->connect_timeout, &lane_ops, l);
	if (l == NULL || l->conn == NULL) {
		*why = strerror(errno);
		set_down(up, *why);
		free(l);
		permit_give(all->env.permits, up->index, permit, all->env.worker);
		return NULL;
	}
	l->up = up;
	l->permit = permit;
	TAILQ_INIT(&l->flight);
	LIST_INSERT_HEAD(&up->lanes, l, link);
	up->lanes_n++;
	tally_add(&up->cell->connections, 1);
	return l;
}

static struct lane *
least_loaded(const struct upstream *up)
{
	struct lane *l, *best = NULL;

	LIST_FOREACH(l, &up->lanes, link)
		if (!l->leaving && l->n < up->info.pipeline && (best == NULL || l->n < best->n))
			best = l;
	return best;
}

/* A lane that is written to in this turn already and has not much to write: one more leaves in the
 * same system call, and is read and answered in one at the other end. */
static struct lane *
under_way(const struct upstream *up)
{
	struct lane *l;

	LIST_FOREACH(l, &up->lanes, link) {
		size_t queued = l->open && !l->leaving ? conn_queued(l->conn) : 0;
		if (queued > 0 && queued < BATCH_BYTES && l->n < up->info.pipeline)
			return l;
	}
	return NULL;
}

static bool
may_open(const struct upstream *up)
{
	return up->lanes_n < up->all->env.conf->server_connections;
}

/* One that leaves in this turn anyway, an idle one, then a new one as long as more may be kept,
 * then the one with the least in flight.
 */
static struct lane *
lane_for(struct upstream *up, const char **why)
{
	struct lane *best, *fresh;

	if (!up->info.pooled)
		return lane_open(up, why);
	best = under_way(up);
	if (best != NULL)
		return best;
	best = least_loaded(up);
	if ((best != NULL && best->n == 0) || !may_open(up))
		return best;
	fresh = lane_open(up, why);
	return fresh != NULL ? fresh : best;
}

/* ---- a reply ---- */

/* NULL if text answers the request, otherwise what is wrong with it. */
static const char *
judge_reply(struct request *r, struct span text)
{
	struct packet p;
	struct packet_fault fault;

	if (packet_parse(&p, text, &fault) < 0)
		return "the reply is no packet";
	if (p.type != PACKET_REPLY && p.type != PACKET_ERROR)
		return "the reply has another type than 2";
	if (!span_eq(packet_scalar(&p, "destid"), r->srcid))
		return "the reply is for another client";
	r->refused = p.type == PACKET_ERROR;
	return NULL;
}

static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct lane *l = arg;
	struct upstream *up = l->up;
	struct upstreams *all = up->all;
	struct request *r = TAILQ_FIRST(&l->flight);
	const char *wrong = r == NULL ? "a reply that nobody asked for" : judge_reply(r, text);

	(void)c;
	if (wrong != NULL) {
		log_event(LOG_WARN, "server answered wrongly", "id=%s why=%s",
			  log_quoted(up->info.id), log_quoted(wrong));
		lane_lose(l, UPSTREAM_BROKEN, wrong);
		return;
	}
	take_from_flight(l, r);
	tally_add(&up->cell->served, 1);
	uint64_t now_us = conn_loop_us(all->env.loop);
	tally_latency(up->cell, now_us - r->sent_us);
	set_up(up, now_us / 1000);
	l->served++;
	r->connected_us = l->opened_us;
	all->ops->on_reply(r, up->index, text, all->ctx);
	if (up->info.pooled && lane_is_wanted(l))
		lane_retire(l);
	if (!up->info.pooled || (l->leaving && l->n == 0))
		lane_free(l);
	all->ops->on_room(up->info.policy, all->ctx);
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	(void)c;
	lane_lose(arg, UPSTREAM_BROKEN,
		  error == EMSGSIZE ? "the reply is larger than max_message"
				    : "the reply is no JSON");
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	const struct lane *l = arg;
	bool orderly = !cut && l->up->info.pooled && l->served > 0;

	(void)c;
	lane_lose(arg, orderly ? UPSTREAM_ENDED : UPSTREAM_BROKEN,
		  cut ? "the reply was cut" : "the server closed the connection");
}

static void
on_close(struct conn *c, int error, void *arg)
{
	struct lane *l = arg;
	bool late = !l->open && error == ETIMEDOUT;
	const char *why = late ? "connecting took longer than connect_timeout" : strerror(error);

	(void)c;
	l->conn = NULL;
	if (late)
		scoreboard_add(&l->up->all->meter->timeout[METER_connect], 1);
	if (!l->open) {
		if (!l->leaving)
			set_down(l->up, why);
		lane_lose(l, UPSTREAM_UNREACHED, why);
	} else {
		lane_lose(l, UPSTREAM_BROKEN, why);
	}
}

static void
on_open(struct conn *c, void *arg)
{
	struct lane *l = arg;

	(void)c;
	l->open = true;
	l->opened_us = clock_us();
}

static const struct conn_ops lane_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
};

/* ---- sending ---- */

enum upstream_verdict
upstream_judge(struct upstreams *all, unsigned server, size_t bytes, uint64_t now)
{
	const struct registry_server *info = roster_server(all->env.roster, server);
	const struct upstream *up = all->by_index[server];

	if (info->admin != REGISTRY_ENABLED)
		return info->admin == REGISTRY_DRAINING ? UPSTREAM_DRAINING : UPSTREAM_DISABLED;
	if (!info->pooled && bytes > all->env.conf->plain_message)
		return UPSTREAM_TOO_SMALL;
	if (up == NULL)
		return UPSTREAM_USABLE;
	if (now < up->retry_at)
		return UPSTREAM_PAUSING;
	return !up->info.pooled || may_open(up) || least_loaded(up) != NULL ? UPSTREAM_USABLE
									    : UPSTREAM_FULL;
}

#define VERDICT_TEXT(name, text) text,
static const char *const verdict_text[] = {UPSTREAM_VERDICTS(VERDICT_TEXT)};

const char *
upstream_verdict_text(enum upstream_verdict v)
{
	return verdict_text[v];
}

int
upstream_send(struct upstreams *all, unsigned server, struct request *r, const char **why)
{
	struct upstream *up = upstream_of(all, server);
	struct lane *l = up == NULL ? NULL : lane_for(up, why);
	struct buf *out;

	if (l == NULL)
		return -1;
	out = conn_output(l->conn);
	/* One write: what is appended in this turn of the loop leaves together at its end. */
	if (out == NULL || buf_reserve(out, r->text.n + 1) == NULL) {
		if (l->n == 0)
			lane_free(l);
		return -1;
	}
	if (buf_append_span(out, r->text) < 0 || (up->info.pooled && buf_append(out, "\n", 1) < 0))
		abort(); /* the room was reserved */
	conn_flush_later(l->conn);
	TAILQ_INSERT_TAIL(&l->flight, r, link);
	r->state = REQUEST_IN_FLIGHT;
	r->sent_us = conn_loop_us(all->env.loop);
	r->sends++;
	l->n++;
	all->in_flight++;
	tally_add(&up->cell->in_flight, 1);
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
	uint64_t limit = all->env.conf->reply_timeout * 1000, now_us = now * 1000;
	struct upstream *up;
	struct lane *l, *next;

	LIST_FOREACH(up, &all->list, link)
		for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
			const struct request *r = TAILQ_FIRST(&l->flight);
			next = LIST_NEXT(l, link);
			if (r != NULL && now_us > r->sent_us && now_us - r->sent_us > limit)
				lane_lose(l, UPSTREAM_TIMEOUT, "no reply within reply_timeout");
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
			if (!l->leaving && lane_is_wanted(l))
				lane_retire(l);
			if (l->leaving && l->n == 0)
				lane_free(l);
		}
}

static void
retire_lanes(struct upstream *up)
{
	struct lane *l, *next;

	for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		lane_retire(l);
		if (l->n == 0)
			lane_free(l);
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
	up->info = *now;
	up->retry_at = 0;
	up->down = false;
	tally_set(&up->cell->failed_at, 0);
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
			while ((r = TAILQ_FIRST(&l->flight)) != NULL) {
				take_from_flight(l, r);
				if (r->client == NULL)
					request_free(r);
			}
			lane_free(l);
		}
}
