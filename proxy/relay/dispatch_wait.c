/* dispatch_wait.c - requests that no server has, or that have waited for too long: they are put
 * into a line, parked, or answered with an error of ours.  Calls nothing of dispatch.c. */
#include <stdio.h>

#include "clock.h"
#include "dispatch_internal.h"
#include "log.h"
#include "overload.h"

enum { TICK_MS = 25 /* while anything is pending: clocks are that precise */ };

void
dispatch_keep_ticking(struct dispatch *r)
{
	struct timeval tv = clock_timeval(TICK_MS);

	if (!event_pending(r->tick, EV_TIMEOUT, NULL) && event_add(r->tick, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the relay's clock", NULL);
}

uint64_t
dispatch_now(const struct dispatch *r)
{
	return conn_loop_us(r->env.upstream.loop) / 1000;
}

unsigned
dispatch_pending(const struct dispatch *r)
{
	return wait_queues_waiting(r->lines) + wait_queues_held(r->lines) + r->retry.parked_n +
	       upstreams_in_flight(r->upstreams);
}

/* ---- the end ---- */

void
dispatch_answer(struct dispatch *r, struct request *q, const char *server, struct span reply)
{
	retry_budget_end(&r->retry, q);
	wait_end(&q->life);
	if (q->client == NULL) {
		request_free(q);
		return;
	}
	q->state = REQUEST_ANSWERED;
	r->ops->on_answer(q, server, reply, r->ctx);
}

void
dispatch_refuse(struct dispatch *r, struct request *q, enum packet_code code, const char *why,
		unsigned retry_after)
{
	if (q->client != NULL) {
		counter_add(&r->meter->error[code], 1);
		if (request_fail(q, r->env.upstream.conf->id, code, why, retry_after) < 0)
			log_event(LOG_ERROR, "out of memory for an error", "code=%s",
				  packet_code_text(code));
	}
	dispatch_answer(r, q, NULL, span_of(NULL, 0));
}

void
dispatch_fail(struct dispatch *r, struct request *q, enum packet_code code, const char *why)
{
	dispatch_refuse(r, q, code, why, code == PACKET_OVERLOADED ? OVERLOAD_RETRY_MS : 0);
}

/* ---- into a line, and out of it ---- */

bool
dispatch_wait(struct dispatch *r, struct line *line, struct request *q, uint64_t now)
{
	char text[OVERLOAD_WHY];
	const char *why = overload_to_wait(r->lines, r->env.upstream.conf, line, q, text);

	if (why == NULL) {
		line_put(r->lines, q, now);
		return true;
	}
	counter_add(&line->meter->refused, 1);
	dispatch_refuse(r, q, PACKET_OVERLOADED, why, overload_retry_after(line));
	return false;
}

static struct request *
parked_of(const struct dispatch *r, unsigned policy)
{
	struct request *q;

	TAILQ_FOREACH(q, &r->retry.parked, link)
		if (q->policy == policy)
			return q;
	return NULL;
}

static struct request *
held_of(const struct line *line)
{
	struct request *q = TAILQ_FIRST(&line->held[0]);

	return q != NULL ? q : TAILQ_FIRST(&line->held[1]);
}

/* The policy's index is another's now: no server will ever take what waits for it.  With an answer
 * a client may leave, and take along whatever else it has here. */
static void
end_waiting(struct dispatch *r, struct line *line, unsigned policy)
{
	struct request *q;
	char why[LINE_WHY];

	(void)snprintf(why, sizeof why, "no server of policy %s is registered", line->policy);
	while ((q = fair_queue_first(&line->queue)) != NULL) {
		line_take(r->lines, q, false);
		dispatch_fail(r, q, PACKET_NO_SERVER, why);
	}
	while ((q = held_of(line)) != NULL) {
		line_unhold(r->lines, q);
		dispatch_fail(r, q, PACKET_NO_SERVER, why);
	}
	while ((q = parked_of(r, policy)) != NULL) {
		retry_budget_unpark(&r->retry, q);
		dispatch_fail(r, q, PACKET_NO_SERVER, why);
	}
}

struct line *
dispatch_line(struct dispatch *r, const struct registry_snapshot_policy *p)
{
	struct line *line = line_at(r->lines, p->index);

	if (line->replaced)
		end_waiting(r, line, p->index);
	return line_of(r->lines, p);
}

void
dispatch_leave_waiting(struct dispatch *r, struct request *q)
{
	if (q->state == REQUEST_QUEUED)
		line_take(r->lines, q, false);
	else if (q->state == REQUEST_HELD)
		line_unhold(r->lines, q);
	else if (q->state == REQUEST_PARKED)
		retry_budget_unpark(&r->retry, q);
}

/* ---- what has waited too long ---- */

/* Where the proxy itself lacks what connecting takes, it is no server that was not reached. */
static enum packet_code
why_expired(const struct dispatch *r, const struct line *line, const struct request *q,
	    char why[OVERLOAD_WHY])
{
	const char *shortage = upstreams_short_of(r->upstreams, clock_ms());
	enum packet_code code = PACKET_OVERLOADED;

	if (shortage != NULL)
		(void)snprintf(why, OVERLOAD_WHY, "this proxy worker cannot connect to servers: %s",
			       shortage);
	else
		code = overload_expired(r->roster, line, registry_snapshot_at(r->roster, q->policy),
					why);
	if (code == PACKET_OVERLOADED && q->declines > 0)
		(void)snprintf(why, OVERLOAD_WHY, "%s", q->declined);
	return code;
}

/* A server that declined it knows better than the queue. */
static unsigned
come_again(const struct line *line, const struct request *q)
{
	return q->declines > 0 ? q->retry_least : overload_retry_after(line);
}

static void
answer_expired(struct dispatch *r, struct request *q)
{
	struct line *line = line_at(r->lines, q->policy);
	char why[OVERLOAD_WHY], text[OVERLOAD_WHY + 64];
	enum packet_code code = why_expired(r, line, q, why);
	unsigned retry_after = code == PACKET_OVERLOADED ? come_again(line, q) : 0;

	dispatch_leave_waiting(r, q);
	counter_add(&line->meter->expired, 1);
	counter_add(&r->meter->timeout[WORKER_STATS_queue], 1);
	(void)snprintf(text, sizeof text, "%s; queue_timeout is %llums", why,
		       (unsigned long long)line->conf->queue_timeout);
	dispatch_refuse(r, q, code, text, retry_after);
}

static void
answer_parked(struct dispatch *r, struct request *q)
{
	bool spent = !retry_budget_take(&r->retry, q, dispatch_pending(r));
	char why[LINE_WHY];

	retry_budget_unpark(&r->retry, q);
	(void)snprintf(why, sizeof why, "server %s failed, and %s", q->failed_id,
		       spent ? "the retry budget is spent on other requests"
			     : "no other took it in time");
	dispatch_fail(r, q, PACKET_UPSTREAM_FAILED, why);
}

/* since: in clock_ms(), when its waiting began.  why: what it waits for, or NULL. */
static void
back_to_queue(struct dispatch *r, struct request *q, uint64_t since, const char *why)
{
	struct line *line = line_at(r->lines, q->policy);
	const struct registry_snapshot_policy *p = registry_snapshot_at(r->roster, q->policy);

	if (!line->replaced)
		line = line_of(r->lines, p);
	line_put_first(r->lines, q, since);
	if (why != NULL)
		(void)snprintf(line->why, sizeof line->why, "%s", why);
}

static void
expire(struct dispatch *r, struct request *q)
{
	if (q->state == REQUEST_PARKED)
		answer_parked(r, q);
	else
		answer_expired(r, q);
}

void
dispatch_expire_one(struct dispatch *r, struct request *q)
{
	if (dispatch_now(r) > q->waits.since + q->waits.in->limit)
		expire(r, q);
}

void
dispatch_wait_again(struct dispatch *r, struct request *q, uint64_t since, const char *why)
{
	retry_budget_end(&r->retry, q);
	if (q->failed_n > 0)
		retry_budget_park(&r->retry, q, line_at(r->lines, q->policy)->waits, since);
	else
		back_to_queue(r, q, since, why);
	dispatch_keep_ticking(r);
	dispatch_expire_one(r, q);
}

/* Before servers are looked for: a request that they keep from waiting, each for a moment, would
 * never be found here. */
void
dispatch_expire_waiting(struct dispatch *r, uint64_t now)
{
	struct request *q;

	while ((q = wait_queues_overdue(r->lines, now)) != NULL)
		expire(r, q);
}

void
dispatch_send_away(struct dispatch *r)
{
	struct request *q;

	while ((q = wait_queues_overdue(r->lines, UINT64_MAX)) != NULL)
		if (q->state == REQUEST_PARKED) {
			answer_parked(r, q);
		} else if (q->failed_n > 0) {
			answer_expired(r, q);
		} else {
			dispatch_leave_waiting(r, q);
			dispatch_fail(r, q, PACKET_SHUTTING_DOWN, DISPATCH_ENDS);
		}
}

/* A server still has it: its lane goes on without a client for that reply, a clone takes its place
 * with ours. */
static struct request *
leave_with_server(struct dispatch *r, struct request *q)
{
	struct request *clone = request_clone(q);

	if (clone == NULL)
		return NULL;
	wait_end(&q->life);
	r->ops->on_replace(q, clone, r->ctx);
	q->client = NULL;
	return clone;
}

/* Requests over their whole time, wherever they are.  Where there is no memory for a clone, it is
 * tried again. */
void
dispatch_expire_whole(struct dispatch *r, uint64_t now)
{
	struct request *q;
	char why[LINE_WHY];

	while ((q = wait_queues_outlived(r->lines, now)) != NULL) {
		uint64_t limit = q->life.in->limit;
		bool waiting = q->state != REQUEST_IN_FLIGHT;
		if (waiting)
			dispatch_leave_waiting(r, q);
		else
			q = leave_with_server(r, q);
		if (q == NULL)
			return;
		counter_add(&r->meter->timeout[WORKER_STATS_request], 1);
		(void)snprintf(why, sizeof why,
			       "not answered in time, %s; request_timeout is %llums",
			       waiting ? "it was waiting for a server" : "a server has it",
			       (unsigned long long)limit);
		dispatch_fail(r, q, PACKET_TIMEOUT, why);
	}
}
