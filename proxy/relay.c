/* relay.c - see relay.h. */
#include "relay.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chooser.h"
#include "clock.h"
#include "lines.h"
#include "log.h"
#include "retry.h"
#include "route.h"

enum {
	TICK_MS = 25, /* while anything is pending: clocks are that precise */
	/* What an overloaded client is told when the line's pace is not known, and otherwise at
	   least and at most. */
	RETRY_AFTER_MS = 1000,
	RETRY_AFTER_MIN = 100,
	RETRY_AFTER_MAX = 60000,
	PARKED_LOOKS = 16,
	ENDINGS_MAX = 16 /* of connections under one request, until they count as tries */
};

struct relay {
	struct relay_env env;
	const struct relay_ops *ops;
	void *ctx;
	struct roster *roster;
	struct upstreams *upstreams;
	struct lines *lines;
	struct waitlist life; /* of all requests: since they came */
	struct meter_row *meter;
	struct chooser *chooser;
	struct retry retry;
	struct event *tick;
};

static void on_reply(struct request *, unsigned, struct span, void *);
static void on_lost(struct request *, unsigned, enum upstream_loss, const char *, void *);
static void on_incident(unsigned, uint64_t, enum incident_cause, void *);
static void on_room(unsigned, void *);
static void try_parked(struct relay *);
static void on_tick(evutil_socket_t, short, void *);
static void refresh(struct relay *);

static const struct upstream_ops upstream_ops = {on_reply, on_lost, on_incident, on_room};

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
	r->upstreams = upstreams_new(&env->upstream, &upstream_ops, r);
	r->tick = event_new(env->base, -1, EV_PERSIST, on_tick, r);
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

static void
keep_ticking(struct relay *r)
{
	struct timeval tv = clock_timeval(TICK_MS);

	if (!event_pending(r->tick, EV_TIMEOUT, NULL) && event_add(r->tick, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the relay's clock", NULL);
}

/* Of this turn of the loop. */
static uint64_t
now_ms(const struct relay *r)
{
	return conn_loop_us(r->env.upstream.loop) / 1000;
}

/* ---- answers of our own ---- */

/* When a line will be shorter, as far as one can tell. */
static unsigned
retry_after_of(const struct line *line)
{
	uint64_t ms = pace_wait(&line->pace, line->queue.n);

	if (ms == 0)
		return RETRY_AFTER_MS;
	return ms < RETRY_AFTER_MIN   ? RETRY_AFTER_MIN
	       : ms > RETRY_AFTER_MAX ? RETRY_AFTER_MAX
				      : (unsigned)ms;
}

/* retry_after in ms; 0 leaves it out. */
static void
answer_refusal(struct relay *r, struct request *q, enum packet_code code, const char *why,
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

static void
answer_error(struct relay *r, struct request *q, enum packet_code code, const char *why)
{
	answer_refusal(r, q, code, why, code == PACKET_OVERLOADED ? RETRY_AFTER_MS : 0);
}

/* Is there one that an operator lets take requests? */
static bool
any_enabled(const struct relay *r, const struct roster_policy *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (roster_server(r->roster, p->server[i])->admin == REGISTRY_ENABLED)
			return true;
	return false;
}

/* Why nobody took it in time, and what that makes of it. */
static enum packet_code
judge_expired(const struct relay *r, const struct line *line, const struct roster_policy *p,
	      char why[2 * LINE_WHY])
{
	if (strcmp(line->policy, p->name) != 0 || p->n == 0) {
		(void)snprintf(why, 2 * LINE_WHY, "no server of policy %s is registered",
			       line->policy);
		return PACKET_NO_SERVER;
	}
	if (!any_enabled(r, p)) {
		(void)snprintf(why, 2 * LINE_WHY,
			       "every server of policy %s is draining or disabled", line->policy);
		return PACKET_NO_SERVER;
	}
	if (line->why[0] != '\0') {
		(void)snprintf(why, 2 * LINE_WHY, "no server of policy %s could be reached: %s",
			       line->policy, line->why);
		return PACKET_UPSTREAM_FAILED;
	}
	(void)snprintf(why, 2 * LINE_WHY, "every server of policy %s is busy", line->policy);
	return PACKET_OVERLOADED;
}

static void
answer_expired(struct relay *r, struct request *q)
{
	struct line *line = line_at(r->lines, q->policy);
	char why[2 * LINE_WHY], text[2 * LINE_WHY + 64];
	enum packet_code code = judge_expired(r, line, roster_at(r->roster, q->policy), why);
	unsigned retry_after = code == PACKET_OVERLOADED ? retry_after_of(line) : 0;

	line_take(r->lines, q, false);
	scoreboard_add(&line->meter->expired, 1);
	scoreboard_add(&r->meter->timeout[METER_queue], 1);
	(void)snprintf(text, sizeof text, "%s; queue_timeout is %llums", why,
		       (unsigned long long)r->env.upstream.conf->queue_timeout);
	answer_refusal(r, q, code, text, retry_after);
}

/* ---- dispatch ---- */

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

static void
dispatch(struct relay *r, struct line *line)
{
	struct request *q;

	while ((q = queue_first(&line->queue)) != NULL) {
		const struct roster_policy *p = roster_at(r->roster, q->policy);
		uint64_t since = q->waits.since;
		if (strcmp(line->policy, p->name) != 0)
			return; /* another policy has this index now: they wait for their end */
		if (!chooser_begin(r->chooser, r->upstreams, p, q, now_ms(r)))
			return;
		line_take(r->lines, q, true);
		if (!send_to_one(r, line, q)) {
			line_put_first(r->lines, q, since);
			return;
		}
		pace_served(&line->pace);
	}
}

static void
dispatch_all(struct relay *r)
{
	struct line *line, *next;

	try_parked(r);
	for (line = lines_first(r->lines); line != NULL; line = next) {
		next = lines_next(line);
		dispatch(r, line);
	}
	if (lines_waiting(r->lines) == 0 && r->retry.parked_n == 0)
		upstreams_stop_waiting(r->upstreams);
}

static void
refresh(struct relay *r)
{
	if (!roster_refresh(r->roster))
		return;
	upstreams_refresh(r->upstreams);
	chooser_refresh(r->chooser);
}

/* ---- the way in ---- */

/* Nobody of the policy could ever take a request of this size. */
static bool
too_large_for_all(const struct relay *r, const struct roster_policy *p, size_t bytes)
{
	if (p->n == 0 || bytes <= r->env.upstream.conf->plain_message)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if (roster_server(r->roster, p->server[i])->pooled)
			return false;
	return true;
}

/* The time that a request which has come now may still wait for a server. */
static uint64_t
patience(const struct relay *r)
{
	const struct proxy_conf *conf = r->env.upstream.conf;

	return conf->request_timeout > 0 && conf->request_timeout < conf->queue_timeout
		       ? conf->request_timeout
		       : conf->queue_timeout;
}

/* What speaks against letting one more wait; NULL: nothing. */
static const char *
why_not_wait(const struct relay *r, const struct line *line, const struct request *q,
	     char why[2 * LINE_WHY])
{
	unsigned ahead = queue_ahead(&line->queue, q->places);
	uint64_t wait = pace_wait(&line->pace, ahead), limit = patience(r);

	if (lines_waiting(r->lines) >= r->env.upstream.conf->queue_length)
		return "too many requests wait for a server: queue_length";
	if (line->queue.n >= line->limit) {
		(void)snprintf(why, 2 * LINE_WHY,
			       "%u requests wait for a server of policy %s: policy_queue_length",
			       line->queue.n, line->policy);
		return why;
	}
	if (wait <= limit)
		return NULL;
	(void)snprintf(why, 2 * LINE_WHY,
		       "%u requests of policy %s are ahead, for about %llums; it may wait %llums",
		       ahead, line->policy, (unsigned long long)wait, (unsigned long long)limit);
	return why;
}

static void
let_wait(struct relay *r, struct line *line, struct request *q, uint64_t now)
{
	char text[2 * LINE_WHY];
	const char *why = why_not_wait(r, line, q, text);

	if (why != NULL) {
		scoreboard_add(&line->meter->refused, 1);
		answer_refusal(r, q, PACKET_OVERLOADED, why, retry_after_of(line));
		return;
	}
	line_put(r->lines, q, now);
	dispatch(r, line);
}

void
relay_submit(struct relay *r, struct request *q, const struct packet *packet)
{
	struct span policy = packet_scalar(packet, "privPoliId");
	uint64_t now = now_ms(r);
	const struct roster_policy *p;
	struct line *line;
	char why[LINE_WHY];

	refresh(r);
	p = roster_find(r->roster, policy);
	if (p == NULL) {
		(void)snprintf(why, sizeof why, "no server ever registered for policy %.*s",
			       SPAN_ARG(policy));
		answer_error(r, q, PACKET_UNKNOWN_POLICY, why);
		return;
	}
	if (too_large_for_all(r, p, q->text.n)) {
		(void)snprintf(why, sizeof why, "%zu bytes; the servers of policy %s take %u",
			       q->text.n, p->name, r->env.upstream.conf->plain_message);
		answer_error(r, q, PACKET_TOO_LARGE, why);
		return;
	}
	q->policy = p->index;
	q->hash = chooser_key(r->chooser, p, packet);
	line = line_of(r->lines, p);
	q->waits.since = now;
	wait_begin(&r->life, &q->life, q, now);
	keep_ticking(r);
	if (!line->busy && chooser_begin(r->chooser, r->upstreams, p, q, now) &&
	    send_to_one(r, line, q))
		return;
	let_wait(r, line, q, now);
}

/* Out of whatever it waits in. */
static void
leave_waiting(struct relay *r, struct request *q)
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
	leave_waiting(r, q);
	retry_end(&r->retry, q);
	request_free(q);
}

/* ---- the way back ---- */

static void
on_reply(struct request *q, unsigned server, struct span reply, void *arg)
{
	struct relay *r = arg;

	retry_end(&r->retry, q);
	if (q->client == NULL) {
		request_free(q);
		return;
	}
	wait_end(&r->life, &q->life);
	q->state = REQUEST_ANSWERED;
	r->ops->on_answer(q, roster_server(r->roster, server), reply, r->ctx);
}

/* since: in clock_ms(), when its waiting began.  why: what it waits for, or NULL. */
static void
back_to_queue(struct relay *r, struct request *q, uint64_t since, const char *why)
{
	struct line *line = line_at(r->lines, q->policy);
	const struct roster_policy *p = roster_at(r->roster, q->policy);

	if (strcmp(line->policy, p->name) == 0)
		line = line_of(r->lines, p);
	line_put_first(r->lines, q, since);
	if (why != NULL)
		(void)snprintf(line->why, sizeof line->why, "%s", why);
}

static void
try_further(struct relay *r, struct request *q, unsigned server, enum upstream_loss loss,
	    const char *why)
{
	const struct upstream_env *env = &r->env.upstream;
	/* Where nobody has seen it, it has been waiting all along. */
	uint64_t since = loss == UPSTREAM_UNREACHED ? q->waits.since : now_ms(r);

	retry_end(&r->retry, q);
	tally_add(&tally_cell(env->tally, env->worker, server)->retried, 1);
	if (q->failed_n > 0)
		retry_park(&r->retry, q, since);
	else
		back_to_queue(r, q, since, why);
	keep_ticking(r);
}

/* One that nobody has seen does not; nor one that a leaving worker left unanswered, but a worker
 * that was killed looks the same, and a request that kills workers must come to an end. */
static bool
counts_as_try(struct request *q, enum upstream_loss loss)
{
	if (loss == UPSTREAM_ENDED)
		return ++q->endings > ENDINGS_MAX;
	return loss != UPSTREAM_UNREACHED;
}

static void
on_lost(struct request *q, unsigned server, enum upstream_loss loss, const char *why, void *arg)
{
	struct relay *r = arg;
	const struct registry_server *s = roster_server(r->roster, server);
	unsigned most = r->env.upstream.conf->retries;
	char text[LINE_WHY];

	scoreboard_add(&r->meter->timeout[METER_reply], loss == UPSTREAM_TIMEOUT);
	scoreboard_add(&line_at(r->lines, q->policy)->meter->turned_away,
		       loss == UPSTREAM_DECLINED);
	if (q->client == NULL) {
		retry_end(&r->retry, q);
		request_free(q);
		return;
	}
	(void)snprintf(text, sizeof text, "server %s: %s", s->id, why);
	if (loss != UPSTREAM_ENDED && loss != UPSTREAM_UNREACHED)
		request_failed_by(q, server);
	q->tries += counts_as_try(q, loss);
	if (loss == UPSTREAM_TIMEOUT &&
	    (q->tries > most ||
	     !chooser_knows_another(r->chooser, r->upstreams, roster_at(r->roster, q->policy), q)))
		answer_error(r, q, PACKET_TIMEOUT, text);
	else if (q->tries > most)
		answer_error(r, q, PACKET_UPSTREAM_FAILED, text);
	else
		try_further(r, q, server, loss, text);
}

/* Those on a further try go first, as the budget and the servers allow.  So many that find no
 * server are enough for one look: the next one comes soon. */
static void
try_parked(struct relay *r)
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
		    chooser_begin(r->chooser, r->upstreams, p, q, now_ms(r)) &&
		    send_to_one(r, line, q))
			continue;
		retry_repark(&r->retry, q, next);
		misses++;
	}
}

static void
on_incident(unsigned server, uint64_t incarnation, enum incident_cause cause, void *arg)
{
	struct relay *r = arg;

	r->ops->on_incident(server, incarnation, cause, r->ctx);
}

static void
on_room(unsigned policy, void *arg)
{
	struct relay *r = arg;

	try_parked(r);
	dispatch(r, line_at(r->lines, policy));
	if (lines_waiting(r->lines) == 0 && r->retry.parked_n == 0)
		upstreams_stop_waiting(r->upstreams);
}

/* ---- clocks ---- */

static void
expire_waiting(struct relay *r, uint64_t now)
{
	struct request *q;

	while ((q = lines_overdue(r->lines, now)) != NULL)
		answer_expired(r, q);
}

static void
expire_parked(struct relay *r, uint64_t now)
{
	struct request *q;
	char why[LINE_WHY];

	while ((q = retry_overdue(&r->retry, now)) != NULL) {
		bool spent = !retry_take(&r->retry, q, relay_pending(r));
		retry_unpark(&r->retry, q);
		(void)snprintf(why, sizeof why, "server %s failed, and %s",
			       roster_server(r->roster, request_last_failed(q))->id,
			       spent ? "the retry budget is spent on other requests"
				     : "no other took it in time");
		answer_error(r, q, PACKET_UPSTREAM_FAILED, why);
	}
}

/* A server still has it: its lane goes on without a client for that reply, a twin takes its place
 * with ours. */
static struct request *
leave_with_server(struct relay *r, struct request *q)
{
	struct request *twin = request_twin(q);

	if (twin == NULL)
		return NULL;
	wait_end(&r->life, &q->life);
	r->ops->on_replace(q, twin, r->ctx);
	q->client = NULL;
	return twin;
}

/* Those whose whole time is over, wherever they are.  One for whose twin there is no memory is
 * tried again. */
static void
expire_whole(struct relay *r, uint64_t now)
{
	struct request *q;
	char why[LINE_WHY];

	while ((q = waitlist_overdue(&r->life, now)) != NULL) {
		bool waiting = q->state != REQUEST_IN_FLIGHT;
		if (waiting)
			leave_waiting(r, q);
		else
			q = leave_with_server(r, q);
		if (q == NULL)
			return;
		scoreboard_add(&r->meter->timeout[METER_request], 1);
		(void)snprintf(why, sizeof why,
			       "not answered in time, %s; request_timeout is %llums",
			       waiting ? "it was waiting for a server" : "a server has it",
			       (unsigned long long)r->env.upstream.conf->request_timeout);
		answer_error(r, q, PACKET_TIMEOUT, why);
	}
}

void
relay_look(struct relay *r)
{
	refresh(r);
	upstreams_yield(r->upstreams);
	dispatch_all(r);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct relay *r = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	upstreams_tick(r->upstreams, now);
	relay_look(r);
	expire_waiting(r, now);
	expire_parked(r, now);
	expire_whole(r, now);
	lines_look(r->lines, now);
	if (relay_pending(r) == 0)
		(void)event_del(r->tick);
}
