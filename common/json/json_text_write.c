/* json_text_write.c - see json_text.h: writes a string. */
#include <string.h>

#include "json_string.h"
#include "json_text.h"

enum { QUOTED_MAX = 6 }; /* bytes of one character, at most: \u001f */

/* Takes the character at *p, which is not plain, and writes it escaped; returns the
 * bytes. */
static size_t
quote_char(const char **p, const char *end, char written[QUOTED_MAX])
{
	static const char hex[] = "0123456789abcdef";
	static const char meaning[] = "\b\f\n\r\t\"\\", name[] = "bfnrt\"\\";
	const char *start = (*p)++, *found;
	unsigned char c = (unsigned char)*start;
	size_t n;

	if (c >= 0x80) {
		n = json_string_utf8(start, end);
		if (n == 0)
			return (size_t)(json_string_put(written, JSON_STRING_REPLACEMENT) -
					written);
		memcpy(written, start, n);
		*p = start + n;
		return n;
	}
	found = memchr(meaning, c, sizeof meaning - 1);
	if (found != NULL) {
		written[0] = '\\';
		written[1] = name[found - meaning];
		return 2;
	}
	memcpy(written, "\\u00", 4);
	written[4] = hex[c >> 4];
	written[5] = hex[c & 15];
	return QUOTED_MAX;
}

/* Writes s as the inside of a JSON string; only counts if to is NULL. */
static size_t
quote_into(char *to, struct span s)
{
	const char *p = s.p, *end = s.p + s.n;
	char written[QUOTED_MAX];
	size_t total = 0;

	while (p < end) {
		const char *from = p;
		size_t n;

		p = json_string_skip_plain(p, end);
		n = (size_t)(p - from);
		if (n == 0) {
			n = quote_char(&p, end, written);
			from = written;
		}
		if (to != NULL)
			memcpy(to + total, from, n);
		total += n;
	}
	return total;
}

int
json_text_quote(struct buf *out, struct span s)
{
	bool plain = s.n == 0 || json_string_skip_plain(s.p, s.p + s.n) == s.p + s.n;
	size_t n = plain ? s.n : quote_into(NULL, s);
	char *room = buf_reserve(out, n + 2);

	if (room == NULL)
		return -1;
	room[0] = '"';
	if (!plain)
		(void)quote_into(room + 1, s);
	else if (n > 0)
		memcpy(room + 1, s.p, n);
	room[n + 1] = '"';
	buf_commit(out, n + 2);
	return 0;
}
