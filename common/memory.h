/* memory.h - what the allocator keeps of a process that serves: enough not to ask the system again
 * for every large packet, and nothing once it rests. */
#ifndef POLICYPOOL_MEMORY_H
#define POLICYPOOL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing is known yet. */
struct memory {
	uint64_t done;
	bool rested; /* given back since */
};

/* Once, at the start of a process that serves. */
void memory_keep(void);

/* Regularly, with a count that rises as long as there is work: once it stands still, what is free
 * goes back to the system. */
void memory_look(struct memory *, uint64_t done);

#endif
