/* jsonchar.h - the characters of a JSON string, plain or escaped, one at a time.  Part of
 * jsontext; of others, only jsonchar_utf8() is needed. */
#ifndef POLICYPOOL_JSONCHAR_H
#define POLICYPOOL_JSONCHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSONCHAR_REPLACEMENT = 0xfffd };

/* Past the run of ASCII that means itself inside a string: to a quote, a backslash, a
 * control character, a byte beyond ASCII, or end. */
const char *jsonchar_skip_plain(const char *p, const char *end);

/* The bytes of the character at p, which is not ASCII; 0 if it is malformed (RFC 3629,
 * section 4). */
size_t jsonchar_utf8(const char *p, const char *end);

/* Reads the escape at p, a backslash: its bytes, or 0 if there is no such escape.  A pair
 * of surrogates is one character; *c is a surrogate only where it stands alone. */
size_t jsonchar_escape(const char *p, const char *end, uint32_t *c);

static inline bool
jsonchar_is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

/* Takes the escape at *p.  A lone surrogate is U+FFFD, a backslash that escapes nothing
 * is itself. */
uint32_t jsonchar_next_escape(const char **p, const char *end);

/* As jsonchar_next(), where it is not a byte that means itself. */
uint32_t jsonchar_next_other(const char **p, const char *end);

/* Takes the character at *p, escaped or not.  A malformed byte is U+FFFD. */
static inline uint32_t
jsonchar_next(const char **p, const char *end)
{
	unsigned char c = (unsigned char)**p;

	if (c >= 0x80 || c == '\\')
		return jsonchar_next_other(p, end);
	(*p)++;
	return c;
}

/* Writes c as UTF-8, up to four bytes and never more than its escape has; returns their
 * end. */
char *jsonchar_put(char *to, uint32_t c);

#endif
