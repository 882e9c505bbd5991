/* relay_state.h - what the files of the relay share: relay.c (the way in, and to a server),
 * relay_back.c (the way back), relay_clock.c (what ends in time).  Internal to them. */
#ifndef POLICYPOOL_RELAY_STATE_H
#define POLICYPOOL_RELAY_STATE_H

#include "chooser.h"
#include "lines.h"
#include "relay.h"
#include "retry.h"

struct relay {
	struct relay_env env;
	const struct relay_ops *ops;
	void *ctx;
	struct roster *roster;
	struct upstreams *upstreams;
	struct lines *lines;
	struct waitlist life; /* of all requests: since they came */
	struct meter_row *meter;
	struct chooser *chooser;
	struct retry retry;
	struct event *tick;
};

/* What the connections to the servers tell. */
extern const struct upstream_ops relay_upstream_ops;

/* In clock_ms(), of this turn of the loop. */
uint64_t relay_now(const struct relay *);

/* Answers with an error of ours.  retry_after in ms; 0 leaves it out. */
void relay_refuse(struct relay *, struct request *, enum packet_code, const char *why,
		  unsigned retry_after);
void relay_fail(struct relay *, struct request *, enum packet_code, const char *why);

/* Takes it out of whatever it waits in. */
void relay_leave_waiting(struct relay *, struct request *);

/* Looks for servers: for those on a further try, for those who wait in a line, for all. */
void relay_try_parked(struct relay *);
void relay_dispatch(struct relay *, struct line *);

/* Nobody waits any more: then no permit is waited for either. */
void relay_stop_waiting(struct relay *);

/* The clock runs while anything is pending. */
void relay_keep_ticking(struct relay *);
void relay_on_tick(evutil_socket_t, short, void *);

#endif
