/* upstream_inside.h - what upstream.c and upstream_judge.c share. */
#ifndef POLICYPOOL_UPSTREAM_INSIDE_H
#define POLICYPOOL_UPSTREAM_INSIDE_H

#include "backoff.h"
#include "lane.h"
#include "upstream.h"

LIST_HEAD(lane_list, lane);

struct upstream {
	struct upstreams *all;
	unsigned index;
	struct registry_server info; /* of the incarnation that new lanes go to */
	struct lane_list lanes;
	unsigned lanes_n; /* that take requests */
	struct backoff pause;
	uint64_t retry_at; /* clock_ms(): not tried before */
	uint64_t told_at;  /* clock_ms(): of the last incident told */
	unsigned in_flight;
	bool doubted; /* it failed a request and has answered none since: it gets one at a time */
	bool waiting; /* for a permit */
	enum verify_how verify;
	struct tally_cell *cell;
	LIST_ENTRY(upstream) link; /* in all->list */
};

struct upstreams {
	struct upstream_env env;
	const struct upstream_ops *ops;
	void *ctx;
	struct upstream **by_index; /* NULL until first used */
	LIST_HEAD(upstream_list, upstream) list;
	struct meter_row *meter;
	unsigned in_flight, waiting;
	uint32_t chance; /* for drawing lots, never 0 */
};

/* Of those that take requests the one with the least in flight and room; NULL: none has room. */
struct lane *upstream_least_loaded(const struct upstream *);

/* A lane that is written to in this turn already and has not much to write: one more leaves in the
 * same system call, and is read and answered in one at the other end. */
struct lane *upstream_under_way(const struct upstream *);

/* Another lane may be kept. */
bool upstream_may_open(const struct upstream *);

#endif
