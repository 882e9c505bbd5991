/* keep.c - see keep.h. */
#include "keep.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

void
keep_add(struct keep *k, int fd)
{
	size_t room = k->room == 0 ? 16 : 2 * k->room;
	int *more;

	if (fd < 0)
		return;
	if (k->n == k->room) {
		more = realloc(k->fd, room * sizeof *more);
		if (more == NULL) {
			k->short_of_memory = true;
			return;
		}
		k->fd = more;
		k->room = room;
	}
	k->fd[k->n++] = fd;
}

static int
by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int
keep_close_others(struct keep *k)
{
	unsigned from = STDERR_FILENO + 1;

	if (k->short_of_memory) {
		errno = ENOMEM;
		return -1;
	}
	if (k->n > 0)
		qsort(k->fd, k->n, sizeof *k->fd, by_number);
	for (size_t i = 0; i < k->n; i++) {
		unsigned fd = (unsigned)k->fd[i];
		if (fd > from && close_range(from, fd - 1, 0) < 0)
			return -1;
		if (fd >= from)
			from = fd + 1;
	}
	return close_range(from, UINT_MAX, 0);
}

void
keep_release(struct keep *k)
{
	free(k->fd);
	*k = (struct keep){0};
}
