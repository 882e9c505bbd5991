/* dispatch_hold.c - requests that a server has declined and not run, which told when to come again.
 *
 * They are held until then.  Meanwhile another server, or another worker of the same one, may have
 * room: they go there first of all, over connections that have declined nothing a moment ago, up to
 * so many times; a request that everybody declines costs no more than that, and then one try a
 * hold, which grows.  They are no further tries (retry_budget.h), for nothing has failed. */
#include <stdio.h>

#include "dispatch_internal.h"
#include "overload.h"

enum {
	EAGER = 8, /* times that it goes before its hold is over */
	HOLD_MIN = 10,
	HOLD_MAX = 1000, /* ms, whatever a server tells */
	DOUBLES = 7,	 /* times that HOLD_MIN does, to more than HOLD_MAX */
	JITTER = 4	 /* that part more, at most */
};

/* What was told, but longer each time once it is not eager any more; and not all of them at once.
 */
static uint64_t
hold_time(const struct request *q, uint32_t random)
{
	unsigned more = q->declines > EAGER ? q->declines - EAGER : 0;
	unsigned doubled = more < DOUBLES ? more : DOUBLES;
	uint64_t ms = (uint64_t)HOLD_MIN << doubled;

	if (ms < q->retry_least)
		ms = q->retry_least;
	if (ms > HOLD_MAX)
		ms = HOLD_MAX;
	return ms + random % (ms / JITTER + 1);
}

static void
note(struct request *q, const struct upstream_server *server, const char *why)
{
	q->declines++;
	q->declined_by = server->incarnation;
	if (q->retry_least == 0 || q->retry_after < q->retry_least)
		q->retry_least = q->retry_after;
	(void)snprintf(q->declined, sizeof q->declined, "server %s: %s", server->id, why);
}

static bool
are_too_many(const struct dispatch *r, const struct line *line)
{
	return line->queue.n + line_held(line) >= line->conf->queue_length ||
	       wait_queues_waiting(r->lines) + wait_queues_held(r->lines) >=
		       r->env.upstream.conf->queue_length;
}

void
dispatch_hold(struct dispatch *r, struct request *q, const struct upstream_server *server,
	      const char *why)
{
	struct line *line = line_at(r->lines, q->policy);
	uint64_t now = dispatch_now(r);

	retry_budget_end(&r->retry, q);
	note(q, server, why);
	if (are_too_many(r, line)) {
		counter_add(&line->meter->refused, 1);
		dispatch_refuse(r, q, PACKET_OVERLOADED, q->declined, q->retry_least);
		return;
	}
	counter_add(&line->meter->held, 1);
	q->hold_until = now + hold_time(q, upstreams_draw(r->upstreams));
	q->eager = q->declines <= EAGER;
	/* A server had it once; with the next one that declines it has waited all along. */
	line_hold(r->lines, q, q->declines > 1 ? q->waits.since : now, NULL);
	dispatch_keep_ticking(r);
	dispatch_expire_one(r, q);
}

/* In its client's turn: those that nobody has declined yet are not to wait for it. */
static void
release(struct dispatch *r, struct line *line, struct request *q)
{
	uint64_t since = q->waits.since;

	line_unhold(r->lines, q);
	if (q->failed_n > 0)
		retry_budget_park(&r->retry, q, line->waits, since);
	else
		line_put(r->lines, q, since);
}

static void
release_of(struct dispatch *r, struct line *line, uint64_t now)
{
	struct request *q, *next;

	for (unsigned i = 0; i < 2 && !line->replaced; i++)
		for (q = TAILQ_FIRST(&line->held[i]); q != NULL; q = next) {
			next = TAILQ_NEXT(q, link);
			if (now >= q->hold_until)
				release(r, line, q);
		}
}

void
dispatch_release(struct dispatch *r, uint64_t now)
{
	struct line *line, *next;

	for (line = wait_queues_first_held(r->lines); line != NULL; line = next) {
		next = wait_queues_next_held(line);
		release_of(r, line, now);
	}
}
