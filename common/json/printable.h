/* printable.h - text of strangers made safe for terminals and pages: control, invisible and bidi
 * characters are escaped. */
#ifndef POLICYPOOL_PRINTABLE_H
#define POLICYPOOL_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unseen: control characters (C0, DEL, C1), line and paragraph separators, fillers of no width,
 * and the marks that turn the direction of writing (UAX 9: U+061C, U+200E to U+200F, U+202A to
 * U+202E, U+2066 to U+2069). */
bool printable_is_unseen(uint32_t character);

/* The bytes at p, up to end, that are one such character, or one byte that is no UTF-8; 0 when
 * what stands there can be shown.  *c: the character, or that byte with *malformed set. */
size_t printable_unseen_at(const char *p, const char *end, uint32_t *c, bool *malformed);

/* Copies text, with \n \r \t, \uXXXX, \UXXXXXXXX and \xXX for those.  Cut at size, never inside of
 * a character or an escape.  Returns out. */
char *printable(const char *text, char *out, size_t size);

/* The same for a JSON document, in JSON's escapes: it means what it did.  Bytes that are no UTF-8
 * become U+FFFD.  Owned by the caller; NULL on ENOMEM. */
char *printable_json(const char *text);

#endif
