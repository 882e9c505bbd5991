/* shared_rows.c - see shared_rows.h: an array of rows in the order of their ids. */
#include "shared_rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shared_rows {
	unsigned n, room, max;
	struct shared_row **row;
};

struct shared_rows *
shared_rows_new(unsigned max)
{
	struct shared_rows *t = calloc(1, sizeof *t);

	if (t != NULL)
		t->max = max;
	return t;
}

static void
free_row(struct shared_row *row)
{
	free(row->value);
	free(row);
}

void
shared_rows_free(struct shared_rows *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n; i++)
		free_row(t->row[i]);
	free(t->row);
	free(t);
}

/* The first whose id is not before that one. */
static unsigned
place(const struct shared_rows *t, const char *id)
{
	unsigned from = 0, to = t->n;

	while (from < to) {
		unsigned middle = from + (to - from) / 2;
		if (strcmp(t->row[middle]->id, id) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct shared_row *
shared_rows_find(const struct shared_rows *t, const char *id)
{
	unsigned i = place(t, id);

	return i < t->n && strcmp(t->row[i]->id, id) == 0 ? t->row[i] : NULL;
}

static int
grow(struct shared_rows *t)
{
	unsigned room = t->room == 0 ? 16 : 2 * t->room;
	struct shared_row **row;

	if (t->n < t->room)
		return 0;
	row = realloc(t->row, room * sizeof *row);
	if (row == NULL)
		return -1;
	t->row = row;
	t->room = room;
	return 0;
}

struct shared_row *
shared_rows_make(struct shared_rows *t, const char *id)
{
	struct shared_row *row = shared_rows_find(t, id);
	unsigned i = place(t, id);

	if (row != NULL)
		return row;
	if (t->n == t->max || grow(t) < 0)
		return NULL;
	row = calloc(1, sizeof *row);
	if (row == NULL)
		return NULL;
	(void)snprintf(row->id, sizeof row->id, "%s", id);
	memmove(t->row + i + 1, t->row + i, (t->n - i) * sizeof *t->row);
	t->row[i] = row;
	t->n++;
	return row;
}

int
shared_rows_set(struct shared_row *row, struct span value, uint64_t mod_rev)
{
	char *copy = malloc(value.n + 1);

	if (copy == NULL)
		return -1;
	if (value.n > 0)
		memcpy(copy, value.p, value.n);
	copy[value.n] = '\0';
	free(row->value);
	row->value = copy;
	row->n = value.n;
	row->mod_rev = mod_rev;
	row->seen = true;
	row->believed = false;
	return 0;
}

void
shared_rows_remove(struct shared_rows *t, struct shared_row *row)
{
	unsigned i = place(t, row->id);

	assert(i < t->n && t->row[i] == row);
	memmove(t->row + i, t->row + i + 1, (t->n - i - 1) * sizeof *t->row);
	t->n--;
	free_row(row);
}

struct shared_row *
shared_rows_at(const struct shared_rows *t, unsigned i)
{
	assert(i < t->n);
	return t->row[i];
}

unsigned
shared_rows_n(const struct shared_rows *t)
{
	return t->n;
}

void
shared_rows_begin(struct shared_rows *t)
{
	for (unsigned i = 0; i < t->n; i++)
		t->row[i]->seen = false;
}

void
shared_rows_sweep(struct shared_rows *t)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (t->row[i]->seen || t->row[i]->value == NULL)
			t->row[kept++] = t->row[i];
		else
			free_row(t->row[i]);
	}
	t->n = kept;
}

void
shared_rows_clear(struct shared_rows *t)
{
	for (unsigned i = 0; i < t->n; i++)
		free_row(t->row[i]);
	t->n = 0;
}
