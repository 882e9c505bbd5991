/* counts.h - what a process of the load generator has counted, added up over several, and printed
 * as one JSON object. */
#ifndef POLICYPOOL_COUNTS_H
#define POLICYPOOL_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "histogram.h"
#include "plan.h"

/* All zero is nothing. */
struct counts {
	uint64_t answered;	/* in all, also before and after it counts */
	uint64_t right;		/* answered with the digest */
	uint64_t wrong;		/* answered with another digest */
	uint64_t refused;	/* answered, without a digest: an error */
	uint64_t lost;		/* not answered: the connection ended, or it took too long */
	uint64_t failed;	/* connections, in all */
	uint64_t resumed;	/* sessions of TLS, in all */
	uint64_t stray;		/* answers to nobody, in all */
	uint64_t counted_us;	/* how long was counted */
	uint64_t cpu_us;	/* of those its own, on a processor ... */
	uint64_t wait_us;	/* ... and able to run without one */
	double busiest;		/* cpu_us over counted_us, of the process where it is most */
	struct histogram reply; /* us from queueing a request to its reply */
	struct histogram
		turn; /* us that a turn of the loop took, waiting for events not included */
};

/* Of this process so far: time on a processor, and able to run without one, in us. */
void counts_processor(uint64_t *cpu_us, uint64_t *wait_us);

/* That of another process that ran at the same time. */
void counts_add(struct counts *, const struct counts *more);

/* The figures say more of the load generator than of whom it asks: one of its processes takes
 * nine tenths of a processor or more, or a turn of its loop takes more than half as long as a reply
 * (medians).
 */
bool counts_bottleneck(const struct counts *);

/* What the run came to, on stdout; on stderr that it is the bottleneck. */
void counts_print(const struct counts *, const struct plan *);

#endif
