/* json_string.h - the characters of a JSON string, plain or escaped, one at a time.  Part of
 * json_text; of others, only json_string_utf8() is needed. */
#ifndef POLICYPOOL_JSON_STRING_H
#define POLICYPOOL_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_STRING_REPLACEMENT = 0xfffd };

/* Past the run of ASCII that means itself inside a string: to a quote, a backslash, a
 * control character, a byte beyond ASCII, or end. */
const char *json_string_skip_plain(const char *p, const char *end);

/* The bytes of the character at p, which is not ASCII; 0 if it is malformed (RFC 3629,
 * section 4). */
size_t json_string_utf8(const char *p, const char *end);

/* Reads the escape at p, a backslash: its bytes, or 0 if there is no such escape.  A pair
 * of surrogates is one character; *c is a surrogate only where it stands alone. */
size_t json_string_escape(const char *p, const char *end, uint32_t *c);

static inline bool
json_string_is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

/* Takes the escape at *p.  A lone surrogate is U+FFFD, a backslash that escapes nothing
 * is itself. */
uint32_t json_string_next_escape(const char **p, const char *end);

/* As json_string_next(), where it is not a byte that means itself. */
uint32_t json_string_next_other(const char **p, const char *end);

/* Takes the character at *p, escaped or not.  A malformed byte is U+FFFD. */
static inline uint32_t
json_string_next(const char **p, const char *end)
{
	unsigned char c = (unsigned char)**p;

	if (c >= 0x80 || c == '\\')
		return json_string_next_other(p, end);
	(*p)++;
	return c;
}

/* Writes c as UTF-8, up to four bytes and never more than its escape has; returns their
 * end. */
char *json_string_put(char *to, uint32_t c);

#endif
