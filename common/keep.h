/* keep.h - the descriptors that a worker keeps of those it was forked with; all others are closed.
 */
#ifndef POLICYPOOL_KEEP_H
#define POLICYPOOL_KEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "attr.h"

/* Zeroed to begin with. */
struct keep {
	int *fd;
	size_t n, room;
	bool short_of_memory;
};

/* -1 is none; twice is fine.  ENOMEM is told by keep_close_others(). */
void keep_add(struct keep *, int fd);

/* Closes what was not added, but for stdio.  0, or -1 with errno. */
MUST_CHECK int keep_close_others(struct keep *);

void keep_release(struct keep *);

#endif
