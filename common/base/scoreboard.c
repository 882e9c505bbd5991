/* scoreboard.c - see scoreboard.h. */
#include "scoreboard.h"

COUNTERS_DEFINE(scoreboard_row, SCOREBOARD);

bool
scoreboard_least(const struct counters *sb, unsigned but, uint64_t *least)
{
	bool found = false;

	for (unsigned i = 0; i < sb->workers; i++) {
		const struct scoreboard_row *row = scoreboard_peek(sb, i);
		uint64_t n = counter_told(&row->connections);
		bool counts = i != but && counter_told(&row->accepting) != ACCEPTING_NOT;

		if (!counts || (found && n >= *least))
			continue;
		*least = n;
		found = true;
	}
	return found;
}

bool
scoreboard_least_accepted(const struct counters *sb, unsigned but, const uint64_t *since,
			  uint64_t *least)
{
	bool found = false;

	for (unsigned i = 0; i < sb->workers; i++) {
		const struct scoreboard_row *row = scoreboard_peek(sb, i);
		uint64_t now = counter_told(&row->accepted);
		uint64_t n = now >= since[i] ? now - since[i] : now; /* another worker's row now */

		bool counts = i != but && counter_told(&row->accepting) == ACCEPTING;

		if (!counts || (found && n >= *least))
			continue;
		*least = n;
		found = true;
	}
	return found;
}
