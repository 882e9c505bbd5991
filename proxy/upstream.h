/* upstream.h - a worker's connections to the servers: opened, kept, matched with replies, given up.
 *
 *   request -> lane (lane.h) -> reply
 *
 * To a pooled server few lanes are kept, requests pipelined on each.  To a plain one a lane lives
 * for one request, and a permit (permit.h) sees to it that there is one at a time over all workers.
 *
 * A server that can't be connected to is left alone for a moment; one that failed a request gets
 * one at a time until it answers.  What more follows is the master's to decide, see health.h. */
#ifndef POLICYPOOL_UPSTREAM_H
#define POLICYPOOL_UPSTREAM_H

#include "conn.h"
#include "health.h"
#include "meter.h"
#include "permit.h"
#include "request.h"
#include "roster.h"
#include "settings.h"
#include "tally.h"
#include "verdict.h"

struct upstreams;

enum upstream_loss {
	UPSTREAM_UNREACHED, /* could not connect: the server has not seen it */
	UPSTREAM_ENDED,	    /* a connection that has served was ended between two replies */
	UPSTREAM_BROKEN,    /* the connection ended, or spoke what is no reply to it */
	UPSTREAM_TIMEOUT,   /* no reply within reply_timeout */
	UPSTREAM_DECLINED   /* it takes nothing now, and said so */
};

struct upstream_ops {
	/* The reply as it came, judged; it borrows until return.  The request is the callee's
	 * again. */
	void (*on_reply)(struct request *, unsigned server, struct span reply, void *ctx);
	/* No valid reply.  The request is the callee's again, no more in flight. */
	void (*on_lost)(struct request *, unsigned server, enum upstream_loss, const char *why,
			void *ctx);
	/* The server failed, for the master to know; not each time when it fails often. */
	void (*on_incident)(unsigned server, uint64_t incarnation, enum incident_cause, void *ctx);
	/* A lane to a server of that policy has room again: look at its queue. */
	void (*on_room)(unsigned policy, void *ctx);
};

struct upstream_env {
	const struct proxy_conf *conf; /* borrowed, all of them */
	struct conn_loop *loop;
	struct roster *roster;
	struct permits *permits;
	struct tally *tally;
	struct meter *meter;
	const struct verdicts *verdicts;
	unsigned worker;
};

/* NULL on ENOMEM. */
struct upstreams *upstreams_new(const struct upstream_env *, const struct upstream_ops *,
				void *ctx);
/* What is in flight must have been taken back, see upstreams_abandon(). */
void upstreams_free(struct upstreams *);

/* The roster was made anew: lets lanes to those who left or moved run out. */
void upstreams_refresh(struct upstreams *);

/* Could a server take a request now, as far as this worker knows, and if not, why? */
#define UPSTREAM_VERDICTS(X)                                                       \
	X(UPSTREAM_USABLE, "usable")                                               \
	X(UPSTREAM_DRAINING, "draining: an operator wants it to take nothing new") \
	X(UPSTREAM_DISABLED, "disabled by an operator")                            \
	X(UPSTREAM_EJECTED, "ejected: it failed, see ppool-ctl servers")           \
	X(UPSTREAM_RAMPING, "slow start: it has just returned and sits out turns") \
	X(UPSTREAM_DOUBTED, "in doubt: it failed, and has one request to answer")  \
	X(UPSTREAM_TOO_SMALL, "plain: the request is larger than plain_message")   \
	X(UPSTREAM_PAUSING, "pausing: it could not be reached a moment ago")       \
	X(UPSTREAM_FULL, "full: every connection to it has all that it may have in flight")
#define UPSTREAM_ENUM(name, text) name,
enum upstream_verdict { UPSTREAM_VERDICTS(UPSTREAM_ENUM) UPSTREAM_VERDICT_COUNT };
#undef UPSTREAM_ENUM

enum upstream_verdict upstream_judge(struct upstreams *, unsigned server, size_t bytes,
				     uint64_t now);
const char *upstream_verdict_text(enum upstream_verdict);

/* The same with what it comes from, for whoever wants to know why. */
struct upstream_sight {
	enum upstream_verdict verdict;
	bool busy; /* though usable: all its connections are held, by other workers too */
	unsigned in_flight, room; /* of this worker: what is, and what may be */
	unsigned slots;		  /* connections at once, over all workers */
	uint64_t pause;		  /* PAUSING: ms to come */
};

void upstream_look(struct upstreams *, unsigned server, size_t bytes, uint64_t now,
		   struct upstream_sight *);

/* Puts the request in flight.  0, or -1 when it can't be done now after all: the request is as it
 * was. why is set then, if it was for more than lack of room. */
MUST_CHECK int upstream_send(struct upstreams *, unsigned server, struct request *,
			     const char **why);

/* Gives up waiting for permits that no queued request needs. */
void upstreams_stop_waiting(struct upstreams *);

/* Lets lanes run out whose permits other workers wait for, when their turn is over. */
void upstreams_yield(struct upstreams *);

/* Replies that are overdue.  now in clock_ms(). */
void upstreams_tick(struct upstreams *, uint64_t now);

unsigned upstreams_in_flight(const struct upstreams *);

/* Closes every lane; frees requests whose client has gone, leaves the others to their clients. */
void upstreams_abandon(struct upstreams *);

#endif
