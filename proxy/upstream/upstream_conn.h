/* upstream_conn.h - one connection to a server, and the requests in flight on it, in order: the
 * n-th reply is the n-th request's.
 *
 * A lane on which anything went wrong (a reply nobody asked for, another's destid, no JSON, a
 * time-out) is never used again: a late reply can reach nobody.  What comes before any byte of the
 * first in flight has left is no reply to it, nor is what begins while nothing is in flight. */
#ifndef POLICYPOOL_UPSTREAM_CONN_H
#define POLICYPOOL_UPSTREAM_CONN_H

#include "conn.h"
#include "failure_cause.h"
#include "proxy_conf.h"
#include "registry.h"
#include "reply_check.h"
#include "request.h"

struct upstream_conn;

/* The server as it was when the connection was begun: its index in the registry may be another's
 * since. */
struct upstream_server {
	unsigned index; /* the owner's */
	bool pooled;	/* a newline ends each request */
	bool once;	/* what it may have run is not to be sent again */
	uint32_t user;	/* see struct registry_server */
	uint64_t incarnation;
	char id[PACKET_ID_MAX + 1];
};

/* How a lane came to its end. */
struct upstream_conn_end {
	enum failure_cause cause;
	const char *why; /* in words: what the system said where that tells more than the cause */
	bool connected;	 /* before it */
	bool orderly;	 /* the server closed it between replies, having served on it before */
	bool farewell;	 /* the server has said that nothing which is in flight was run */
	bool unasked;	 /* the server sent what answers no request that had left */
	size_t unsent;	 /* bytes of the last in flight that never left */
};

enum upstream_conn_what {
	UPSTREAM_CONN_OPENED,	/* it is connected */
	UPSTREAM_CONN_REPLIED,	/* the first in flight has its reply, and is in flight no more */
	UPSTREAM_CONN_DECLINED, /* the same with an error that says nothing of it: it may go
				   elsewhere */
	UPSTREAM_CONN_STOPPING, /* the same, as will be what else is sent on it */
	UPSTREAM_CONN_ENDED	/* it is over: take what is in flight, then upstream_conn_free() */
};

/* What happens on a lane; it borrows until return. */
struct upstream_conn_event {
	enum upstream_conn_what what;
	struct request *request;	     /* REPLIED, DECLINED, STOPPING */
	struct span reply;		     /* the same: judged, see reply_check.h */
	bool last;			     /* REPLIED: it reads nothing that was sent after it */
	const struct upstream_conn_end *end; /* ENDED */
};

typedef void upstream_conn_fn(struct upstream_conn *, const struct upstream_conn_event *,
			      void *ctx);

struct upstream_conn {
	upstream_conn_fn *on_event;
	void *ctx;
	struct conn_loop *loop;
	struct conn *conn; /* NULL once it is over */
	struct reply_check check;
	bool open;    /* connected */
	bool leaving; /* takes no more requests; the owner's */
	bool late;    /* to connect, or with a reply; the owner's */
	uint64_t
		declines_until; /* clock_ms(): it declined, and wants no more before; the owner's */
	unsigned declines;	/* in a row; the owner's */
	unsigned ticks;		/* of the owner's clock that it has been waited for */
	unsigned seen;		/* served, at the last of these */
	int permit;		/* the owner's */
	struct upstream_server server;
	unsigned n;   /* in flight */
	size_t bytes; /* of these */
	unsigned served;
	uint64_t begun_us;  /* clock_us(): it began to connect */
	uint64_t opened_us; /* clock_us() */
	uint64_t ready_us;  /* clock_us(): connected, or the last reply came */
	struct request_list flight;
	LIST_ENTRY(upstream_conn) link; /* the owner's */
};

/* Starts connecting to a server, over TLS where it has announced that.  NULL with errno when that
 * failed at once. */
struct upstream_conn *upstream_conn_open(struct conn_loop *loop, const struct registry_server *s,
					 const struct proxy_conf *conf, uint64_t connect_timeout,
					 const struct reply_check *, upstream_conn_fn *on_event,
					 void *ctx);

/* That errno in words: EPROTONOSUPPORT and EPROTOTYPE say what settings have changed since the
 * server registered. */
const char *upstream_conn_why(int error);

/* Closes and frees; its flight is empty.  Not followed by on_end. */
void upstream_conn_free(struct upstream_conn *);

/* Puts the request in flight, in one write at the end of the loop's turn, with a newline where
 * asked for.  0, or -1 with the request as it was: no memory, or the lane is over. */
MUST_CHECK int upstream_conn_send(struct upstream_conn *, struct request *, bool newline);

/* Nothing of what was sent on it has left yet, for it is not connected: takes back the bytes.  What
 * is in flight is to be taken out by the caller. */
void upstream_conn_take_back(struct upstream_conn *);

/* Takes out the last in flight; NULL when there is none.  From the last to the first, so that they
 * keep their order at the head of a queue. */
struct request *upstream_conn_take_last(struct upstream_conn *);

/* For how long the server has owed the first reply: what it did before, and what others made it
 * wait behind, does not count.  In us; 0 when nothing is in flight. */
uint64_t upstream_conn_owes(const struct upstream_conn *, uint64_t now_us);

#endif
