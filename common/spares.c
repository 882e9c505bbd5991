/* spares.c - see spares.h. */
#include "spares.h"

void
spares_lend(struct spares *s, struct buf *b)
{
	if (b->base == NULL && s->n > 0)
		*b = s->kept[--s->n];
}

void
spares_take_back(struct spares *s, struct buf *b)
{
	if (b->base == NULL || b->cap > SPARES_MAX || s->n == SPARES_KEPT) {
		buf_release(b);
		return;
	}
	buf_clear(b);
	s->kept[s->n++] = *b;
	*b = (struct buf)BUF_INIT;
}

void
spares_release(struct spares *s)
{
	while (s->n > 0)
		buf_release(&s->kept[--s->n]);
}
