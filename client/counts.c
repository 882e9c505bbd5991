/* counts.c - see counts.h. */
#include "counts.h"

#include <assert.h>
#include <stdlib.h>

enum { SLOTS = 2 * COUNTS_MAX, FIRST_CAP = 8 };

void
counts_init(struct counts *c, size_t limit)
{
	assert(limit >= 1 && limit <= COUNTS_MAX);
	*c = (struct counts){.limit = limit};
}

void
counts_free(struct counts *c)
{
	free(c->entry);
	*c = (struct counts){.limit = c->limit};
}

/* FNV-1a. */
static size_t
hash_of(struct span text)
{
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < text.n; i++)
		hash = (hash ^ (unsigned char)text.p[i]) * 16777619;
	return hash % SLOTS;
}

/* Where text is, or the free slot where it belongs; at most half of the slots are taken. */
static uint16_t *
slot_of(struct counts *c, struct span text)
{
	size_t i = hash_of(text);

	while (c->index[i] != 0 && !span_eq_str(text, c->entry[c->index[i] - 1].text))
		i = (i + 1) % SLOTS;
	return &c->index[i];
}

static int
make_room(struct counts *c)
{
	size_t cap = c->cap == 0 ? FIRST_CAP : 2 * c->cap;
	struct counts_entry *grown;

	if (c->n < c->cap)
		return 0;
	if (cap > c->limit)
		cap = c->limit;
	if (cap == c->cap)
		return -1;
	grown = realloc(c->entry, cap * sizeof *grown);
	if (grown == NULL)
		return -1;
	c->entry = grown;
	c->cap = cap;
	return 0;
}

static struct span
shortened(struct span text)
{
	return span_of(text.p,
		       text.n > 0 ? strnlen(text.p, text.n < COUNTS_TEXT ? text.n : COUNTS_TEXT - 1)
				  : 0);
}

void
counts_add(struct counts *c, struct span text, uint64_t n)
{
	struct span key = shortened(text);
	uint16_t *slot = slot_of(c, key);
	struct counts_entry *e;

	if (*slot == 0) {
		if (make_room(c) < 0) {
			c->other += n;
			return;
		}
		e = &c->entry[c->n++];
		*e = (struct counts_entry){.n = 0};
		if (key.n > 0)
			memcpy(e->text, key.p, key.n);
		*slot = (uint16_t)c->n;
	}
	c->entry[*slot - 1].n += n;
}

uint64_t
counts_sum(const struct counts *c)
{
	uint64_t sum = c->other;

	for (size_t i = 0; i < c->n; i++)
		sum += c->entry[i].n;
	return sum;
}
