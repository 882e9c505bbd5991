/* watchdog.h - finds workers that hang or are over their limits, and has them replaced. */
#ifndef POLICYPOOL_WATCHDOG_H
#define POLICYPOOL_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "child_set.h"
#include "scoreboard.h"

enum { WATCHDOG_MS = 250 }; /* from turn to turn */

struct watchdog {
	struct child_set *set;
	const struct counters *scoreboard;
	uint64_t turned; /* ms: when it turned last; 0: never */
	uint64_t awake;	 /* ms: for how long it has been turning */
};

/* A turn, every WATCHDOG_MS: takes down which workers' loops have turned since the last; asks one
 * that hangs to end, and recycles one that has reached a limit. */
void watchdog_turn(struct watchdog *, uint64_t now);
/* There are workers, and no loop of theirs has turned for that long.  0: never. */
bool watchdog_all_hang(const struct watchdog *, uint64_t ms);
/* 10 % more or less, so that workers born together are not recycled together. */
uint64_t watchdog_draw_limit(uint64_t limit);

#endif
