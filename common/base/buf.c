/* buf.c - see buf.h. */
#include "buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_MIN = 256 }; /* bytes of the first allocation */

/* Twice cap at least, even where need fits into cap: that the content was not worth
 * moving holds for copying too.  Doubled on until it holds need; need itself where
 * doubling would overflow. */
static size_t
grown(size_t cap, size_t need)
{
	cap = cap == 0 ? BUF_MIN : cap * 2;
	while (cap < need)
		cap = cap <= PTRDIFF_MAX / 2 ? cap * 2 : need;
	return cap;
}

static int
grow(struct buf *b, size_t n)
{
	size_t len = buf_len(b), cap;
	char *base;

	if (n > PTRDIFF_MAX - len) {
		errno = ENOMEM;
		return -1;
	}
	cap = grown(b->cap, len + n);
	base = malloc(cap);
	if (base == NULL)
		return -1;
	if (len > 0)
		memcpy(base, b->base + b->head, len);
	free(b->base);
	b->base = base;
	b->head = 0;
	b->tail = len;
	b->cap = cap;
	return 0;
}

/* Moving costs len.  It is done only when at least as many bytes have been consumed since
 * the content last stood at the front, so that every byte consumed pays for one moved. */
static bool
worth_moving(const struct buf *b, size_t n)
{
	size_t len = buf_len(b);

	return b->head >= len && n <= b->cap - len;
}

char *
buf_reserve(struct buf *b, size_t n)
{
	if (b->base == NULL || n > b->cap - b->tail) {
		if (b->base != NULL && worth_moving(b, n)) {
			memcpy(b->base, b->base + b->head, buf_len(b));
			b->tail -= b->head;
			b->head = 0;
		} else if (grow(b, n) < 0) {
			return NULL;
		}
	}
	return b->base + b->tail;
}

void
buf_commit(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->tail);
	b->tail += n;
}

int
buf_append(struct buf *b, const void *p, size_t n)
{
	char *room;

	if (n == 0)
		return 0;
	room = buf_reserve(b, n);
	if (room == NULL)
		return -1;
	memcpy(room, p, n);
	buf_commit(b, n);
	return 0;
}

int
buf_append_span(struct buf *b, struct span s)
{
	return buf_append(b, s.p, s.n);
}

int
buf_append_str(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

static int print_into_room(struct buf *, const char *fmt, va_list) PRINTF_LIKE(2, 0);

/* Writes into the room there is; the length it takes, without the terminator, or -1 with
 * errno. */
static int
print_into_room(struct buf *b, const char *fmt, va_list ap)
{
	return vsnprintf(b->base ? b->base + b->tail : NULL, b->cap - b->tail, fmt, ap);
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = print_into_room(b, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= b->cap - b->tail) {
		if (buf_reserve(b, (size_t)n + 1) == NULL)
			return -1;
		va_start(ap, fmt);
		n = print_into_room(b, fmt, ap);
		va_end(ap);
	}
	if (n < 0)
		return -1;
	buf_commit(b, (size_t)n);
	return 0;
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

void
buf_truncate(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->tail = b->head + n;
	if (n == 0)
		b->head = b->tail = 0;
}

void
buf_clear(struct buf *b)
{
	b->head = b->tail = 0;
}

void
buf_release(struct buf *b)
{
	free(b->base);
	*b = (struct buf)BUF_INIT;
}

void
buf_check(const struct buf *b)
{
	bool ordered = b->head <= b->tail && b->tail <= b->cap;
	bool empty_is_zero = b->head != b->tail || b->head == 0;
	bool memory = (b->cap == 0) == (b->base == NULL);

	if (!ordered || !empty_is_zero || !memory)
		abort();
}

/* ---- kept memory ---- */

void
buf_pool_lend(struct buf_pool *s, struct buf *b)
{
	if (b->base == NULL && s->n > 0)
		*b = s->kept[--s->n];
}

void
buf_pool_take_back(struct buf_pool *s, struct buf *b)
{
	if (b->base == NULL || b->cap > BUF_POOL_MAX || s->n == BUF_POOL_KEPT) {
		buf_release(b);
		return;
	}
	buf_clear(b);
	s->kept[s->n++] = *b;
	*b = (struct buf)BUF_INIT;
}

void
buf_pool_release(struct buf_pool *s)
{
	while (s->n > 0)
		buf_release(&s->kept[--s->n]);
}
