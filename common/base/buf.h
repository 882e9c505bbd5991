/* buf.h - a byte queue: appended at the tail, consumed from the head.
 *
 *   base        base+head          base+tail        base+cap
 *    |  consumed   |     content       |     room      |
 *
 * head <= tail <= cap;  head == tail implies both are 0;  cap == 0 iff base == NULL.
 * Memory grows by doubling up to what is asked for and is given back by buf_release(). */
#ifndef POLICYPOOL_BUF_H
#define POLICYPOOL_BUF_H

#include <stddef.h>

#include "compiler.h"
#include "span.h"

struct buf {
	char *base;
	size_t head, tail, cap; /* bytes from base */
};

#define BUF_INIT              \
	{                     \
		NULL, 0, 0, 0 \
	}

static inline size_t
buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

/* Borrowed until the next call that changes b. */
static inline struct span
buf_span(const struct buf *b)
{
	return span_of(b->base ? b->base + b->head : NULL, b->tail - b->head);
}

/* Makes n bytes of room at the tail and returns where they start; NULL with errno ENOMEM.
 * Follow with buf_commit().  On failure b is unchanged. */
MUST_CHECK char *buf_reserve(struct buf *b, size_t n);

/* The first n bytes of the room are content now; n is at most what was reserved. */
void buf_commit(struct buf *b, size_t n);

/* 0, or -1 with errno ENOMEM and b unchanged.  p must not point into b. */
MUST_CHECK int buf_append(struct buf *b, const void *p, size_t n);
MUST_CHECK int buf_append_span(struct buf *b, struct span s);
MUST_CHECK int buf_append_str(struct buf *b, const char *s);
MUST_CHECK int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Drops n bytes at the head; n is at most buf_len(). */
void buf_consume(struct buf *b, size_t n);

/* Drops what is behind the first n bytes; n is at most buf_len(). */
void buf_truncate(struct buf *b, size_t n);

/* Drops all content, keeps the memory. */
void buf_clear(struct buf *b);

/* Drops all content and the memory; b is as good as new. */
void buf_release(struct buf *b);

/* Aborts if the drawing above does not hold.  For tests and debug builds. */
void buf_check(const struct buf *b);

/* ---- the memory of emptied buffers, kept for the next ones that are written to ---- */

enum {
	BUF_POOL_KEPT = 64,  /* buffers */
	BUF_POOL_MAX = 16384 /* bytes of one of them; larger ones are freed */
};

/* All zero is empty. */
struct buf_pool {
	unsigned n;
	struct buf kept[BUF_POOL_KEPT]; /* empty, with memory; the last is the warmest */
};

/* A buffer without memory is given some if any is there.  Cannot fail. */
void buf_pool_lend(struct buf_pool *, struct buf *);

/* Drops b's content and memory, as buf_release() does, keeping the memory here if it is worth it.
 */
void buf_pool_take_back(struct buf_pool *, struct buf *b);

void buf_pool_release(struct buf_pool *);

#endif
