/* worker_loop.h - a worker's loop: sleeps until something comes, or looks on for a moment before
 * (busypoll.h). */
#ifndef POLICYPOOL_WORKER_LOOP_H
#define POLICYPOOL_WORKER_LOOP_H

#include <event2/event.h>
#include <stdbool.h>

#include "attr.h"
#include "busypoll.h"

/* Until event_base_loopbreak(), or there is nothing to wait for.  expects: is an answer to
 * something that was asked on its way?  NULL: never.  0, or -1 with errno when the loop fails. */
MUST_CHECK int worker_loop(struct event_base *, struct busypoll *, bool (*expects)(void *state),
			   void *state);

#endif
