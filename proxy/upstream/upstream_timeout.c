/* upstream_timeout.c - what takes too long: connections that are not made and replies that don't
 * come.
 *
 * Long before a clock of the settings runs out, something can be done about it that costs nobody
 * anything.  A request goes elsewhere when its connection is not there soon, for no server has seen
 * it; the connecting goes on and shows whether the server is there.  A server that owes a reply for
 * much longer than it usually takes gets no more requests while others take them, and the master,
 * which is told, probes it. */
#include <stdlib.h>

#include "clock.h"
#include "upstream.h"
#include "upstream_internal.h"

enum {
	LATE_TICKS = 2, /* of the relay's clock: one alone may be this process that stood still */
	LATE_CONNECT_TIMES = 4, /* the usual time */
	LATE_REPLY_US = 100000, /* at least */
	LATE_REPLY_TIMES = 8,
	HINT_EVERY = 1000 /* ms */
};

static void
hint(struct upstream *up, uint64_t now)
{
	if (up->hinted_at != 0 && now < up->hinted_at + HINT_EVERY)
		return;
	up->hinted_at = now;
	up->all->ops->on_incident(up->index, up->info.incarnation, CAUSE_LATE, up->all->ctx);
}

/* ---- connecting ---- */

/* From the last to the first, so that they keep their order at the head of a queue.
 */
static void
withdraw(struct upstream *up, struct upstream_conn *l)
{
	struct request *r;

	upstream_conn_take_back(l);
	while ((r = upstream_conn_take_last(l)) != NULL) {
		upstream_count_in_flight(up, -1);
		up->all->ops->on_lost(r, &l->server, UPSTREAM_LATE,
				      up->unreached != NULL ? up->unreached
							    : "it takes long to connect to",
				      up->all->ctx);
	}
}

static void
look_at_connecting(struct upstream *up, struct upstream_conn *l, uint64_t now)
{
	if (!l->late && (++l->ticks < LATE_TICKS ||
			 now * 1000 < l->begun_us + LATE_CONNECT_TIMES * up->connect_us))
		return;
	if (!l->late && upstream_is_current(l))
		hint(up, now);
	l->late = true;
	upstream_mark(up);
	if (l->n == 0)
		return;
	withdraw(up, l);
	if (l->leaving)
		upstream_let_go(l);
	up->all->ops->on_room(up->info.policy, up->all->ctx);
}

/* A plain server might not survive a connection on which nothing is asked. */
static void
ask_ourselves(struct upstream *up, struct upstream_conn *l)
{
	const struct upstream_env *env = &up->all->env;
	struct request *r = request_probe(env->conf->id,
					  registry_snapshot_at(env->roster, up->info.policy)->name,
					  up->info.job, REQUEST_PROBE_OURS);

	if (r != NULL && upstream_conn_send(l, r, false) == 0) {
		upstream_count_in_flight(up, 1);
		return;
	}
	if (r != NULL)
		request_free(r);
	upstream_let_go(l);
}

/* Requests that have waited for it go first. */
void
upstream_opened(struct upstream *up, struct upstream_conn *l)
{
	bool idle = l->n == 0;

	if (upstream_is_current(l)) {
		upstream_smooth(&up->connect_us, l->opened_us - l->begun_us);
		up->unreached = NULL;
	}
	l->late = false;
	l->ticks = 0;
	upstream_mark(up);
	if (!idle)
		return;
	up->all->ops->on_room(up->info.policy, up->all->ctx);
	if (l->n == 0 && !up->info.pooled)
		ask_ourselves(up, l);
}

/* ---- replying ---- */

/* Is it longer than that this lane's next reply has been due? */
static bool
is_late(const struct upstream *up, struct upstream_conn *l, uint64_t owes_us)
{
	uint64_t usual = LATE_REPLY_TIMES * up->reply_us;

	if (l->n == 0 || l->served != l->seen)
		l->ticks = 0;
	else
		l->ticks++;
	l->seen = l->served;
	return l->ticks >= LATE_TICKS && owes_us > (usual > LATE_REPLY_US ? usual : LATE_REPLY_US);
}

static void
look_at_open(struct upstream *up, struct upstream_conn *l, uint64_t now)
{
	struct upstream_conn_end end = {.cause = CAUSE_TIMEOUT,
					.why = failure_text(CAUSE_TIMEOUT),
					.connected = true,
					.unsent = conn_queued(l->conn)};
	uint64_t owes = upstream_conn_owes(l, now * 1000);

	if (owes > up->conf->reply_timeout * 1000) {
		upstream_ended(up, l, &end);
		return;
	}
	l->late = is_late(up, l, owes);
	if (!l->late || !upstream_is_current(l))
		return;
	up->late = true;
	upstream_mark(up);
	hint(up, now);
}

void
upstreams_tick(struct upstreams *all, uint64_t now)
{
	struct upstream *up;
	struct upstream_conn *l, *next;

	LIST_FOREACH(up, &all->list, link) {
		up->late = false;
		for (l = LIST_FIRST(&up->lanes); l != NULL; l = next) {
			next = LIST_NEXT(l, link);
			if (l->open)
				look_at_open(up, l, now);
			else
				look_at_connecting(up, l, now);
		}
	}
}
