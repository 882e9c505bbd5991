/* spares.h - the memory of buffers between two uses: one that was emptied leaves its memory here,
 * the next that is written to begins with it instead of growing anew. */
#ifndef POLICYPOOL_SPARES_H
#define POLICYPOOL_SPARES_H

#include "buf.h"

enum {
	SPARES_KEPT = 64,  /* buffers */
	SPARES_MAX = 16384 /* bytes of one of them; larger ones are freed */
};

/* All zero is empty. */
struct spares {
	unsigned n;
	struct buf kept[SPARES_KEPT]; /* empty, with memory; the last is the warmest */
};

/* A buffer without memory is given some if any is there.  Cannot fail. */
void spares_lend(struct spares *, struct buf *);

/* Drops b's content and memory, as buf_release() does, keeping the memory here if it is worth it.
 */
void spares_take_back(struct spares *, struct buf *b);

void spares_release(struct spares *);

#endif
