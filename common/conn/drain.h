/* drain.h - graceful shutdown of a worker's connections, so that no request is lost.
 *
 *   GRACE   it still accepts: connections from before it left wait in the backlog
 *   QUIET   nothing new; a connection is answered until nothing has come for a while, then ended
 *   LAST    the time is nearly over: what is asked now is refused, which tells a peer that never
 *           pauses to go; a connection is ended as before
 *   OVER    a connection is ended between two answers, whatever comes
 *
 * Ended means our side first: the peer knows that what it has no answer to was not answered.  It is
 * never ended right after an answer: a peer that asks again at once could not know. */
#ifndef POLICYPOOL_DRAIN_H
#define POLICYPOOL_DRAIN_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

enum drain_phase { DRAIN_NOT, DRAIN_GRACE, DRAIN_QUIET, DRAIN_LAST, DRAIN_OVER };

struct drain;

/* on_turn is called every few ms from drain_begin() on: look at the connections.  NULL on ENOMEM.
 */
struct drain *drain_new(struct event_base *, void (*on_turn)(void *ctx), void *ctx);
void drain_free(struct drain *); /* NULL is fine */

/* limit: ms that all may take.  grace: false where others accept at the same place. */
void drain_begin(struct drain *, uint64_t limit, bool grace);

enum drain_phase drain_phase(const struct drain *);

/* May a connection end on which the last packet or answer was at `heard` (clock_ms(); 0: none since
 * the beginning)?  Its descriptor tells how far the peer is: from there the next request takes a
 * round trip longer.  Before OVER only if nothing waits on it to be read. */
bool drain_is_due(const struct drain *, uint64_t heard, int fd);

#endif
