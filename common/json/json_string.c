/* json_string.c - see json_string.h. */
#include "json_string.h"

#include <string.h>

#include "json_simd.h"

const char *
json_string_skip_plain(const char *p, const char *end)
{
	return json_simd_skip_plain(p, end);
}

size_t
json_string_utf8(const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

	if (u[0] < 0xc2 || u[0] > 0xf4 || (size_t)(end - p) < n)
		return 0;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Reads \uXXXX at p. */
static bool
code_unit(const char *p, const char *end, uint32_t *c)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return false;
	*c = 0;
	for (const char *hex = p + 2; hex < p + 6; hex++) {
		unsigned byte = (unsigned char)*hex;
		unsigned digit = byte - '0', letter = (byte | 0x20) - 'a';

		if (digit > 9 && letter > 5)
			return false;
		*c = *c << 4 | (digit <= 9 ? digit : letter + 10);
	}
	return true;
}

size_t
json_string_escape(const char *p, const char *end, uint32_t *c)
{
	static const char name[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint32_t low;

	if (end - p < 2)
		return 0;
	found = memchr(name, p[1], sizeof name - 1);
	if (found != NULL) {
		*c = (unsigned char)meaning[found - name];
		return 2;
	}
	if (!code_unit(p, end, c))
		return 0;
	if (*c < 0xd800 || *c > 0xdbff || !code_unit(p + 6, end, &low) || low < 0xdc00 ||
	    low > 0xdfff)
		return 6;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

uint32_t
json_string_next_escape(const char **p, const char *end)
{
	uint32_t c = 0;
	size_t n = json_string_escape(*p, end, &c);

	*p += n > 0 ? n : 1;
	if (n == 0)
		return '\\';
	return json_string_is_surrogate(c) ? JSON_STRING_REPLACEMENT : c;
}

uint32_t
json_string_next_other(const char **p, const char *end)
{
	const unsigned char *u = (const unsigned char *)*p;
	uint32_t c = u[0];
	size_t n;

	if (c == '\\')
		return json_string_next_escape(p, end);
	n = json_string_utf8(*p, end);
	*p += n > 0 ? n : 1;
	if (n == 0)
		return JSON_STRING_REPLACEMENT;
	c &= 0x7fU >> n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3f);
	return c;
}

char *
json_string_put(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}
