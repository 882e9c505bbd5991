/* wait_queues.h - where a worker's requests wait: a line for each policy, and all of them
 * together.
 *
 * A line belongs to a policy by name: while somebody waits in it, it is not given to another that
 * has come to have the same index. */
#ifndef POLICYPOOL_WAIT_QUEUES_H
#define POLICYPOOL_WAIT_QUEUES_H

#include "fair_queue.h"
#include "proxy_conf.h"
#include "registry_snapshot.h"
#include "worker_stats.h"

/* How quickly a queue is served, and what that says of waiting in it.  Pure; times in ms of
 * clock_ms().  All zero to begin with. */
struct service_rate {
	bool known, guessed;  /* after two windows; after one */
	uint64_t interval_us; /* from one served to the next, when known or guessed */
	uint64_t begun;	      /* of the window being measured */
	uint64_t measured;    /* when the last one ended */
	unsigned served;      /* in this window */
};

/* Somebody waits where nobody did. */
void service_rate_begin(struct service_rate *, uint64_t now);

/* One that waited has gone to a server. */
static inline void
service_rate_served(struct service_rate *p)
{
	p->served++;
}

/* From time to time while somebody waits. */
void service_rate_tick(struct service_rate *, uint64_t now);

/* How long the next one waits with so many ahead of it; 0 where that isn't known. */
uint64_t service_rate_wait(const struct service_rate *, unsigned ahead);

enum { LINE_WHY = 160 };

struct line {
	struct fair_queue queue;
	struct service_rate pace;
	const struct policy_conf *conf;	   /* of its policy; borrowed from the settings */
	struct timeout_list *waits, *life; /* of its timeouts, among those of all lines */
	char policy[PACKET_ID_MAX + 1];
	bool replaced;	    /* its index is another policy's now */
	unsigned tenure;    /* another number for each policy that has had the index */
	char why[LINE_WHY]; /* what kept the last one from being sent; empty: nothing did */
	struct worker_stats_queue *meter;
	bool busy;	       /* somebody waits */
	LIST_ENTRY(line) link; /* in the list of those */
	/* Requests that a server has declined (hold.h), by whether they go before their time where
	 * there is room. */
	struct request_list held[2];
	unsigned held_n[2];
	LIST_ENTRY(line) held_link; /* in the list of lines with any */
};

struct wait_queues;

/* Settings and meter are borrowed.  NULL on ENOMEM. */
struct wait_queues *wait_queues_new(unsigned policies, const struct proxy_conf *,
				    struct worker_stats *, unsigned worker);
void wait_queues_free(struct wait_queues *); /* nobody waits any more, or is taken out any more */

/* The registry has changed: is the line of that index still this policy's? */
void line_check(struct wait_queues *, const struct registry_snapshot_policy *);

/* The line of that policy, which line_check() has seen; one in which nobody waits begins anew. */
struct line *line_of(struct wait_queues *, const struct registry_snapshot_policy *);

/* The line of an index, of whichever policy. */
struct line *line_at(struct wait_queues *, unsigned policy);

/* Into the line of its policy, as a request that has waited since then. */
void line_put(struct wait_queues *, struct request *, uint64_t since);
/* As the next of all there. */
void line_put_first(struct wait_queues *, struct request *, uint64_t since);
void line_take(struct wait_queues *, struct request *, bool served);

/* State HELD, as one that has waited since then; in front of next (NULL: the last of its list). */
void line_hold(struct wait_queues *, struct request *, uint64_t since, struct request *next);
void line_unhold(struct wait_queues *, struct request *);
static inline unsigned
line_held(const struct line *line)
{
	return line->held_n[0] + line->held_n[1];
}

unsigned wait_queues_waiting(const struct wait_queues *); /* in lines */
unsigned wait_queues_held(const struct wait_queues *);
unsigned wait_queues_eager(const struct wait_queues *); /* held, and eager */

/* Lines in which somebody waits.  The next one may be asked for once the line has been emptied. */
struct line *wait_queues_first(const struct wait_queues *);
struct line *wait_queues_next(const struct line *);
/* Lines with requests that are held; the same. */
struct line *wait_queues_first_held(const struct wait_queues *);
struct line *wait_queues_next_held(const struct line *);

/* One that has waited for longer than its policy's queue_timeout, in a line or elsewhere in
 * line->waits; one whose whole time, request_timeout in line->life, is over.  NULL: none. */
struct request *wait_queues_overdue(const struct wait_queues *, uint64_t now);
struct request *wait_queues_outlived(const struct wait_queues *, uint64_t now);

/* From time to time: measures how quickly they are served. */
void wait_queues_tick(struct wait_queues *, uint64_t now);

#endif
