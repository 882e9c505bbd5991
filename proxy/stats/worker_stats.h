/* worker_stats.h - what a worker counts of its requests and of each policy's queue (counters.h),
 * and what the master counts of registrations. */
#ifndef POLICYPOOL_WORKER_STATS_H
#define POLICYPOOL_WORKER_STATS_H

#include <stdint.h>

#include "counters.h"
#include "packet.h"

/* The clocks, by what they bound. */
#define WORKER_STATS_CLOCKS(X)                                      \
	X(queue)       /* waiting for a server */                   \
	X(connect)     /* connecting to one */                      \
	X(reply)       /* its reply */                              \
	X(request)     /* the whole, from arrival to answer */      \
	X(client_idle) /* a client that says nothing */             \
	X(client_send) /* a packet begun by a client to be whole */ \
	X(client_read) /* answers to be taken by a client */

#define WORKER_STATS_ENUM(name) WORKER_STATS_##name,
enum worker_stats_clock { WORKER_STATS_CLOCKS(WORKER_STATS_ENUM) WORKER_STATS_CLOCK_COUNT };
#undef WORKER_STATS_ENUM

const char *worker_stats_clock_text(unsigned clock);

/* What turns requests away, by the setting. */
#define WORKER_STATS_GATES(X)            \
	X(networks) /* allow and deny */ \
	X(rate_per_address)              \
	X(rate_per_srcid)

#define WORKER_STATS_ENUM(name) WORKER_STATS_GATE_##name,
enum worker_stats_gate { WORKER_STATS_GATES(WORKER_STATS_ENUM) WORKER_STATS_GATE_COUNT };
#undef WORKER_STATS_ENUM

const char *worker_stats_gate_text(unsigned gate);

/* packet_code_text(), but NULL for what is no error. */
const char *worker_stats_error_text(unsigned code);

/* parked: waiting for a further try (retry_budget.h).  Answers that are errors are those that the
 * proxy made, of type 3. */
#define WORKER_STATS(X, A)                                                                 \
	X(COUNTER_GAUGE, queued, "queued", "queued", "Requests that wait for a server.")   \
	X(COUNTER_MAX, queued_max, "queued_max", NULL, NULL)                               \
	X(COUNTER_GAUGE, retrying, "retrying", NULL, NULL)                                 \
	X(COUNTER_GAUGE, parked, "retry_queued", NULL, NULL)                               \
	X(COUNTER_MAX, buffered_max, "buffered_max", NULL, NULL)                           \
	A(COUNTER, error, PACKET_CODE_COUNT, "refused", "answered_errors_total",           \
	  "Errors that the proxy answered requests with, by code.", "code",                \
	  worker_stats_error_text)                                                         \
	A(COUNTER, timeout, WORKER_STATS_CLOCK_COUNT, "timeouts", "timeouts_total",        \
	  "Timeouts, by kind.", "clock", worker_stats_clock_text)                          \
	A(COUNTER, gate, WORKER_STATS_GATE_COUNT, "turned_away", "turned_away_total",      \
	  "Requests that were turned away, by the setting.", "by", worker_stats_gate_text) \
	A(COUNTER_LATENCY, latency, COUNTERS_LATENCY, NULL, "latency_seconds",             \
	  "Time from a request's arrival to its answer, an error or not.", NULL, NULL)

/* Of a policy's queue.  refused: not let in; expired: waited too long; turned_away: by a server
 * that was full or about to end, went on waiting; held: by one that told when to come again. */
#define QUEUE_STATS(X, A)                                                                          \
	X(COUNTER_GAUGE, queued, "queued", "queued", "Requests that wait for a server.")           \
	X(COUNTER_MAX, queued_max, "queued_max", NULL, NULL)                                       \
	X(COUNTER, expired, "expired", "expired_total",                                            \
	  "Requests that waited too long for a server.")                                           \
	X(COUNTER, refused, "refused", "refused_total", "Requests that its queue did not let in.") \
	X(COUNTER, turned_away, "turned_away", "turned_away_total",                                \
	  "Requests that a full or ending server left to the others.")                             \
	X(COUNTER, held, "held", "held_total",                                                     \
	  "Requests that a server declined and that wait until they may come again.")

COUNTERS_DECLARE(worker_stats_row, WORKER_STATS);
COUNTERS_DECLARE(worker_stats_queue, QUEUE_STATS);

struct worker_stats {
	struct counters *rows;	 /* one column */
	struct counters *queues; /* by policy index */
};

/* Shared with every child forked later.  NULL with errno. */
struct worker_stats *worker_stats_new(unsigned workers, unsigned policies);
void worker_stats_free(struct worker_stats *);

/* In a worker, first of all: it can write its own rows alone.  0, or -1 with errno. */
MUST_CHECK int worker_stats_enter(struct worker_stats *, unsigned worker);
/* The master: the worker is dead. */
void worker_stats_fold(struct worker_stats *, unsigned worker);

/* For their writer. */
static inline struct worker_stats_row *
worker_stats_row(const struct worker_stats *m, unsigned worker)
{
	return counters_own(m->rows, worker, 0);
}

static inline struct worker_stats_queue *
worker_stats_queue(const struct worker_stats *m, unsigned worker, unsigned policy)
{
	return counters_own(m->queues, worker, policy);
}

/* ---- registrations, since the start of the master, which counts alone ---- */

/* What is done for an announcement, in the words of its acknowledgement. */
#define REGISTRATION_VERBS(X)                    \
	X(REGISTRATION_CHALLENGE, "challenge")   \
	X(REGISTRATION_REGISTERED, "registered") \
	X(REGISTRATION_RENEWED, "renewed")       \
	X(REGISTRATION_DEREGISTERED, "deregistered")
#define REGISTRATION_ENUM(name, text) name,
enum registration_verb { REGISTRATION_VERBS(REGISTRATION_ENUM) REGISTRATION_VERB_COUNT };
#undef REGISTRATION_ENUM

const char *registration_verb_text(unsigned verb);

#define REGISTRATION_STATS(X, A)                                                                 \
	A(COUNTER, done, REGISTRATION_VERB_COUNT, "registrations", "registrations_total",        \
	  "Registrations that were accepted, by what was done.", "verb", registration_verb_text) \
	A(COUNTER_SPARSE, refused, PACKET_CODE_COUNT, "registrations_refused",                   \
	  "registrations_refused_total", "Registrations that were refused, by code.", "code",    \
	  worker_stats_error_text)

COUNTERS_DECLARE(registration_stats, REGISTRATION_STATS);

#endif
