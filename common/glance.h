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

/* True with *out filled, or false: nothing is said then, and *out is worth nothing. */
MUST_CHECK bool glance(struct span text, struct jsontext_object *out);

#endif
