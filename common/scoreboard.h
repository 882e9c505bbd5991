/* scoreboard.h - a row a worker in shared memory, written by that worker alone.
 *
 * Every cell is one word, stored whole: a worker killed in the middle of an update leaves old
 * values or new ones, never broken ones.  Only the master clears a row, once its worker is reaped.
 */
#ifndef POLICYPOOL_SCOREBOARD_H
#define POLICYPOOL_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A worker and the connections that wait. */
enum scoreboard_accepting {
	ACCEPTING_NOT,
	ACCEPTING,
	ACCEPTING_LATER /* for a moment it leaves them to the others */
};

/* Counters first (they outlive the worker: the master adds them to the base row), then gauges. */
#define SCOREBOARD_COUNTERS(X)                                 \
	X(accepted)	  /* connections taken */              \
	X(requests)	  /* packets answered well */          \
	X(errors)	  /* packets answered with an error */ \
	X(bytes_in)	  /* of packets read */                \
	X(bytes_out)	  /* of answers written */             \
	X(tls_handshakes) /* that both sides agreed in */      \
	X(tls_failed)	  /* that did not, or took too long */ \
	X(tls_refused)	  /* for there were too many */
#define SCOREBOARD_GAUGES(X)                                         \
	X(connections)	   /* open now */                            \
	X(accepting)	   /* enum scoreboard_accepting */           \
	X(in_flight)	   /* requests taken and not yet answered */ \
	X(tls_handshaking) /* under way */                           \
	X(heartbeat)	   /* clock_ms() of the loop's last turn */

#define SCOREBOARD_CELL(name) _Atomic uint64_t name;
struct scoreboard_row {
	_Alignas(64) SCOREBOARD_COUNTERS(SCOREBOARD_CELL) SCOREBOARD_GAUGES(SCOREBOARD_CELL)
};
#undef SCOREBOARD_CELL

struct scoreboard;

/* Shared with every child forked later.  NULL with errno. */
struct scoreboard *scoreboard_new(unsigned rows);
void scoreboard_free(struct scoreboard *);

unsigned scoreboard_rows(const struct scoreboard *);
struct scoreboard_row *scoreboard_row(struct scoreboard *, unsigned i);

/* Master: the worker of row i is reaped; its counters are kept in the base row, all else is 0. */
void scoreboard_clear(struct scoreboard *, unsigned i);

/* All rows and the base added up; gauges of living workers only. */
void scoreboard_sum(const struct scoreboard *, struct scoreboard_row *out);

/* The fewest connections of a row that accepts, `but` left out.  False when there is none. */
bool scoreboard_least(const struct scoreboard *, unsigned but, uint64_t *least);
/* The same of the connections that they have accepted since each had accepted so many, among those
 * that do not wait for others themselves. */
bool scoreboard_least_accepted(const struct scoreboard *, unsigned but, const uint64_t *since,
			       uint64_t *least);

/* One writer a cell: a relaxed load and store, no locked instruction. */
static inline void
scoreboard_add(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void
scoreboard_set(_Atomic uint64_t *cell, uint64_t v)
{
	atomic_store_explicit(cell, v, memory_order_relaxed);
}

static inline uint64_t
scoreboard_get(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

#endif
