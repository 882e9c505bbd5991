/* idle_wait.h - calls that wait until nothing is in flight at a server.  The master's. */
#ifndef POLICYPOOL_IDLE_WAIT_H
#define POLICYPOOL_IDLE_WAIT_H

#include <event2/event.h>

#include "compiler.h"
#include "control.h"
#include "registry.h"
#include "server_stats.h"

struct idle_wait;

/* All borrowed.  NULL on ENOMEM. */
struct idle_wait *idle_wait_new(struct event_base *, const struct registry *, struct counters *);
/* Waiting callers are answered that the daemon ends. */
void idle_wait_free(struct idle_wait *);

/* In a forked worker, after the control socket is freed, which answers its callers. */
void idle_wait_after_fork(struct idle_wait *);

/* The caller is answered once nothing was in flight at the server for two looks on end, or with an
 * error when limit_ms are over.  0, or -1 on ENOMEM. */
MUST_CHECK int idle_wait_begin(struct idle_wait *, const struct control_call *, unsigned server,
			       uint64_t limit_ms);

#endif
