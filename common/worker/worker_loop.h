/* worker_loop.h - a worker's loop: sleeps until an event comes, polls for a moment before it (busy
 * polling), and gives free memory back to the system.
 *
 * A wakeup costs more than a small request does, above all where an idle processor is put to
 * sleep (in a virtual machine: is taken away).  So a worker polls as long as that is not in vain:
 * the kernel does the same for sockets (net.core.busy_poll) and for virtual machines (halt
 * polling). It pays only instead of idling: it yields the processor between two looks, and stops
 * for a while when another process takes it.
 *
 * Waits are of two kinds, counted apart: with an answer expected, and without. */
#ifndef POLICYPOOL_WORKER_LOOP_H
#define POLICYPOOL_WORKER_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

/* ---- busy polling: pure ---- */

struct busy_poll_kind {
	unsigned vain; /* grows with each look that was in vain, shrinks with each that was not */
	unsigned skip; /* waits that are slept through before it is tried again */
};

/* All zero at first but for the limit. */
struct busy_poll {
	unsigned limit_us; /* to look on, at most; 0: never */
	struct busy_poll_kind kind[2];
	unsigned crowd;	      /* events at a time, a running mean, in sixteenths */
	uint64_t left_off_us; /* until then somebody else wants the processor */
};

/* Shall it look on, at an instant of clock_us()? */
bool busy_poll_may(const struct busy_poll *, bool expecting, uint64_t now_us);

/* Between two looks the processor was given away, and was back after so long.  True: go on. */
bool busy_poll_gave_way(struct busy_poll *, uint64_t away_us, uint64_t now_us);

/* So many events came at a time, whether it slept or not. */
void busy_poll_found(struct busy_poll *, unsigned events);

/* How a wait ended.  looked: it looked on, and then it slept after all, or not. */
void busy_poll_spared(struct busy_poll *, bool expecting);
void busy_poll_slept(struct busy_poll *, bool expecting, bool looked);

/* ---- the loop ---- */

/* Until event_base_loopbreak(), or there is nothing to wait for.  expects: is an answer to
 * something that was asked on its way?  NULL: never.  0, or -1 with errno when the loop fails. */
MUST_CHECK int worker_loop(struct event_base *, struct busy_poll *, bool (*expects)(void *state),
			   void *state);

/* ---- free memory that the allocator keeps: enough under load, none at rest ---- */

/* All zero: nothing is known yet. */
struct heap_trim {
	uint64_t done;
	bool rested; /* given back since */
};

/* Once, at the start of a process that serves. */
void heap_trim_init(void);

/* Regularly, with a count that rises as long as there is work: once it stands still, what is free
 * goes back to the system. */
void heap_trim(struct heap_trim *, uint64_t done);

#endif
