/* json_fast.h - reads the usual JSON object in one pass: flat, few members, plain keys.
 *
 * The fast clone of json_text_scan(): what it takes, that takes too, with the same members.
 * Whatever is unusual (nesting, true, null, an escape in a key, a fraction, any fault) it leaves to
 * its clone, which alone says what is wrong. */
#ifndef POLICYPOOL_JSON_FAST_H
#define POLICYPOOL_JSON_FAST_H

#include <stdbool.h>

#include "compiler.h"
#include "json_text.h"
#include "span.h"

enum { JSON_FAST_MEMBERS = 16 };

/* The object that text begins with, whatever follows it: its bytes with *out filled, or 0: nothing
 * is said then, and *out is worth nothing. */
MUST_CHECK size_t json_fast_first(struct span text, struct json_text_object *out);

/* The same where text holds one object and white space around it at most. */
MUST_CHECK bool glance(struct span text, struct json_text_object *out);

#endif
