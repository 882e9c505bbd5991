/* relay_clock.c - the relay's clocks: those who have waited too long, or whose whole time is over.
 */
#include <stdio.h>

#include "clock.h"
#include "refusal.h"
#include "relay_state.h"

static void
answer_expired(struct relay *r, struct request *q)
{
	struct line *line = line_at(r->lines, q->policy);
	char why[REFUSAL_WHY], text[REFUSAL_WHY + 64];
	enum packet_code code = refusal_expired(r->roster, line, roster_at(r->roster, q->policy),
						why);
	unsigned retry_after = code == PACKET_OVERLOADED ? refusal_retry_after(line) : 0;

	line_take(r->lines, q, false);
	scoreboard_add(&line->meter->expired, 1);
	scoreboard_add(&r->meter->timeout[METER_queue], 1);
	(void)snprintf(text, sizeof text, "%s; queue_timeout is %llums", why,
		       (unsigned long long)r->env.upstream.conf->queue_timeout);
	relay_refuse(r, q, code, text, retry_after);
}

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
		relay_fail(r, q, PACKET_UPSTREAM_FAILED, why);
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
			relay_leave_waiting(r, q);
		else
			q = leave_with_server(r, q);
		if (q == NULL)
			return;
		scoreboard_add(&r->meter->timeout[METER_request], 1);
		(void)snprintf(why, sizeof why,
			       "not answered in time, %s; request_timeout is %llums",
			       waiting ? "it was waiting for a server" : "a server has it",
			       (unsigned long long)r->env.upstream.conf->request_timeout);
		relay_fail(r, q, PACKET_TIMEOUT, why);
	}
}

void
relay_on_tick(evutil_socket_t fd, short what, void *arg)
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
