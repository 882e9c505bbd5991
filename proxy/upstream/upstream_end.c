/* upstream_end.c - what the end of a connection, or one that can't be made, says of its server, and
 * what becomes of the requests that it had. */
#include "clock.h"
#include "log.h"
#include "upstream.h"
#include "upstream_internal.h"

enum {
	SHORT_PAUSE = 50,	       /* ms, until connecting is tried again */
	SHORT_TELL = 1000,	       /* ms between two lines in the log of a shortage */
	TELL_EVERY = FAILURE_BURST / 2 /* ms; what is closer together is one incident anyway */
};

/* ---- a connection that is not needed ---- */

void
upstream_let_go(struct upstream_conn *l)
{
	struct upstream *up = l->ctx;
	int permit = l->permit;

	upstream_retire(l);
	LIST_REMOVE(l, link);
	upstream_conn_free(l);
	conn_limit_give(up->all->env.permits, up->index, permit, up->all->env.worker);
	upstream_count_connections(up, -1);
}

/* ---- its server ---- */

/* The worker's own reaction, at once; the master's comes when it has heard of it. */
static void
pause_after(struct upstream *up)
{
	upstream_mark(up);
	up->shortage = false;
	up->retry_at = clock_ms() + backoff_next(&up->pause, backoff_random());
}

static void
tell_incident(struct upstream *up, enum failure_cause cause, const char *why)
{
	struct upstreams *all = up->all;
	uint64_t now = clock_ms();

	/* Certificates want an operator, who can't see why from the cause alone. */
	log_limited(cause == CAUSE_TLS ? LOG_WARN : LOG_VERBOSE, "server failed", "id=%s why=%s",
		    log_quoted(up->info.id), log_quoted(why));
	if (failure_kind(cause) != FAILURE_LIE && up->told_at != 0 &&
	    now < up->told_at + TELL_EVERY)
		return;
	up->told_at = now;
	all->ops->on_incident(up->index, up->info.incarnation, cause, all->ctx);
}

/* The proxy lacks what a connection takes: it is tried again soon, and nobody is blamed. */
static void
run_short(struct upstream *up, const char *why)
{
	struct upstreams *all = up->all;
	uint64_t now = clock_ms();

	upstream_mark(up);
	up->retry_at = now + SHORT_PAUSE;
	up->shortage = true;
	all->short_at = now;
	all->short_of = why;
	if (all->short_told != 0 && now < all->short_told + SHORT_TELL)
		return;
	all->short_told = now;
	log_limited(LOG_WARN, "cannot connect to a server: not its fault", "id=%s why=%s",
		    log_quoted(up->info.id), log_quoted(why));
}

const char *
upstreams_short_of(const struct upstreams *all, uint64_t now)
{
	return all->short_at != 0 && now < all->short_at + 2 * SHORT_PAUSE ? all->short_of : NULL;
}

void
upstream_unreachable(struct upstream *up, enum failure_cause cause, const char *why)
{
	if (failure_kind(cause) == FAILURE_OWN) {
		run_short(up, why);
		return;
	}
	pause_after(up);
	tell_incident(up, cause, why);
}

/* ---- its requests ---- */

static enum upstream_loss
loss_of(const struct upstream_server *server, const struct upstream_conn_end *end, bool first)
{
	if (!end->connected)
		return UPSTREAM_UNREACHED;
	if (end->farewell || (end->orderly && !server->once))
		return UPSTREAM_ENDED;
	return first && end->cause == CAUSE_TIMEOUT ? UPSTREAM_TIMEOUT : UPSTREAM_BROKEN;
}

/* From the last to the first: the server has not seen a byte of it. */
static bool
never_left(const struct upstream_server *server, const struct request *r, size_t *unsent)
{
	size_t bytes = r->text.n + server->pooled;
	bool whole = *unsent >= bytes;

	*unsent = whole ? *unsent - bytes : 0;
	return whole;
}

/* Tells of the requests that a lane had in flight, the first of which met the end itself. */
static void
tell_lost(struct upstream *up, const struct upstream_server *server, struct request_list *lost,
	  const struct upstream_conn_end *end)
{
	struct upstreams *all = up->all;
	size_t unsent = end->unsent;
	struct request *r;

	while ((r = TAILQ_LAST(lost, request_list)) != NULL) {
		enum upstream_loss loss = loss_of(server, end, r == TAILQ_FIRST(lost));
		if ((server->once || end->unasked) && never_left(server, r, &unsent))
			loss = UPSTREAM_UNREACHED;
		TAILQ_REMOVE(lost, r, link);
		counter_add(&up->cell->failed,
			    loss != UPSTREAM_ENDED && failure_kind(end->cause) != FAILURE_OWN);
		all->ops->on_lost(r, server, loss, end->why, all->ctx);
	}
}

/* What the lane's end says of its server.  One that closes a connection on which nothing is in
 * flight may have had enough of it. */
static void
judge_end(struct upstream *up, const struct upstream_conn *l, const struct upstream_conn_end *end)
{
	bool idle = l->n == 0 && (end->cause == CAUSE_CLOSED || end->cause == CAUSE_RESET);

	if (!upstream_is_current(l) || end->orderly || (idle && end->connected))
		return;
	if (failure_kind(end->cause) != FAILURE_OWN && !end->connected)
		up->unreached = failure_text(end->cause);
	if (!end->connected || failure_kind(end->cause) == FAILURE_OWN) {
		upstream_unreachable(up, end->cause, end->why);
	} else {
		upstream_mark(up);
		up->doubted = true;
		up->unasked = up->unasked || end->unasked;
		tell_incident(up, end->cause, end->why);
	}
}

/* From the last to the first, so that they keep their order at the head of a queue. */
void
upstream_ended(struct upstream *up, struct upstream_conn *l, const struct upstream_conn_end *end)
{
	struct upstream_server server = l->server;
	struct request_list lost = TAILQ_HEAD_INITIALIZER(lost);
	bool unreached = l->n == 0 && !end->connected;
	struct request *r;

	judge_end(up, l, end);
	counter_add(&up->all->meter->timeout[WORKER_STATS_connect],
		    end->cause == CAUSE_CONNECT_TIMEOUT);
	upstream_count_in_flight(up, -(int)l->n);
	while ((r = upstream_conn_take_last(l)) != NULL)
		TAILQ_INSERT_HEAD(&lost, r, link);
	upstream_let_go(l);
	if (unreached)
		up->all->ops->on_unreached(&server, end->why, up->all->ctx);
	tell_lost(up, &server, &lost, end);
	up->all->ops->on_room(up->info.policy, up->all->ctx);
}
