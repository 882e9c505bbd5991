/* glance.h - reads the usual JSON object in one look: flat, few members, plain keys.
 *
 * The fast twin of jsontext_scan(): what it takes, that takes too, with the same members.  Whatever
 * is unusual (nesting, true, null, an escape in a key, a fraction, any fault) it leaves to its
 * twin, which alone says what is wrong. */
#ifndef POLICYPOOL_GLANCE_H
#define POLICYPOOL_GLANCE_H

#include <stdbool.h>

#include "attr.h"
#include "jsontext.h"
#include "span.h"

enum { GLANCE_MEMBERS = 16 };

/* The object that text begins with, whatever follows it: its bytes with *out filled, or 0: nothing
 * is said then, and *out is worth nothing. */
MUST_CHECK size_t glance_first(struct span text, struct jsontext_object *out);

/* The same where text holds one object and white space around it at most. */
MUST_CHECK bool glance(struct span text, struct jsontext_object *out);

#endif
