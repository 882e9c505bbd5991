/* log_line.c - see log_line.h. */
#include "log_line.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "json_string.h"
#include "printable.h"

enum { QUOTED_MAX = 250, QUOTED = 4 * QUOTED_MAX + 3, QUOTED_BUFFERS = 8 };

/* Content ends at ROOM; behind it there is always space for what a cut line needs to stay a whole
 * one: a closing quote, two counts of lines that are missing, the brace, the newline. */
enum { ROOM = LOG_LINE - 128 };

/* ---- making a line ---- */

void
log_line_start(struct log_line *l, bool json)
{
	l->n = l->head = 0;
	l->full = false;
	l->json = json;
}

/* All of it or nothing. */
static void
put(struct log_line *l, const char *s, size_t n)
{
	if (l->full || l->n > ROOM || n > ROOM - l->n) {
		l->full = true;
		return;
	}
	memcpy(l->text + l->n, s, n);
	l->n += n;
}

void
log_line_put(struct log_line *l, const char *s)
{
	put(l, s, strlen(s));
}

void
log_line_prefix(struct log_line *l, const char *s)
{
	log_line_put(l, s);
	l->head = l->n;
}

/* In a full line too. */
void
log_line_end(struct log_line *l, const char *s)
{
	size_t n = strlen(s);

	assert(n < sizeof l->text - l->n);
	memcpy(l->text + l->n, s, n);
	l->n += n;
}

/* The bytes of the character at s that may stand in a line as it is; 0 for what can't be seen
 * (printable.h) and for what is not UTF-8. */
static size_t
graphic(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];
	uint32_t character;
	bool malformed;

	if (c < 0x80)
		return c >= ' ' && c != 0x7f;
	return printable_unseen_at(s, s + n, &character, &malformed) > 0
		       ? 0
		       : json_string_utf8(s, s + n);
}

/* One character, escaped where it must be; the bytes taken of s. */
static size_t
put_char(struct log_line *l, const char *s, size_t n)
{
	size_t whole = graphic(s, n);
	char text[8];

	if (whole > 0) {
		put(l, s, whole);
		return whole;
	}
	(void)snprintf(text, sizeof text, l->json ? "\\u%04x" : "\\x%02x", (unsigned char)*s);
	log_line_put(l, text);
	return 1;
}

void
log_line_text(struct log_line *l, const char *s, size_t n)
{
	for (size_t i = 0; i < n;)
		i += put_char(l, s + i, n - i);
}

/* Between quotes, which neither a quote nor a control character ends, but the end of the line. */
static void
put_quoted(struct log_line *l, const char *s, size_t n)
{
	log_line_put(l, "\"");
	if (l->full)
		return;
	for (size_t i = 0; i < n;) {
		if (s[i] == '"' || s[i] == '\\')
			put(l, (const char[]){'\\', s[i++]}, 2);
		else
			i += put_char(l, s + i, n - i);
	}
	log_line_end(l, "\"");
}

/* ---- logfmt ---- */

/* As the caller wrote them; a quote that the end of the line leaves open is closed. */
static void
put_fields_logfmt(struct log_line *l, const char *p)
{
	size_t n = strlen(p), taken;
	bool inside = false;

	for (log_line_put(l, " "); n > 0; p += taken, n -= taken) {
		if (inside && p[0] == '\\' && n > 1 && graphic(p + 1, 1) > 0) {
			put(l, p, 2);
			taken = 2;
		} else {
			taken = put_char(l, p, n);
		}
		if (l->full)
			break;
		inside ^= p[0] == '"';
	}
	if (inside && l->full)
		log_line_end(l, "\"");
}

/* ---- logfmt fields -> JSON members ---- */

/* A decimal integer that every reader of JSON holds exactly. */
static bool
is_number(const char *s, size_t n)
{
	if (n > 1 && s[0] == '-') {
		s++;
		n--;
	}
	if (n == 0 || n > 15 || (s[0] == '0' && n > 1))
		return false;
	return strspn(s, "0123456789") >= n;
}

/* The length of a value at s: up to a space, or up to the closing quote. */
static size_t
value_length(const char *s)
{
	size_t n = 1;

	if (s[0] != '"')
		return strcspn(s, " ");
	while (s[n] != '\0' && s[n] != '"')
		n += s[n] == '\\' && s[n + 1] != '\0' ? 2 : 1;
	return s[n] == '"' ? n + 1 : n;
}

/* The escape of logfmt at s, as JSON has it; the bytes taken. */
static size_t
put_json_escape(struct log_line *l, const char *s, size_t n)
{
	if (n >= 4 && s[1] == 'x' && strspn(s + 2, "0123456789abcdef") >= 2) {
		put(l, (const char[]){'\\', 'u', '0', '0', s[2], s[3]}, 6);
		return 4;
	}
	if (n >= 2 && (s[1] == '"' || s[1] == '\\')) {
		put(l, s, 2);
		return 2;
	}
	log_line_put(l, "\\\\"); /* the caller's own, meaning itself */
	return 1;
}

/* s: a quoted value without its quotes. */
static void
put_json_requoted(struct log_line *l, const char *s, size_t n)
{
	log_line_put(l, "\"");
	if (l->full)
		return;
	for (size_t i = 0; i < n;)
		i += s[i] == '\\' ? put_json_escape(l, s + i, n - i) : put_char(l, s + i, n - i);
	log_line_end(l, "\"");
}

static void
put_json_value(struct log_line *l, const char *s, size_t n)
{
	bool closed = n >= 2 && s[n - 1] == '"';

	if (is_number(s, n))
		put(l, s, n);
	else if (s[0] == '"')
		put_json_requoted(l, s + 1, closed ? n - 2 : n - 1);
	else
		put_quoted(l, s, n);
}

/* A text that does not fit is cut, a number left out. */
static void
put_fields_json(struct log_line *l, const char *p)
{
	while (*p != '\0') {
		size_t key = strcspn(p, "= "), before = l->n, n, value_at;
		if (p[key] != '=')
			return;
		log_line_put(l, ",");
		put_quoted(l, p, key);
		log_line_put(l, ":");
		p += key + 1;
		n = value_length(p);
		value_at = l->n;
		put_json_value(l, p, n);
		if (l->full && l->n == value_at)
			l->n = before;
		p += n;
		p += strspn(p, " ");
	}
}

void
log_line_fields(struct log_line *l, const char *fields)
{
	if (l->json)
		put_fields_json(l, fields);
	else
		put_fields_logfmt(l, fields);
}

/* A pair; in logfmt its value is quoted if `quote`. */
void
log_line_pair(struct log_line *l, const char *key, const char *value, bool quote)
{
	size_t before = l->n, value_at;

	if (l->n - l->head > (l->json ? 1 : 0))
		log_line_put(l, l->json ? "," : " ");
	if (l->json)
		put_quoted(l, key, strlen(key));
	else
		log_line_put(l, key);
	log_line_put(l, l->json ? ":" : "=");
	value_at = l->n;
	if (l->json || quote)
		put_quoted(l, value, strlen(value));
	else
		log_line_put(l, value);
	if (l->full && l->n == value_at) /* not even its beginning fits */
		l->n = before;
}

/* ---- values ---- */

static bool
needs_quotes(const char *s, size_t n)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n;) {
		size_t whole = graphic(s + i, n - i);
		if (whole == 0 || s[i] == ' ' || s[i] == '"' || s[i] == '=' || s[i] == '\\')
			return true;
		i += whole;
	}
	return false;
}

/* At most QUOTED_MAX bytes of n, no character cut in two. */
static size_t
cut(const char *s, size_t n)
{
	size_t to = QUOTED_MAX;

	if (n <= QUOTED_MAX)
		return n;
	while (to > QUOTED_MAX - 3 && ((unsigned char)s[to] & 0xc0) == 0x80)
		to--;
	return to;
}

const char *
log_quoted_n(const char *s, unsigned long n)
{
	static char buffer[QUOTED_BUFFERS][QUOTED];
	static unsigned turn;
	char *out = buffer[turn++ % QUOTED_BUFFERS];
	struct log_line l;

	log_line_start(&l, false);
	n = cut(s, n);
	if (needs_quotes(s, n))
		put_quoted(&l, s, n);
	else
		put(&l, s, n);
	memcpy(out, l.text, l.n);
	out[l.n] = '\0';
	return out;
}

const char *
log_quoted(const char *s)
{
	return log_quoted_n(s, strlen(s));
}
