/* memory.c - see memory.h. */
#include "memory.h"

#include <malloc.h>

enum {
	KEPT = 1 << 26,	 /* bytes free at the top of the heap that are not given back at once */
	MAPPED = 1 << 25 /* bytes of what is asked from the system by itself */
};

void
memory_keep(void)
{
	/* Whatever is not taken stays as it was. */
	(void)mallopt(M_TRIM_THRESHOLD, KEPT);
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED);
}

void
memory_look(struct memory *m, uint64_t done)
{
	if (done != m->done) {
		m->done = done;
		m->rested = false;
	} else if (!m->rested) {
		(void)malloc_trim(0);
		m->rested = true;
	}
}
