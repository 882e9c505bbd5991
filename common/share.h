/* share.h - whether the next waiting connection is left to another worker, so that all have about
 * as many.  Pure.
 *
 * Of connections that stay, by how many are open: only a worker that takes one after the other
 * while none leaves it passes for that.  Where they come and go, by how many were taken of late:
 * the worker that is awake would have them all. */
#ifndef POLICYPOOL_SHARE_H
#define POLICYPOOL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero at first. */
struct share {
	int in_a_row;	   /* taken since one has left */
	bool passed;	   /* the last answer was true */
	unsigned vain;	   /* times in a row that passing was in vain */
	uint64_t least;	   /* of the others when it was left to them last */
	unsigned unheeded; /* times in a row that a lead was given up in vain */
};

/* True: leave it to who has least, and ask again a moment later.  mine and least are connections
 * open here and at the worker that has fewest.  One that took none although they were left to it
 * does leaves some to this one. */
bool share_passes(struct share *, uint64_t mine, uint64_t least);

/* The same by what was taken of late, here and at the worker that took fewest. */
bool share_leads(const struct share *, uint64_t mine, uint64_t least);
/* How that ended: did anybody take one of those that were left?  Who does not is left fewer. */
void share_led(struct share *, bool taken);

void share_took(struct share *);
void share_gave_back(struct share *);

#endif
