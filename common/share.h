/* share.h - whether the next waiting connection is left to another worker, so that all have about
 * as many.  Pure.
 *
 * Only a worker that takes one after the other while none leaves it ever passes: where connections
 * come and go, they even out by themselves. */
#ifndef POLICYPOOL_SHARE_H
#define POLICYPOOL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero at first. */
struct share {
	int in_a_row;	/* taken since one has left */
	bool passed;	/* the last answer was true */
	unsigned vain;	/* times in a row that passing was in vain */
	uint64_t least; /* of the others when it was left to them last */
};

/* True: leave it to who has least, and ask again a moment later.  mine and least are connections
 * open here and at the worker that has fewest.  One that took none although they were left to it
 * does leaves some to this one. */
bool share_passes(struct share *, uint64_t mine, uint64_t least);

void share_took(struct share *);
void share_gave_back(struct share *);

#endif
