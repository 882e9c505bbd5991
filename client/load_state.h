/* load_state.h - internal to a load: load.c (the whole), load_lane.c (its connections). */
#ifndef POLICYPOOL_LOAD_STATE_H
#define POLICYPOOL_LOAD_STATE_H

#include <event2/event_struct.h>

#include "conn.h"
#include "load.h"

enum lane_state {
	LANE_RESTING,
	LANE_CONNECTING,
	LANE_OPEN,
	LANE_PAUSING,
	LANE_GIVEN_UP,
	LANE_STATES
};

struct load_flight {
	uint64_t sent_us;	     /* clock_us() */
	uint64_t first_us;	     /* likewise, when it was sent for the first time */
	char digest[DIGEST_HEX_MAX]; /* that its reply must have, if one is expected */
};

struct load_lane {
	struct load *load;
	enum lane_state state;
	struct conn *conn;  /* CONNECTING, OPEN; otherwise NULL */
	struct event timer; /* OPEN: a reply is due; PAUSING: the pause is over */
	struct proxies_choice choice;
	struct load_flight *ring; /* load->pipeline of them */
	unsigned head, n;	  /* oldest in flight; in flight */
	uint64_t sent_us;	  /* clock_us() of the last request on this connection; 0: none */
	bool leaving;		  /* OPEN: takes none any more, ends when all have their answers */
	bool answered;		  /* there was an answer on this connection */
};

struct load {
	struct load_conf conf;
	struct template *template;
	const struct load_ops *ops;
	void *ctx;
	struct conn_loop *conns;
	struct load_lane *lane; /* conf.parallel of them */
	struct load_flight *flights;
	unsigned in_state[LANE_STATES];
	struct event *over;	    /* the duration's end; NULL: there is none */
	unsigned unsent, in_flight; /* requests */
	unsigned again;		    /* of those unsent: told as sent before */
	uint64_t *since;	    /* ring of their first_us; again of as many as flights */
	unsigned oldest;	    /* of them */
	bool reached;		    /* there has been a connection */
	bool ended;
};

/* ---- load.c ---- */

/* After every change: is this the end?  why is what befell a lane just now, if anything did. */
void load_update(struct load *, const char *why);
/* A lane that has nothing to do takes what another could not have answered. */
void load_spread(struct load *);

/* ---- load_lane.c ---- */

void load_lane_connect(struct load_lane *);
/* OPEN: sends as much as may be in flight. */
void load_lane_fill(struct load_lane *);
void load_lane_fail_flights(struct load_lane *, const char *why);
/* An event's callback. */
void load_lane_on_timer(evutil_socket_t, short, void *lane);

#endif
