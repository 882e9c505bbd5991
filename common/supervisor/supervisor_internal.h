/* supervisor_internal.h - what supervisor.c and supervisor_signals.c share. */
#ifndef POLICYPOOL_SUPERVISOR_INTERNAL_H
#define POLICYPOOL_SUPERVISOR_INTERNAL_H

#include "child_set.h"
#include "supervisor.h"
#include "watchdog.h"

enum { SUPERVISOR_SIGNALS = 9 };

struct supervisor {
	struct event_base *base;
	const struct supervisor_ops *ops;
	void *ctx;
	const struct supervisor_succession *succession; /* NULL: none */
	void *succession_ctx;
	struct counters *scoreboard;
	struct child_host host;
	struct child_set set;
	struct watchdog watchdog;
	bool stop_forwarded; /* another process in charge was told to stop */
	int status;
	uint64_t started;
	struct event *signal[SUPERVISOR_SIGNALS], *leave_clock, *watch;
};

/* Takes what processes have ended. */
void supervisor_reap(struct supervisor *);

/* 0, or -1 on ENOMEM. */
MUST_CHECK int supervisor_listen_to_signals(struct supervisor *);

#endif
