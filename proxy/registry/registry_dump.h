/* registry_dump.h - the registry as text and back: the format of the state file, and what a
 * successor reads.
 *
 * Text, a record a line, each a JSON object:
 *
 *   {"journal":"policypool","version":1,"saved":MS}             MS since 1970
 *   {"policy":"111","ticket":4711}                              followed by its servers
 *   {"server":"100","addr":"127.0.0.1:2105",...}                in the order of their turns
 *   {"end":3,"sha1":"..."}                                      records and digest of what is above
 *
 * Times are told as durations (age, what remains of a lease), so that they mean the same after a
 * reboot.  Members that this version does not know are passed over; a record that it does not know
 * is not. */
#ifndef POLICYPOOL_REGISTRY_DUMP_H
#define POLICYPOOL_REGISTRY_DUMP_H

#include "buf.h"
#include "compiler.h"
#include "registry.h"
#include "span.h"

#define REGISTRY_DUMP_FORMAT "policypool"
enum { REGISTRY_DUMP_VERSION = 1, REGISTRY_DUMP_WHY = 160 };

/* Appends the journal.  now in clock_ms(), wall in ms since 1970.  0, or -1 with ENOMEM and out as
 * it was. */
MUST_CHECK int registry_dump_write(struct buf *out, const struct registry *, uint64_t now,
				   uint64_t wall);

/* How a journal came to us. */
enum registry_dump_origin {
	REGISTRY_DUMP_HANDED_OVER, /* by the master before us, which serves: all is as it was */
	REGISTRY_DUMP_FOUND /* after an end: leases begin anew, nobody is trusted before it is seen
			     */
};

/* When it was written, in ms since 1970; 0 when its first line cannot be understood. */
uint64_t registry_dump_saved(struct span text);

/* Fills an empty registry.  Everything is judged before anything is changed: 0, or -1 with the
 * registry as it was and a sentence in why, which names the line.  *saved is set once the first
 * line was understood (else 0), in ms since 1970.  ago: so many ms before now it was written, which
 * all ages are more by; 0 where nobody knows. */
MUST_CHECK int registry_dump_read(struct registry *, struct span text, enum registry_dump_origin,
				  uint64_t now, uint64_t ago, uint64_t *saved,
				  char why[REGISTRY_DUMP_WHY]);

#endif
