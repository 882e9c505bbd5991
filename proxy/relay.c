/* relay.c - see relay.h. */
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "refusal.h"
#include "relay_state.h"
#include "route.h"

enum {
	TICK_MS = 25, /* while anything is pending: clocks are that precise */
	PARKED_LOOKS = 16
};

/* ---- the relay itself ---- */

struct relay *
relay_new(const struct relay_env *env, const struct relay_ops *ops, void *ctx)
{
	struct relay *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->env = *env;
	r->ops = ops;
	r->ctx = ctx;
	r->roster = env->upstream.roster;
	retry_init(&r->retry, env->upstream.conf->retry_budget, env->upstream.conf->queue_timeout);
	waitlist_init(&r->life, env->upstream.conf->request_timeout);
	r->meter = meter_row(env->upstream.meter, env->upstream.worker);
	r->lines = lines_new(registry_max_policies(env->registry), env->upstream.conf,
			     env->upstream.meter, env->upstream.worker);
	r->chooser = chooser_new(&env->upstream, env->registry);
	r->upstreams = upstreams_new(&env->upstream, &relay_upstream_ops, r);
	r->tick = event_new(env->base, -1, EV_PERSIST, relay_on_tick, r);
	if (r->lines == NULL || r->chooser == NULL || r->upstreams == NULL || r->tick == NULL) {
		relay_free(r);
		return NULL;
	}
	return r;
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	if (r->upstreams != NULL)
		upstreams_abandon(r->upstreams);
	upstreams_free(r->upstreams);
	if (r->tick != NULL)
		event_free(r->tick);
	lines_free(r->lines);
	chooser_free(r->chooser);
	free(r);
}

unsigned
relay_pending(const struct relay *r)
{
	return lines_waiting(r->lines) + r->retry.parked_n + upstreams_in_flight(r->upstreams);
}

unsigned
relay_in_flight(const struct relay *r)
{
	return upstreams_in_flight(r->upstreams);
}

void
relay_keep_ticking(struct relay *r)
{
	struct timeval tv = clock_timeval(TICK_MS);

	if (!event_pending(r->tick, EV_TIMEOUT, NULL) && event_add(r->tick, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the relay's clock", NULL);
}

uint64_t
relay_now(const struct relay *r)
{
	return conn_loop_us(r->env.upstream.loop) / 1000;
}

/* ---- answers of our own ---- */

void
relay_refuse(struct relay *r, struct request *q, enum packet_code code, const char *why,
	     unsigned retry_after)
{
	retry_end(&r->retry, q);
	wait_end(&r->life, &q->life);
	if (q->client == NULL) {
		request_free(q);
		return;
	}
	scoreboard_add(&r->meter->error[code], 1);
	if (request_fail(q, r->env.upstream.conf->id, code, why, retry_after) < 0)
		log_event(LOG_ERROR, "out of memory for an error", "code=%s",
			  packet_code_text(code));
	r->ops->on_answer(q, NULL, span_of(NULL, 0), r->ctx);
}

void
relay_fail(struct relay *r, struct request *q, enum packet_code code, const char *why)
{
	relay_refuse(r, q, code, why, code == PACKET_OVERLOADED ? REFUSAL_RETRY_MS : 0);
}

/* ---- to a server ---- */

static void
refresh(struct relay *r)
{
	if (!roster_refresh(r->roster))
		return;
	upstreams_refresh(r->upstreams);
	chooser_refresh(r->chooser);
}

/* Tries those that chooser_begin() has found usable.  True when the request is on its way. */
static bool
send_to_one(struct relay *r, struct line *line, struct request *q)
{
	int pick;

	while ((pick = chooser_next(r->chooser)) != ROUTE_NOBODY) {
		const struct registry_server *server = roster_server(r->roster, (unsigned)pick);
		const char *why = NULL;
		if (upstream_send(r->upstreams, (unsigned)pick, q, &why) == 0) {
			r->ops->on_forward(q, server, r->ctx);
			return true;
		}
		if (why != NULL)
			(void)snprintf(line->why, sizeof line->why, "server %s: %s", server->id,
				       why);
	}
	return false;
}

/* Gives those who wait in a line away for as long as anybody takes one. */
void
relay_dispatch(struct relay *r, struct line *line)
{
	struct request *q;

	while ((q = queue_first(&line->queue)) != NULL) {
		const struct roster_policy *p = roster_at(r->roster, q->policy);
		uint64_t since = q->waits.since;
		if (strcmp(line->policy, p->name) != 0)
			return; /* another policy has this index now: they wait for their end */
		if (!chooser_begin(r->chooser, r->upstreams, p, q, relay_now(r)))
			return;
		line_take(r->lines, q, true);
		if (!send_to_one(r, line, q)) {
			line_put_first(r->lines, q, since);
			return;
		}
		pace_served(&line->pace);
	}
}

/* Those on a further try go first, as the budget and the servers allow.  So many that find no
 * server are enough for one look: the next one comes soon. */
void
relay_try_parked(struct relay *r)
{
	struct request *q, *next;
	unsigned misses = 0;

	for (q = TAILQ_FIRST(&r->retry.parked); q != NULL && misses < PARKED_LOOKS; q = next) {
		struct line *line = line_at(r->lines, q->policy);
		const struct roster_policy *p = roster_at(r->roster, q->policy);
		next = TAILQ_NEXT(q, link);
		if (!retry_take(&r->retry, q, relay_pending(r)))
			return;
		retry_unpark(&r->retry, q);
		if (strcmp(line->policy, p->name) == 0 &&
		    chooser_begin(r->chooser, r->upstreams, p, q, relay_now(r)) &&
		    send_to_one(r, line, q))
			continue;
		retry_repark(&r->retry, q, next);
		misses++;
	}
}

void
relay_stop_waiting(struct relay *r)
{
	if (lines_waiting(r->lines) == 0 && r->retry.parked_n == 0)
		upstreams_stop_waiting(r->upstreams);
}

static void
dispatch_all(struct relay *r)
{
	struct line *line, *next;

	relay_try_parked(r);
	for (line = lines_first(r->lines); line != NULL; line = next) {
		next = lines_next(line);
		relay_dispatch(r, line);
	}
	relay_stop_waiting(r);
}

void
relay_look(struct relay *r)
{
	refresh(r);
	upstreams_yield(r->upstreams);
	dispatch_all(r);
}

int
relay_explain(struct relay *r, struct span policy, struct span key, struct explain_row *rows)
{
	struct request q = {.hash = route_hash(key)};
	const struct roster_policy *p;
	uint64_t now = clock_ms();
	int pick, chosen = ROUTE_NOBODY;

	refresh(r);
	p = roster_find(r->roster, policy);
	if (p == NULL)
		return -1;
	for (unsigned i = 0; i < p->n; i++) {
		rows[i] = (struct explain_row){.server = p->server[i]};
		upstream_look(r->upstreams, p->server[i], 0, now, &rows[i].sight);
	}
	if (!chooser_foresee(r->chooser, r->upstreams, p, &q, now))
		return (int)p->n;
	/* As when one is sent: who is busy after all is passed over. */
	while (chosen == ROUTE_NOBODY && (pick = chooser_next(r->chooser)) != ROUTE_NOBODY)
		for (unsigned i = 0; i < p->n; i++)
			if (rows[i].server == (unsigned)pick && !rows[i].sight.busy) {
				rows[i].chosen = true;
				chosen = pick;
			}
	return (int)p->n;
}

/* ---- the way in ---- */

static void
let_wait(struct relay *r, struct line *line, struct request *q, uint64_t now)
{
	char text[REFUSAL_WHY];
	const char *why = refusal_to_wait(r->lines, r->env.upstream.conf, line, q, text);

	if (why != NULL) {
		scoreboard_add(&line->meter->refused, 1);
		relay_refuse(r, q, PACKET_OVERLOADED, why, refusal_retry_after(line));
		return;
	}
	line_put(r->lines, q, now);
	relay_dispatch(r, line);
}

void
relay_submit(struct relay *r, struct request *q, const struct packet *packet)
{
	struct span policy = packet_scalar(packet, "privPoliId");
	uint64_t now = relay_now(r);
	const struct roster_policy *p;
	struct line *line;
	char why[LINE_WHY];

	refresh(r);
	p = roster_find(r->roster, policy);
	if (p == NULL) {
		(void)snprintf(why, sizeof why, "no server ever registered for policy %.*s",
			       SPAN_ARG(policy));
		relay_fail(r, q, PACKET_UNKNOWN_POLICY, why);
		return;
	}
	if (refusal_too_large(r->roster, r->env.upstream.conf, p, q->text.n)) {
		(void)snprintf(why, sizeof why, "%zu bytes; the servers of policy %s take %u",
			       q->text.n, p->name, r->env.upstream.conf->plain_message);
		relay_fail(r, q, PACKET_TOO_LARGE, why);
		return;
	}
	q->policy = p->index;
	q->hash = chooser_key(r->chooser, p, packet);
	line = line_of(r->lines, p);
	q->waits.since = now;
	wait_begin(&r->life, &q->life, q, now);
	relay_keep_ticking(r);
	if (!line->busy && chooser_begin(r->chooser, r->upstreams, p, q, now) &&
	    send_to_one(r, line, q))
		return;
	let_wait(r, line, q, now);
}

void
relay_leave_waiting(struct relay *r, struct request *q)
{
	if (q->state == REQUEST_QUEUED)
		line_take(r->lines, q, false);
	else if (q->state == REQUEST_PARKED)
		retry_unpark(&r->retry, q);
}

void
relay_forget(struct relay *r, struct request *q)
{
	wait_end(&r->life, &q->life);
	q->client = NULL;
	if (q->state == REQUEST_IN_FLIGHT)
		return;
	relay_leave_waiting(r, q);
	retry_end(&r->retry, q);
	request_free(q);
}
