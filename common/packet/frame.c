/* frame.c - see frame.h.
 *
 *   content of the buffer
 *    | taken: handed out, to be consumed |  seen: judged already  |  new  |
 *
 * Only one of taken and seen is ever non-zero: an object handed out is consumed before
 * the next is looked at.  depth is 0 between objects and only there. */
#include "frame.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "json_fast.h"
#include "json_simd.h"

void
frame_init(struct frame *f, size_t max)
{
	assert(max > 0);
	*f = (struct frame){.max = max};
}

static enum frame_result
fail(struct frame *f, int error)
{
	f->error = error;
	errno = error;
	return FRAME_ERROR;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_space(struct buf *in)
{
	struct span s = buf_span(in);
	size_t n = 0;

	while (n < s.n && is_space(s.p[n]))
		n++;
	buf_consume(in, n);
}

/* An odd number of backslashes stands before end. */
static bool
ends_in_escape(const char *begin, const char *end)
{
	const char *p = end;

	while (p > begin && p[-1] == '\\')
		p--;
	return (end - p) % 2 != 0;
}

/* Inside a string, p < end: where it is left, or end.  The backslashes looked back at lie
 * behind the last quote, so each is looked at once here too. */
static const char *
skip_string(struct frame *f, const char *p, const char *end)
{
	const char *quote;

	if (f->escaped)
		p++;
	while ((quote = memchr(p, '"', (size_t)(end - p))) != NULL) {
		if (!ends_in_escape(p, quote)) {
			f->in_string = f->escaped = false;
			return quote + 1;
		}
		p = quote + 1;
	}
	f->escaped = ends_in_escape(p, end);
	return end;
}

/* From p to end, or to where the object is closed: *closed then. */
static const char *
scan_bytes(struct frame *f, const char *p, const char *end, bool *closed)
{
	while (p < end) {
		if (f->in_string) {
			p = skip_string(f, p, end);
			continue;
		}
		switch (*p++) {
		case '"': f->in_string = true; break;
		case '{':
		case '[': f->depth++; break;
		case '}':
		case ']':
			*closed = --f->depth == 0;
			if (*closed)
				return p;
			break;
		}
	}
	return p;
}

/* The same for so many blocks without a backslash.  Its slow clone is scan_bytes(). */
static const char *
scan_marks(struct frame *f, const char *p, unsigned blocks, const struct json_simd_marks *m,
	   bool *closed)
{
	uint64_t inside = json_simd_between(m->quotes) ^ (f->in_string ? UINT64_MAX : 0);
	uint64_t brackets = m->brackets & ~inside;

	for (; brackets != 0; brackets &= brackets - 1) {
		unsigned i = (unsigned)__builtin_ctzll(brackets);

		f->depth += bytes_opens(p[i]) ? 1 : -1U;
		*closed = f->depth == 0;
		if (*closed) {
			f->in_string = false;
			return p + i + 1;
		}
	}
	f->in_string = inside >> (blocks * JSON_SIMD_BLOCK - 1) & 1;
	return p + (size_t)blocks * JSON_SIMD_BLOCK;
}

/* A few blocks at once where there is no escape, else a byte at a time. */
static const char *
scan_some(struct frame *f, const char *p, const char *end, bool *closed)
{
	size_t left = (size_t)(end - p);
	unsigned blocks = left >= 4 * JSON_SIMD_BLOCK ? 4 : left >= JSON_SIMD_BLOCK;
	struct json_simd_marks m;

	if (blocks == 0)
		return scan_bytes(f, p, end, closed);
	m = blocks == 4 ? json_simd_marks(p, 4) : json_simd_marks(p, 1);
	if (f->in_string && m.quotes == 0) /* a long one: the library is faster */
		return skip_string(f, p, end);
	if (f->escaped || m.backslashes != 0)
		return scan_bytes(f, p, p + (size_t)blocks * JSON_SIMD_BLOCK, closed);
	return scan_marks(f, p, blocks, &m, closed);
}

/* Goes through what is new in text.  The bytes up to the end of the object, 0 if it is
 * not there. */
static size_t
scan(struct frame *f, struct span text)
{
	const char *p = text.p + f->seen, *end = text.p + text.n;
	bool closed = false;

	while (p < end && !closed)
		p = scan_some(f, p, end, &closed);
	if (closed)
		return (size_t)(p - text.p);
	f->seen = text.n;
	return 0;
}

/* To the next object, in text as far as it may be looked at.  False when there is none, and *result
 * says why. */
static bool
find_start(struct frame *f, struct buf *in, struct span *text, enum frame_result *result)
{
	*result = FRAME_MORE;
	if (f->error != 0) {
		*result = fail(f, f->error);
		return false;
	}
	buf_consume(in, f->taken);
	f->taken = 0;
	if (f->depth == 0)
		skip_space(in);
	*text = buf_span(in);
	if (text->n == 0)
		return false;
	if (f->depth == 0 && text->p[0] != '{' && text->p[0] != '[') {
		*result = fail(f, EBADMSG);
		return false;
	}
	if (text->n > f->max)
		text->n = f->max;
	return true;
}

static enum frame_result
take(struct frame *f, struct span text, size_t n, struct span *out)
{
	f->taken = n;
	if (n == 0)
		return text.n == f->max ? fail(f, EMSGSIZE) : FRAME_MORE;
	f->seen = 0;
	*out = span_of(text.p, n);
	return FRAME_READY;
}

enum frame_result
frame_next(struct frame *f, struct buf *in, struct span *out)
{
	enum frame_result result;
	struct span text;

	return find_start(f, in, &text, &result) ? take(f, text, scan(f, text), out) : result;
}

enum frame_result
frame_next_members(struct frame *f, struct buf *in, struct span *out,
		   struct json_text_object *members)
{
	enum frame_result result;
	struct span text;
	size_t n;

	if (!find_start(f, in, &text, &result))
		return result;
	n = f->depth == 0 ? json_fast_first(text, members) : 0;
	if (n == 0) {
		members->n = 0;
		n = scan(f, text);
	}
	return take(f, text, n, out);
}

bool
frame_partial(const struct frame *f, const struct buf *in)
{
	return buf_len(in) > f->taken;
}
