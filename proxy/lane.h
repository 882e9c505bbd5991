/* lane.h - one connection to a server, and the requests in flight on it, in order: the n-th reply
 * is the n-th request's.
 *
 * A lane on which anything went wrong (a reply nobody asked for, another's destid, no JSON, a
 * time-out) is never used again: a late reply can reach nobody. */
#ifndef POLICYPOOL_LANE_H
#define POLICYPOOL_LANE_H

#include "conn.h"
#include "incident.h"
#include "registry.h"
#include "request.h"
#include "settings.h"
#include "verify.h"

struct lane;

/* How a lane came to its end. */
struct lane_end {
	enum incident_cause cause;
	const char *why; /* in words: what the system said where that tells more than the cause */
	bool connected;	 /* before it */
	bool orderly;	 /* the server closed it between replies, having served on it before */
};

struct lane_ops {
	/* It is connected.  May be NULL. */
	void (*on_open)(struct lane *, void *ctx);
	/* The first in flight has its reply, judged, and is in flight no more; the reply borrows
	 * until return. */
	void (*on_reply)(struct lane *, struct request *, struct span reply, void *ctx);
	/* It was answered with an error that says nothing of it: it may go elsewhere. */
	void (*on_declined)(struct lane *, struct request *, void *ctx);
	/* It is over: take what is in flight, then lane_free(). */
	void (*on_end)(struct lane *, const struct lane_end *, void *ctx);
};

struct lane {
	const struct lane_ops *ops;
	void *ctx;
	struct conn_loop *loop;
	struct conn *conn; /* NULL once it is over */
	enum verify_how verify;
	bool open;	      /* connected */
	bool leaving;	      /* takes no more requests; the owner's */
	int permit;	      /* the owner's */
	uint64_t incarnation; /* of the server; the owner's */
	unsigned n;	      /* in flight */
	unsigned served;
	uint64_t opened_us; /* clock_us() */
	uint64_t ready_us;  /* clock_us(): connected, or the last reply came */
	struct request_list flight;
	LIST_ENTRY(lane) link; /* the owner's */
};

/* Starts connecting to a server, over TLS where it has announced that.  NULL with errno when that
 * failed at once. */
struct lane *lane_open(struct conn_loop *, const struct registry_server *,
		       const struct proxy_conf *, uint64_t connect_timeout, enum verify_how,
		       const struct lane_ops *, void *ctx);

/* That errno in words: EPROTONOSUPPORT and EPROTOTYPE say what settings have changed since the
 * server registered. */
const char *lane_why(int error);

/* Closes and frees; its flight is empty.  Not followed by on_end. */
void lane_free(struct lane *);

/* Puts the request in flight, in one write at the end of the loop's turn, with a newline where
 * asked for.  0, or -1 with the request as it was: no memory, or the lane is over. */
MUST_CHECK int lane_send(struct lane *, struct request *, bool newline);

/* Takes out the last in flight; NULL when there is none.  From the last to the first, so that who
 * puts them at the head of a queue keeps their order. */
struct request *lane_take_last(struct lane *);

/* For how long the server has owed the first reply: what it did before, and what others made it
 * wait behind, does not count.  In us; 0 when nothing is in flight. */
uint64_t lane_owes(const struct lane *, uint64_t now_us);

#endif
