/* relay_back.c - the relay's way back: replies, and what becomes of requests that have none. */
#include <stdio.h>
#include <string.h>

#include "relay_state.h"

enum { ENDINGS_MAX = 16 }; /* of connections under one request, until they count as tries */

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
	uint64_t since = loss == UPSTREAM_UNREACHED ? q->waits.since : relay_now(r);

	retry_end(&r->retry, q);
	tally_add(&tally_cell(env->tally, env->worker, server)->retried, 1);
	if (q->failed_n > 0)
		retry_park(&r->retry, q, since);
	else
		back_to_queue(r, q, since, why);
	relay_keep_ticking(r);
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
		relay_fail(r, q, PACKET_TIMEOUT, text);
	else if (q->tries > most)
		relay_fail(r, q, PACKET_UPSTREAM_FAILED, text);
	else
		try_further(r, q, server, loss, text);
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

	relay_try_parked(r);
	relay_dispatch(r, line_at(r->lines, policy));
	relay_stop_waiting(r);
}

const struct upstream_ops relay_upstream_ops = {on_reply, on_lost, on_incident, on_room};
