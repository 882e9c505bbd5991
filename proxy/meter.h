/* meter.h - what a worker counts of its requests and of each policy's queue, in shared memory: a
 * row a worker, written by that worker alone. */
#ifndef POLICYPOOL_METER_H
#define POLICYPOOL_METER_H

#include <stdatomic.h>
#include <stdint.h>

#include "packet.h"
#include "scoreboard.h"

/* The clocks, by what they bound. */
#define METER_CLOCKS(X)                                             \
	X(queue)       /* waiting for a server */                   \
	X(connect)     /* connecting to one */                      \
	X(reply)       /* its reply */                              \
	X(request)     /* the whole, from arrival to answer */      \
	X(client_idle) /* a client that says nothing */             \
	X(client_send) /* a packet begun by a client to be whole */ \
	X(client_read) /* answers to be taken by a client */

#define METER_ENUM(name) METER_##name,
enum meter_clock { METER_CLOCKS(METER_ENUM) METER_CLOCK_COUNT };
#undef METER_ENUM

const char *meter_clock_text(enum meter_clock);

/* What turns requests away, by the setting. */
#define METER_GATES(X)                   \
	X(networks) /* allow and deny */ \
	X(rate_per_address)              \
	X(rate_per_srcid)

#define METER_ENUM(name) METER_GATE_##name,
enum meter_gate { METER_GATES(METER_ENUM) METER_GATE_COUNT };
#undef METER_ENUM

const char *meter_gate_text(enum meter_gate);

struct meter_row {
	_Atomic uint64_t
		error[PACKET_CODE_COUNT]; /* answers of type 3 that the proxy made, by code */
	_Atomic uint64_t timeout[METER_CLOCK_COUNT]; /* that ran out */
	_Atomic uint64_t gate[METER_GATE_COUNT];     /* requests that were turned away */
	_Atomic uint64_t queued, buffered; /* now: requests waiting; bytes held for clients */
	_Atomic uint64_t queued_max, buffered_max; /* the most that it ever was in one worker */
};

struct meter_queue {
	_Atomic uint64_t queued;	   /* now */
	_Atomic uint64_t queued_max;	   /* the most that it ever was in one worker */
	_Atomic uint64_t refused, expired; /* not let in; waited too long */
	_Atomic uint64_t
		turned_away; /* by a server that was full or about to end: went on waiting */
};

struct meter;

/* Shared with every child forked later.  NULL with errno. */
struct meter *meter_new(unsigned workers, unsigned policies);
void meter_free(struct meter *);

struct meter_row *meter_row(struct meter *, unsigned worker);
struct meter_queue *meter_queue(struct meter *, unsigned worker, unsigned policy);

/* The row's writer alone: what is there now, and the most there was. */
void meter_gauge(_Atomic uint64_t *now, _Atomic uint64_t *max, uint64_t value);

/* The master: the worker is dead: its counters are kept, what it held is 0. */
void meter_fold(struct meter *, unsigned worker);

/* All workers' rows added up; of the maxima the highest. */
void meter_sum(struct meter *, struct meter_row *out);
void meter_sum_queue(struct meter *, unsigned policy, struct meter_queue *out);

#endif
