/* dispatch.c - see dispatch.h. */
#include "dispatch.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "dispatch_internal.h"
#include "lb_algo.h"
#include "log.h"
#include "overload.h"

enum {
	PARKED_LOOKS = 16,
	HELD_LOOKS = 4,	 /* the same, of those of one policy that servers have declined */
	ENDINGS_MAX = 16 /* of connections under one request, until they count as tries */
};

#define UNKNOWN "; it is not known whether it ran"

/* ---- to a server ---- */

static void
refresh(struct dispatch *r)
{
	if (!registry_snapshot_refresh(r->roster))
		return;
	upstreams_refresh(r->upstreams);
	lb_select_refresh(r->chooser);
	for (unsigned i = 0; i < registry_snapshot_policy_end(r->roster); i++)
		line_check(r->lines, registry_snapshot_at(r->roster, i));
}

/* Tries those that lb_select_begin() has found usable.  True when the request is on its way.
 * Neither a server on trial nor a probe of the master's takes a turn from it: that is waited for.
 */
static bool
send_to_one(struct dispatch *r, struct line *line, struct request *q)
{
	int pick;

	while ((pick = lb_select_next(r->chooser)) != LB_NOBODY) {
		const struct registry_server *server = registry_snapshot_server(r->roster,
										(unsigned)pick);
		const char *why = NULL;
		if (lb_select_must_wait(r->chooser)) {
			lb_select_keep_turn(r->chooser, q);
			return false;
		}
		if (upstream_send(r->upstreams, (unsigned)pick, q, &why) == 0) {
			q->turn_kept = false;
			if (log_narrates())
				log_narrate("Forwarding to server id %s for client id %.*s",
					    server->id, SPAN_ARG(q->srcid));
			return true;
		}
		if (why != NULL)
			(void)snprintf(line->why, sizeof line->why, "server %s: %s", server->id,
				       why);
		else if (upstream_is_probed(r->upstreams, (unsigned)pick, dispatch_now(r))) {
			lb_select_keep_turn(r->chooser, q);
			return false;
		}
	}
	q->turn_kept = false;
	return false;
}

/* Sends the requests of a line for as long as a server takes one. */
static void
give_away(struct dispatch *r, struct line *line)
{
	struct request *q;

	while ((q = fair_queue_first(&line->queue)) != NULL) {
		const struct registry_snapshot_policy *p = registry_snapshot_at(r->roster,
										q->policy);
		uint64_t since = q->waits.since;
		if (line->replaced)
			return; /* they wait for their end */
		if (!lb_select_begin(r->chooser, r->upstreams, p, q, dispatch_now(r)))
			return;
		line_take(r->lines, q, true);
		if (!send_to_one(r, line, q)) {
			line_put_first(r->lines, q, since);
			return;
		}
		service_rate_served(&line->pace);
	}
}

/* Those on a further try go first, as the budget and the servers allow.  So many that find no
 * server are enough for one look: the next one comes soon. */
static void
try_parked(struct dispatch *r)
{
	struct request *q, *next;
	unsigned misses = 0;

	for (q = TAILQ_FIRST(&r->retry.parked); q != NULL && misses < PARKED_LOOKS; q = next) {
		struct line *line = line_at(r->lines, q->policy);
		const struct registry_snapshot_policy *p = registry_snapshot_at(r->roster,
										q->policy);
		next = TAILQ_NEXT(q, link);
		if (!retry_budget_take(&r->retry, q, dispatch_pending(r)))
			return;
		retry_budget_unpark(&r->retry, q);
		if (!line->replaced &&
		    lb_select_begin(r->chooser, r->upstreams, p, q, dispatch_now(r)) &&
		    send_to_one(r, line, q))
			continue;
		retry_budget_repark(&r->retry, q, next);
		misses++;
	}
}

/* Over a connection that has declined nothing a moment ago.  Its turn is kept. */
static bool
try_willing(struct dispatch *r, struct line *line, struct request *q)
{
	const struct registry_snapshot_policy *p = registry_snapshot_at(r->roster, q->policy);
	struct request *next = TAILQ_NEXT(q, link);
	uint64_t since = q->waits.since;
	bool sent;

	q->willing_only = true;
	sent = (q->failed_n == 0 || retry_budget_take(&r->retry, q, dispatch_pending(r))) &&
	       lb_select_begin(r->chooser, r->upstreams, p, q, dispatch_now(r));
	if (sent) {
		line_unhold(r->lines, q);
		sent = send_to_one(r, line, q);
		if (!sent) {
			lb_select_keep_turn(r->chooser, q);
			line_hold(r->lines, q, since, next);
		}
	}
	q->willing_only = false;
	if (!sent)
		retry_budget_end(&r->retry, q);
	return sent;
}

/* What servers have declined goes before its time where there is room. */
static void
try_held(struct dispatch *r, struct line *line)
{
	struct request *q, *next;
	unsigned misses = 0;

	for (q = TAILQ_FIRST(&line->held[true]);
	     q != NULL && misses < HELD_LOOKS && !line->replaced; q = next) {
		next = TAILQ_NEXT(q, link);
		misses += !try_willing(r, line, q);
	}
}

static void
stop_waiting(struct dispatch *r)
{
	if (wait_queues_waiting(r->lines) == 0 && wait_queues_eager(r->lines) == 0 &&
	    r->retry.parked_n == 0)
		upstreams_stop_waiting(r->upstreams);
}

static void
dispatch_all(struct dispatch *r)
{
	struct line *line, *next;

	try_parked(r);
	dispatch_release(r, dispatch_now(r));
	for (line = wait_queues_first_held(r->lines); line != NULL; line = next) {
		next = wait_queues_next_held(line);
		try_held(r, line);
	}
	for (line = wait_queues_first(r->lines); line != NULL; line = next) {
		next = wait_queues_next(line);
		give_away(r, line);
	}
	stop_waiting(r);
}

void
dispatch_tick(struct dispatch *r)
{
	refresh(r);
	upstreams_yield(r->upstreams);
	dispatch_all(r);
}

int
dispatch_explain(struct dispatch *r, struct span policy, struct span key, struct explain_row *rows)
{
	struct request q = {.hash = lb_hash(key)};
	const struct registry_snapshot_policy *p;
	uint64_t now = clock_ms();
	int pick, chosen = LB_NOBODY;
	bool usable;

	refresh(r);
	p = registry_snapshot_find(r->roster, policy);
	if (p == NULL)
		return -1;
	for (unsigned i = 0; i < p->n; i++) {
		rows[i] = (struct explain_row){.server = p->server[i]};
		upstream_snapshot(r->upstreams, p->server[i], 0, now, &rows[i].sight);
	}
	usable = lb_select_foresee(r->chooser, r->upstreams, p, &q, now);
	for (unsigned i = 0; i < p->n; i++)
		if (rows[i].sight.verdict == UPSTREAM_USABLE &&
		    lb_select_is_held(r->chooser, p->server[i]))
			rows[i].sight.verdict = UPSTREAM_STANDBY;
	if (!usable)
		return (int)p->n;
	/* As when one is sent: a server that is busy after all is passed over. */
	while (chosen == LB_NOBODY && (pick = lb_select_next(r->chooser)) != LB_NOBODY)
		for (unsigned i = 0; i < p->n; i++)
			if (rows[i].server == (unsigned)pick && !rows[i].sight.busy) {
				rows[i].chosen = true;
				chosen = pick;
			}
	return (int)p->n;
}

/* ---- the way in ---- */

void
dispatch_submit(struct dispatch *r, struct request *q, const struct packet *packet)
{
	struct span policy = packet->policy;
	uint64_t now = dispatch_now(r);
	const struct registry_snapshot_policy *p;
	struct line *line;
	char why[LINE_WHY];

	refresh(r);
	p = registry_snapshot_find(r->roster, policy);
	if (p == NULL) {
		(void)snprintf(why, sizeof why, "no server ever registered for policy %.*s",
			       SPAN_ARG(policy));
		dispatch_fail(r, q, PACKET_UNKNOWN_POLICY, why);
		return;
	}
	if (overload_too_large(r->roster, r->env.upstream.conf, p, q->text.n)) {
		(void)snprintf(why, sizeof why, "%zu bytes; the servers of policy %s take %u",
			       q->text.n, p->name, r->env.upstream.conf->plain_message);
		dispatch_fail(r, q, PACKET_TOO_LARGE, why);
		return;
	}
	q->policy = p->index;
	q->hash = lb_select_key(r->chooser, p, packet);
	line = dispatch_line(r, p);
	q->tenure = line->tenure;
	q->waits.since = now;
	wait_begin(line->life, &q->life, q, now);
	dispatch_keep_ticking(r);
	if (!line->busy && lb_select_begin(r->chooser, r->upstreams, p, q, now) &&
	    send_to_one(r, line, q)) {
		stop_waiting(r); /* for one that it has passed over */
		return;
	}
	if (dispatch_wait(r, line, q, now))
		give_away(r, line);
}

void
dispatch_forget(struct dispatch *r, struct request *q)
{
	wait_end(&q->life);
	q->client = NULL;
	if (q->state == REQUEST_IN_FLIGHT)
		return;
	dispatch_leave_waiting(r, q);
	retry_budget_end(&r->retry, q);
	request_free(q);
}

/* ---- the way back ---- */

static void
on_reply(struct request *q, const struct upstream_server *server, struct span reply, void *arg)
{
	dispatch_answer(arg, q, server->id, reply);
}

static bool
is_unseen(enum upstream_loss loss)
{
	return loss == UPSTREAM_UNREACHED || loss == UPSTREAM_LATE;
}

static bool
is_leaving(enum upstream_loss loss)
{
	return loss == UPSTREAM_ENDED || loss == UPSTREAM_STOPPING;
}

static bool
is_declined(enum upstream_loss loss)
{
	return loss == UPSTREAM_DECLINED || loss == UPSTREAM_STOPPING;
}

static void
try_further(struct dispatch *r, struct request *q, unsigned server, enum upstream_loss loss,
	    const char *why)
{
	const struct upstream_env *env = &r->env.upstream;

	counter_add(&server_stats_cell(env->tally, env->worker, server)->retried, 1);
	/* Where nobody has seen it, it has been waiting all along. */
	dispatch_wait_again(r, q, is_unseen(loss) ? q->waits.since : dispatch_now(r), why);
}

/* One that nobody has seen does not; nor one that a leaving worker left unanswered, but a worker
 * that was killed looks the same, and a request that kills workers must come to an end. */
static bool
counts_as_try(struct request *q, enum upstream_loss loss)
{
	if (is_leaving(loss))
		return ++q->endings > ENDINGS_MAX;
	return !is_unseen(loss);
}

/* It may have run, and must not run twice; or it was declined too often, and has not run. */
static void
end_once(struct dispatch *r, struct request *q, enum upstream_loss loss, const char *text)
{
	char why[LINE_WHY + sizeof UNKNOWN];

	if (is_declined(loss)) {
		dispatch_fail(r, q, PACKET_OVERLOADED, text);
		return;
	}
	(void)snprintf(why, sizeof why, "%s%s", text, UNKNOWN);
	dispatch_fail(r, q, loss == UPSTREAM_TIMEOUT ? PACKET_TIMEOUT : PACKET_UPSTREAM_FAILED,
		      why);
}

static bool
ends_once(const struct request *q, enum upstream_loss loss, unsigned most)
{
	return loss == UPSTREAM_BROKEN || loss == UPSTREAM_TIMEOUT ||
	       (is_declined(loss) && q->tries > most);
}

/* It was not run, and it is known when it may come again. */
static bool
is_held(const struct dispatch *r, const struct request *q, enum upstream_loss loss)
{
	return loss == UPSTREAM_DECLINED && q->retry_after > 0 &&
	       q->tenure == line_at(r->lines, q->policy)->tenure;
}

static void
on_lost(struct request *q, const struct upstream_server *server, enum upstream_loss loss,
	const char *why, void *arg)
{
	struct dispatch *r = arg;
	unsigned most = line_at(r->lines, q->policy)->conf->retries;
	char text[LINE_WHY];

	counter_add(&r->meter->timeout[WORKER_STATS_reply], loss == UPSTREAM_TIMEOUT);
	counter_add(&line_at(r->lines, q->policy)->meter->turned_away, is_declined(loss));
	if (q->client == NULL) {
		dispatch_answer(r, q, NULL, span_of(NULL, 0));
		return;
	}
	if (is_held(r, q, loss)) {
		dispatch_hold(r, q, server, why);
		return;
	}
	(void)snprintf(text, sizeof text, "server %s: %s", server->id, why);
	if (!is_leaving(loss) && !is_unseen(loss))
		request_failed_by(q, server->incarnation, server->id);
	q->tries += counts_as_try(q, loss);
	if (server->once && ends_once(q, loss, most))
		end_once(r, q, loss, text);
	else if (loss == UPSTREAM_TIMEOUT &&
		 (q->tries > most ||
		  !lb_select_knows_another(r->chooser, r->upstreams,
					   registry_snapshot_at(r->roster, q->policy), q)))
		dispatch_fail(r, q, PACKET_TIMEOUT, text);
	else if (q->tries > most)
		dispatch_fail(r, q, PACKET_UPSTREAM_FAILED, text);
	else if (q->tenure != line_at(r->lines, q->policy)->tenure)
		dispatch_fail(r, q, PACKET_NO_SERVER,
			      "no server of its policy is registered any more");
	else
		try_further(r, q, server->index, loss, text);
}

static void
on_incident(unsigned server, uint64_t incarnation, enum failure_cause cause, void *arg)
{
	struct dispatch *r = arg;

	r->ops->on_incident(server, incarnation, cause, r->ctx);
}

/* Requests that wait in vain are told the reason. */
static void
on_unreached(const struct upstream_server *server, const char *why, void *arg)
{
	struct dispatch *r = arg;
	struct line *line = line_at(r->lines,
				    registry_snapshot_server(r->roster, server->index)->policy);

	if (line->busy)
		(void)snprintf(line->why, sizeof line->why, "server %s: %s", server->id, why);
}

static void
on_room(unsigned policy, void *arg)
{
	struct dispatch *r = arg;
	struct line *line = line_at(r->lines, policy);

	if (r->retry.parked_n > 0)
		try_parked(r);
	if (line->held_n[true] > 0)
		try_held(r, line);
	if (line->busy)
		give_away(r, line);
	stop_waiting(r);
}

static const struct upstream_ops upstream_ops = {.on_reply = on_reply,
						 .on_lost = on_lost,
						 .on_unreached = on_unreached,
						 .on_incident = on_incident,
						 .on_room = on_room};

/* ---- the relay itself ---- */

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *r = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	upstreams_tick(r->upstreams, now);
	dispatch_expire_waiting(r, now);
	dispatch_tick(r);
	dispatch_expire_whole(r, now);
	wait_queues_tick(r->lines, now);
	if (dispatch_pending(r) == 0)
		(void)event_del(r->tick);
}

struct dispatch *
dispatch_new(const struct dispatch_env *env, const struct dispatch_ops *ops, void *ctx)
{
	struct dispatch *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->env = *env;
	r->ops = ops;
	r->ctx = ctx;
	r->roster = env->upstream.roster;
	r->meter = worker_stats_row(env->upstream.meter, env->upstream.worker);
	retry_budget_init(&r->retry, env->upstream.conf->retry_budget, r->meter);
	r->lines = wait_queues_new(registry_max_policies(env->registry), env->upstream.conf,
				   env->upstream.meter, env->upstream.worker);
	r->chooser = lb_select_new(&env->upstream, env->registry);
	r->upstreams = upstreams_new(&env->upstream, &upstream_ops, r);
	r->tick = event_new(env->base, -1, EV_PERSIST, on_tick, r);
	if (r->lines == NULL || r->chooser == NULL || r->upstreams == NULL || r->tick == NULL) {
		dispatch_free(r);
		return NULL;
	}
	return r;
}

void
dispatch_free(struct dispatch *r)
{
	if (r == NULL)
		return;
	if (r->upstreams != NULL)
		upstreams_abandon(r->upstreams);
	upstreams_free(r->upstreams);
	if (r->tick != NULL)
		event_free(r->tick);
	wait_queues_free(r->lines);
	lb_select_free(r->chooser);
	free(r);
}

unsigned
dispatch_in_flight(const struct dispatch *r)
{
	return upstreams_in_flight(r->upstreams);
}
