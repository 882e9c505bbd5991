/* printable.c - see printable.h. */
#include "printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_string.h"

enum { ESCAPE = 16 }; /* room for the longest, two of JSON's */

/* Sorted. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f},	{0x00ad, 0x00ad}, {0x034f, 0x034f},
	{0x061c, 0x061c},   {0x115f, 0x1160},	{0x17b4, 0x17b5}, {0x180b, 0x180f},
	{0x200b, 0x200f},   {0x2028, 0x202e},	{0x2060, 0x206f}, {0x3164, 0x3164},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	{0xfff9, 0xfffb}, {0x1bca0, 0x1bca3},
	{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

bool
printable_is_unseen(uint32_t c)
{
	for (size_t i = 0; i < sizeof unseen / sizeof *unseen && unseen[i].first <= c; i++)
		if (c <= unseen[i].last)
			return true;
	return false;
}

size_t
printable_unseen_at(const char *p, const char *end, uint32_t *c, bool *malformed)
{
	const char *next = p;
	size_t n = (unsigned char)*p < 0x80 ? 1 : json_string_utf8(p, end);

	*malformed = n == 0;
	if (n == 0) {
		*c = (unsigned char)*p;
		return 1;
	}
	*c = n == 1 ? (unsigned char)*p : json_string_next(&next, end);
	return printable_is_unseen(*c) ? n : 0;
}

static size_t
put_escape(char out[ESCAPE], uint32_t c, bool malformed)
{
	const char *named = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;

	if (malformed)
		return (size_t)snprintf(out, ESCAPE, "\\x%02x", (unsigned)c);
	if (named != NULL)
		return (size_t)snprintf(out, ESCAPE, "%s", named);
	return (size_t)snprintf(out, ESCAPE, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)c);
}

static size_t
put_json_escape(char out[ESCAPE], uint32_t c, bool malformed)
{
	if (malformed)
		c = JSON_STRING_REPLACEMENT;
	if (c <= 0xffff)
		return (size_t)snprintf(out, ESCAPE, "\\u%04x", (unsigned)c);
	c -= 0x10000;
	return (size_t)snprintf(out, ESCAPE, "\\u%04x\\u%04x", 0xd800 + (unsigned)(c >> 10),
				0xdc00 + (unsigned)(c & 0x3ff));
}

/* The character at p as it may be shown, in out; the bytes of p taken. */
static size_t
take(const char *p, const char *end, char out[ESCAPE], size_t *n, bool json)
{
	uint32_t c;
	bool malformed;
	size_t taken = printable_unseen_at(p, end, &c, &malformed);

	if (taken > 0) {
		/* White space between a document's values is no part of a text. */
		if (json && !malformed && (c == '\n' || c == '\r' || c == '\t'))
			*n = (size_t)snprintf(out, ESCAPE, "%c", (char)c);
		else
			*n = json ? put_json_escape(out, c, malformed)
				  : put_escape(out, c, malformed);
		return taken;
	}
	taken = (unsigned char)*p < 0x80 ? 1 : json_string_utf8(p, end);
	memcpy(out, p, taken);
	*n = taken;
	return taken;
}

char *
printable(const char *text, char *out, size_t size)
{
	const char *end = text + strlen(text);
	char one[ESCAPE];
	size_t used = 0, n;

	while (text < end) {
		text += take(text, end, one, &n, false);
		if (used + n >= size)
			break;
		memcpy(out + used, one, n);
		used += n;
	}
	out[used] = '\0';
	return out;
}

char *
printable_json(const char *text)
{
	const char *end = text + strlen(text);
	char one[ESCAPE], *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	if (f == NULL)
		return NULL;
	while (text < end) {
		text += take(text, end, one, &n, true);
		(void)fwrite(one, 1, n, f);
	}
	if (fclose(f) == 0)
		return out;
	free(out);
	return NULL;
}
