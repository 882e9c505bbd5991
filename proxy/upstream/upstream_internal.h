/* upstream_internal.h - what upstream.c and upstream_usable.c share. */
#ifndef POLICYPOOL_UPSTREAM_INTERNAL_H
#define POLICYPOOL_UPSTREAM_INTERNAL_H

#include "backoff.h"
#include "upstream.h"

LIST_HEAD(upstream_conn_list, upstream_conn);

struct upstream {
	struct upstreams *all;
	unsigned index;
	struct registry_server info; /* of the incarnation that new lanes go to */
	struct upstream_conn_list lanes;
	unsigned lanes_n;     /* that take requests */
	unsigned connections; /* lanes, those that take none any more too */
	struct backoff pause;
	uint64_t retry_at; /* clock_ms(): not tried before */
	uint64_t told_at;  /* clock_ms(): of the last incident told */
	unsigned in_flight;
	bool proved;  /* it has answered this worker */
	bool late;    /* it owes a reply for longer than it usually takes */
	bool unasked; /* it sent a reply that nobody asked for: a connection is for one request */
	bool doubted; /* it failed a request and has answered none since: it gets one at a time */
	const char *unreached;	       /* why it could not be connected to, until it can; or NULL */
	bool waiting;		       /* for a permit */
	bool changed;		       /* among all->changed */
	bool shortage;		       /* retry_at is for a shortage of the proxy's own */
	uint64_t connect_us, reply_us; /* that it usually takes, smoothed; 0: nothing is known */
	uint64_t hinted_at;	       /* clock_ms(): the master was last told that it is late */
	uint64_t probed_since;	       /* clock_ms(): the master's probe was first seen; 0: none */
	uint64_t replaced_at; /* clock_ms(): a lane that declined gave way to a new one; 0: none */
	const struct policy_conf *conf; /* of its policy; borrowed from the settings */
	struct reply_check check;
	struct server_stats_cell *cell;
	LIST_ENTRY(upstream) link; /* in all->list */
};

struct upstreams {
	struct upstream_env env;
	const struct upstream_ops *ops;
	void *ctx;
	struct upstream **by_index;   /* NULL until first used */
	unsigned *changed, changed_n; /* indices, see upstreams_changed() */
	LIST_HEAD(upstream_list, upstream) list;
	struct worker_stats_row *meter;
	unsigned in_flight, waiting;
	uint64_t short_at, short_told; /* clock_ms(): of the last shortage of our own; told of it */
	const char *short_of;	       /* what that was of: a constant */
	uint32_t chance;	       /* for drawing lots, never 0 */
};

/* A connection has ended: its requests are told of, and what it says of the server is noted. */
void upstream_ended(struct upstream *, struct upstream_conn *, const struct upstream_conn_end *);

/* It could not be connected to, for that cause: it pauses, and the master is told. */
void upstream_unreachable(struct upstream *, enum failure_cause, const char *why);

void upstream_let_go(struct upstream_conn *); /* its flight is empty */

/* What upstream_standing() goes by has changed, or may have. */
static inline void
upstream_mark(struct upstream *up)
{
	if (up->changed)
		return;
	up->changed = true;
	up->all->changed[up->all->changed_n++] = up->index;
}

/* It takes no request any more. */
static inline void
upstream_retire(struct upstream_conn *l)
{
	struct upstream *up = l->ctx;

	if (l->leaving)
		return;
	l->leaving = true;
	up->lanes_n--;
	upstream_mark(up);
}

/* The counts are the worker's own; what others read is only told. */
static inline void
upstream_count_connections(struct upstream *up, int n)
{
	up->connections += (unsigned)n;
	counter_set(&up->cell->connections, up->connections);
	upstream_mark(up);
}

static inline void
upstream_count_in_flight(struct upstream *up, int n)
{
	up->in_flight += (unsigned)n;
	up->all->in_flight += (unsigned)n;
	counter_set(&up->cell->in_flight, up->in_flight);
	upstream_mark(up);
}

/* What upstream_timeout.c has for upstream.c: a lane is connected; one more reply took so long. */
void upstream_opened(struct upstream *, struct upstream_conn *);
static inline void
upstream_smooth(uint64_t *usual, uint64_t us)
{
	*usual = *usual == 0 ? us : *usual - *usual / 8 + us / 8;
}

/* It goes to where the server is now: what it meets says something of that one, and not of where it
 * was before. */
static inline bool
upstream_is_current(const struct upstream_conn *l)
{
	const struct upstream *up = l->ctx;

	return l->server.incarnation == up->info.incarnation;
}

/* It has not declined the last request that came back from it, telling when to come again. */
static inline bool
upstream_is_willing(const struct upstream_conn *l)
{
	return l->declines == 0;
}

/* Of those that take requests the one with the least in flight and room, the willing before the
 * others; NULL: none has room. */
struct upstream_conn *upstream_least_loaded(const struct upstream *);

/* A lane that is written to in this turn already and has not much to write: one more leaves in the
 * same system call, and is read and answered in one at the other end. */
struct upstream_conn *upstream_under_way(const struct upstream *);

/* Another lane may be kept. */
bool upstream_may_open(const struct upstream *);

/* None may; but this idle one, which has declined, may give way to a new one.  NULL: none may. */
struct upstream_conn *upstream_replaceable(const struct upstream *, uint64_t now);

#endif
