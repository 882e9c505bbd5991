/* scoreboard.c - see scoreboard.h. */
#include "scoreboard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct scoreboard {
	unsigned rows;
	size_t bytes;
	struct scoreboard_row
		*row; /* shared; row[rows] is the base: what reaped workers had counted */
};

struct scoreboard *
scoreboard_new(unsigned rows)
{
	struct scoreboard *sb = malloc(sizeof *sb);

	if (sb == NULL)
		return NULL;
	sb->rows = rows;
	sb->bytes = ((size_t)rows + 1) * sizeof *sb->row;
	sb->row = mmap(NULL, sb->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sb->row == MAP_FAILED) {
		free(sb);
		return NULL;
	}
	return sb;
}

void
scoreboard_free(struct scoreboard *sb)
{
	if (sb == NULL)
		return;
	(void)munmap(sb->row, sb->bytes);
	free(sb);
}

unsigned
scoreboard_rows(const struct scoreboard *sb)
{
	return sb->rows;
}

struct scoreboard_row *
scoreboard_row(struct scoreboard *sb, unsigned i)
{
	assert(i < sb->rows);
	return &sb->row[i];
}

void
scoreboard_clear(struct scoreboard *sb, unsigned i)
{
	struct scoreboard_row *row = scoreboard_row(sb, i), *base = &sb->row[sb->rows];

#define KEEP(name)                                               \
	scoreboard_add(&base->name, scoreboard_get(&row->name)); \
	scoreboard_set(&row->name, 0);
#define DROP(name) scoreboard_set(&row->name, 0);
	SCOREBOARD_COUNTERS(KEEP)
	SCOREBOARD_GAUGES(DROP)
#undef KEEP
#undef DROP
}

void
scoreboard_sum(const struct scoreboard *sb, struct scoreboard_row *out)
{
#define ZERO(name) scoreboard_set(&out->name, 0);
#define ADD(name)  scoreboard_add(&out->name, scoreboard_get(&row->name));
	SCOREBOARD_COUNTERS(ZERO)
	SCOREBOARD_GAUGES(ZERO)
	for (unsigned i = 0; i <= sb->rows; i++) {
		const struct scoreboard_row *row = &sb->row[i];
		SCOREBOARD_COUNTERS(ADD)
		SCOREBOARD_GAUGES(ADD)
	}
#undef ZERO
#undef ADD
}

bool
scoreboard_least(const struct scoreboard *sb, unsigned but, uint64_t *least)
{
	bool found = false;

	for (unsigned i = 0; i < sb->rows; i++) {
		uint64_t n = scoreboard_get(&sb->row[i].connections);
		bool counts = i != but && scoreboard_get(&sb->row[i].accepting) != ACCEPTING_NOT;

		if (!counts || (found && n >= *least))
			continue;
		*least = n;
		found = true;
	}
	return found;
}

bool
scoreboard_least_accepted(const struct scoreboard *sb, unsigned but, const uint64_t *since,
			  uint64_t *least)
{
	bool found = false;

	for (unsigned i = 0; i < sb->rows; i++) {
		uint64_t now = scoreboard_get(&sb->row[i].accepted);
		uint64_t n = now >= since[i] ? now - since[i] : now; /* another worker's row now */

		bool counts = i != but && scoreboard_get(&sb->row[i].accepting) == ACCEPTING;

		if (!counts || (found && n >= *least))
			continue;
		*least = n;
		found = true;
	}
	return found;
}
