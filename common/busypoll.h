/* busypoll.h - whether a worker that has nothing to do looks on for a moment before it sleeps.
 * Pure.
 *
 * Being woken costs more than a small request does, above all where an idle processor is put to
 * sleep (in a virtual machine: is taken away).  So whoever is likely to be asked again soon looks
 * on: the kernel does the same for sockets (net.core.busy_poll) and for virtual machines (halt
 * polling). It pays only instead of idling: who does it gives the processor to whoever wants it
 * between two looks, and leaves off for a while when somebody does.
 *
 * Waits are of two kinds, which are judged by themselves: with an answer expected, and without. */
#ifndef POLICYPOOL_BUSYPOLL_H
#define POLICYPOOL_BUSYPOLL_H

#include <stdbool.h>
#include <stdint.h>

struct busypoll_kind {
	bool soon;     /* the last one was so short that looking on may have been better */
	unsigned vain; /* grows with each look that was in vain, shrinks with each that was not */
	unsigned skip; /* waits that are slept through before it is tried again */
};

/* All zero at first but for the limit. */
struct busypoll {
	unsigned limit_us; /* to look on, at most; 0: never */
	struct busypoll_kind kind[2];
	unsigned crowd;	      /* events at a time, a running mean, in sixteenths */
	uint64_t left_off_us; /* until then somebody else wants the processor */
};

/* Shall it look on, at an instant of clock_us()? */
bool busypoll_may(const struct busypoll *, bool expecting, uint64_t now_us);

/* Between two looks the processor was given away, and was back after so long.  True: go on. */
bool busypoll_gave_way(struct busypoll *, uint64_t away_us, uint64_t now_us);

/* So many events came at a time, whether it slept or not. */
void busypoll_found(struct busypoll *, unsigned events);

/* How a wait ended.  looked: it looked on, and then it slept after all, or not. */
void busypoll_spared(struct busypoll *, bool expecting);
void busypoll_slept(struct busypoll *, bool expecting, bool looked, uint64_t waited_us);

#endif
