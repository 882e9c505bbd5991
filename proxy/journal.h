/* journal.h - the registry as bytes and back: what outlives the master that wrote it.
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
#ifndef POLICYPOOL_JOURNAL_H
#define POLICYPOOL_JOURNAL_H

#include "attr.h"
#include "buf.h"
#include "registry.h"
#include "span.h"

#define JOURNAL_FORMAT "policypool"
enum { JOURNAL_VERSION = 1, JOURNAL_WHY = 160 };

/* Appends the journal.  now in clock_ms(), wall in ms since 1970.  0, or -1 with ENOMEM and out as
 * it was. */
MUST_CHECK int journal_write(struct buf *out, const struct registry *, uint64_t now, uint64_t wall);

/* How a journal came to us. */
enum journal_origin {
	JOURNAL_HANDED_OVER, /* by the master before us, which serves: all is as it was */
	JOURNAL_FOUND /* after an end: leases begin anew, nobody is trusted before it is seen */
};

/* When it was written, in ms since 1970; 0 when its first line cannot be understood. */
uint64_t journal_saved(struct span text);

/* Fills an empty registry.  Everything is judged before anything is changed: 0, or -1 with the
 * registry as it was and a sentence in why, which names the line.  *saved is set once the first
 * line was understood (else 0), in ms since 1970. */
MUST_CHECK int journal_read(struct registry *, struct span text, enum journal_origin, uint64_t now,
			    uint64_t *saved, char why[JOURNAL_WHY]);

#endif
