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

#include "bytes.h"

enum { SHORT_BLOCKS = 4 }; /* of BYTES_BLOCK: a longer string is worth a call */

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
skip_long_string(struct frame *f, const char *p, const char *end)
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

/* The same, fast for the usual short string without an escape. */
static const char *
skip_string(struct frame *f, const char *p, const char *end)
{
	for (unsigned i = 0; i < SHORT_BLOCKS && !f->escaped && end - p >= BYTES_BLOCK; i++) {
		unsigned n = bytes_quote_run(p);

		p += n;
		if (n == BYTES_BLOCK)
			continue;
		if (*p == '\\')
			break;
		f->in_string = false;
		return p + 1;
	}
	return p < end ? skip_long_string(f, p, end) : end;
}

/* Goes through what is new in text.  The bytes up to the end of the object, 0 if it is
 * not there. */
static size_t
scan(struct frame *f, struct span text)
{
	const char *p = text.p + f->seen, *end = text.p + text.n;

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
			if (--f->depth == 0)
				return (size_t)(p - text.p);
			break;
		}
	}
	f->seen = text.n;
	return 0;
}

enum frame_result
frame_next(struct frame *f, struct buf *in, struct span *out)
{
	struct span text;

	if (f->error != 0)
		return fail(f, f->error);
	buf_consume(in, f->taken);
	f->taken = 0;
	if (f->depth == 0)
		skip_space(in);
	text = buf_span(in);
	if (text.n == 0)
		return FRAME_MORE;
	if (f->depth == 0 && text.p[0] != '{' && text.p[0] != '[')
		return fail(f, EBADMSG);
	if (text.n > f->max)
		text.n = f->max;
	f->taken = scan(f, text);
	if (f->taken == 0)
		return text.n == f->max ? fail(f, EMSGSIZE) : FRAME_MORE;
	f->seen = 0;
	*out = span_of(text.p, f->taken);
	return FRAME_READY;
}

bool
frame_partial(const struct frame *f, const struct buf *in)
{
	return buf_len(in) > f->taken;
}
