/* upstream.h - a worker's connections to the servers: opened, kept, matched with replies, closed.
 *
 *   request -> lane (upstream_conn.h) -> reply
 *
 * To a pooled server few lanes are kept, requests pipelined on each.  To a plain one a lane lives
 * for one request, and a permit (conn_limit.h) sees to it that there is one at a time over all
 * workers.
 *
 * A server that can't be connected to is left alone for a moment; one that failed a request gets
 * one at a time until it answers, and one that sent a reply which nobody asked for gets one at a
 * time, each on a connection of its own, for as long as it is registered as it is.  What more
 * follows is the master's to decide, see health.h. */
#ifndef POLICYPOOL_UPSTREAM_H
#define POLICYPOOL_UPSTREAM_H

#include "conn.h"
#include "conn_limit.h"
#include "failure_cause.h"
#include "proxy_conf.h"
#include "registry_snapshot.h"
#include "request.h"
#include "server_health.h"
#include "server_stats.h"
#include "upstream_conn.h"
#include "worker_stats.h"

struct upstreams;

enum upstream_loss {
	UPSTREAM_UNREACHED, /* could not connect: the server has not seen it */
	UPSTREAM_LATE,	    /* connecting takes long, and goes on: the server has not seen it */
	UPSTREAM_ENDED,	    /* a connection that has served was ended between two replies */
	UPSTREAM_BROKEN,    /* the connection ended, or spoke what is no reply to it */
	UPSTREAM_TIMEOUT,   /* no reply within reply_timeout */
	UPSTREAM_STOPPING,  /* the same: what is at its other end is about to stop, and said so */
	UPSTREAM_DECLINED   /* it takes nothing now, and said so; when it wants to be asked again is
			       the request's retry_after */
};

/* After BROKEN and TIMEOUT it is not known whether it ran.  ENDED by a server with `once` set means
 * that it said that it had not. */

struct upstream_ops {
	/* The reply as it came, judged; it and the server borrow until return.  The request is the
	 * callee's again. */
	void (*on_reply)(struct request *, const struct upstream_server *, struct span reply,
			 void *ctx);
	/* No valid reply.  The request is the callee's again, no more in flight. */
	void (*on_lost)(struct request *, const struct upstream_server *, enum upstream_loss,
			const char *why, void *ctx);
	/* Nobody waits for the connection that could not be made. */
	void (*on_unreached)(const struct upstream_server *, const char *why, void *ctx);
	/* The server failed, or is late, for the master to know; not each time when it does so
	 * often.
	 */
	void (*on_incident)(unsigned server, uint64_t incarnation, enum failure_cause, void *ctx);
	/* A lane to a server of that policy has room again: look at its queue. */
	void (*on_room)(unsigned policy, void *ctx);
};

struct upstream_env {
	const struct proxy_conf *conf; /* borrowed, all of them */
	struct conn_loop *loop;
	struct registry_snapshot *roster;
	struct permits *permits;
	struct counters *tally;
	struct worker_stats *meter;
	const struct verdicts *verdicts;
	unsigned worker, workers; /* of so many */
};

/* NULL on ENOMEM. */
struct upstreams *upstreams_new(const struct upstream_env *, const struct upstream_ops *,
				void *ctx);
/* What is in flight must have been taken back, see upstreams_abandon(). */
void upstreams_free(struct upstreams *);

/* The roster was made anew: lets lanes to servers that left or moved run out. */
void upstreams_refresh(struct upstreams *);

/* Could a server take a request now, as far as this worker knows, and if not, why? */
#define UPSTREAM_VERDICTS(X)                                                            \
	X(UPSTREAM_USABLE, "usable")                                                    \
	X(UPSTREAM_DRAINING, "draining: an operator wants it to take nothing new")      \
	X(UPSTREAM_DISABLED, "disabled by an operator")                                 \
	X(UPSTREAM_EJECTED, "ejected: it failed, see ppool-ctl servers")                \
	X(UPSTREAM_RAMPING, "slow start: it has just returned and sits out turns")      \
	X(UPSTREAM_DOUBTED, "in doubt: it failed, and has one request to answer")       \
	X(UPSTREAM_UNTRIED, "untried: it has answered nobody yet")                      \
	X(UPSTREAM_TRIED, "on trial: it has answered nobody yet, and has one request")  \
	X(UPSTREAM_CONNECTING, "connecting: that takes long")                           \
	X(UPSTREAM_OVERDUE, "late: it owes a reply for longer than it usually takes")   \
	X(UPSTREAM_FAILING, "failing: in use when there is nobody better")              \
	X(UPSTREAM_TOO_SMALL, "plain: the request is larger than plain_message")        \
	X(UPSTREAM_PAUSING, "pausing: it could not be reached a moment ago")            \
	X(UPSTREAM_SHORT, "pausing: the proxy ran out of descriptors, ports or memory") \
	X(UPSTREAM_STANDBY, "backup: another server of the policy is up")               \
	X(UPSTREAM_FULL, "full: every connection to it has all that it may have in flight")
#define UPSTREAM_ENUM(name, text) name,
enum upstream_verdict { UPSTREAM_VERDICTS(UPSTREAM_ENUM) UPSTREAM_VERDICT_COUNT };
#undef UPSTREAM_ENUM

enum upstream_verdict upstream_usable(struct upstreams *, unsigned server, size_t bytes,
				      uint64_t now);
const char *upstream_verdict_text(enum upstream_verdict);

/* What holds for a server until upstreams_changed() names it, its health (server_health.h) changes
 * or the roster is made anew; for requests which are no larger than it takes. */
enum upstream_standing {
	UPSTREAM_READY, /* usable */
	UPSTREAM_NEW,	/* UPSTREAM_UNTRIED */
	UPSTREAM_LADEN, /* full, or plain with all the connections that it takes from here */
	UPSTREAM_VARIES /* to be asked for each time */
};
enum upstream_standing upstream_standing(const struct upstreams *, unsigned server, uint64_t now);

/* A server of which something has changed since, by what this worker has to do with it: each once.
 * -1: no further one. */
int upstreams_changed(struct upstreams *);

/* Requests that this worker has in flight at a server. */
unsigned upstream_in_flight(const struct upstreams *, unsigned server);

/* The same with what it comes from, for show. */
struct upstream_sight {
	enum upstream_verdict verdict;
	bool busy; /* though usable: all its connections are held, by other workers too */
	unsigned in_flight, room; /* of this worker: what is, and what may be */
	unsigned slots;		  /* connections at once, over all workers */
	uint64_t pause;		  /* PAUSING: ms to come */
};

void upstream_snapshot(struct upstreams *, unsigned server, size_t bytes, uint64_t now,
		       struct upstream_sight *);

/* Has that server a connection with room which has not declined a request a moment ago, or may one
 * more be opened?  Each is one to some worker of the server. */
bool upstream_has_willing(struct upstreams *, unsigned server, uint64_t now);

/* Puts the request in flight.  0, or -1 when it can't be done now after all: the request is as it
 * was. why is set then, if it was for more than lack of room. */
MUST_CHECK int upstream_send(struct upstreams *, unsigned server, struct request *,
			     const char **why);

/* After upstream_send(): is it for a probe of the master's that it had no room?  Worth waiting for:
 * it takes but a moment, and a request that waited for that longer is refused. */
bool upstream_is_probed(struct upstreams *, unsigned server, uint64_t now);

/* Gives up waiting for permits that no queued request needs. */
void upstreams_stop_waiting(struct upstreams *);

/* Lets lanes run out when their turn is over and other workers wait for their permits. */
void upstreams_yield(struct upstreams *);

/* Replies that are overdue.  now in clock_ms(). */
void upstreams_tick(struct upstreams *, uint64_t now);

/* What this process lacked a moment ago to connect to a server (net_shortage()), NULL: nothing. */
const char *upstreams_short_of(const struct upstreams *, uint64_t now);

unsigned upstreams_in_flight(const struct upstreams *);

/* By lot: for shares and jitter, nothing secret. */
uint32_t upstreams_draw(struct upstreams *);

/* Closes every lane; frees requests of clients that have gone, leaves the others to their clients.
 */
void upstreams_abandon(struct upstreams *);

#endif
