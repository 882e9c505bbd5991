/* pulse.h - what a master tells its service manager as time goes by: the state of its workers when
 * it changes, and that it is alive, as often as the manager's watchdog wants. */
#ifndef POLICYPOOL_PULSE_H
#define POLICYPOOL_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct pulse {
	uint64_t next; /* ms: when to say that we are alive */
};

struct pulse_view {
	const char *state;	/* as ppool-ctl status has it */
	unsigned wanted, ready; /* workers */
	bool all_hang;		/* there are workers, and none whose loop turns: we do not live */
};

/* To be called with every turn of the master's clock, several times a second.  now: clock_ms(). */
void pulse_turn(struct pulse *, const struct pulse_view *, uint64_t now);

#endif
