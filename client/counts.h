/* counts.h - how often each of some texts was seen, in bounded memory. */
#ifndef POLICYPOOL_COUNTS_H
#define POLICYPOOL_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum { COUNTS_MAX = 1024, COUNTS_TEXT = 128 }; /* texts; bytes of one, terminator included */

struct counts_entry {
	char text[COUNTS_TEXT];
	uint64_t n;
};

struct counts {
	struct counts_entry *entry;	/* n of them, in the order of their first appearance */
	size_t n, cap, limit;		/* n <= cap <= limit <= COUNTS_MAX */
	uint64_t other;			/* of texts that had no place any more */
	uint16_t index[2 * COUNTS_MAX]; /* by hash; 1 + place in entry, 0: free */
};

/* limit: texts told apart, 1 to COUNTS_MAX.  Release: counts_free(). */
void counts_init(struct counts *, size_t limit);
void counts_free(struct counts *);

/* Cannot fail: without a place (limit, memory) it is added to other.  A text is cut at
 * COUNTS_TEXT - 1 bytes, or at a NUL. */
void counts_add(struct counts *, struct span text, uint64_t n);

/* Everything ever added. */
uint64_t counts_sum(const struct counts *);

#endif
