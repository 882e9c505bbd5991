/* quiet.h - who waits until nothing is in flight at a server any more.  The master's. */
#ifndef POLICYPOOL_QUIET_H
#define POLICYPOOL_QUIET_H

#include <event2/event.h>

#include "attr.h"
#include "control.h"
#include "registry.h"
#include "tally.h"

struct quiet;

/* All borrowed.  NULL on ENOMEM. */
struct quiet *quiet_new(struct event_base *, const struct registry *, struct tally *);
/* Those who wait are answered that it ends. */
void quiet_free(struct quiet *);

/* In a forked worker, after the control socket is freed, whose end tells those who wait. */
void quiet_after_fork(struct quiet *);

/* The caller is answered once nothing was in flight at the server for two looks on end, or with an
 * error when limit_ms are over.  0, or -1 on ENOMEM. */
MUST_CHECK int quiet_wait(struct quiet *, const struct control_call *, unsigned server,
			  uint64_t limit_ms);

#endif
