/* sd_notify.h - tells a service manager the daemon's state: the protocol of sd_notify(3), by
 * hand.
 *
 * A datagram of KEY=VALUE lines to the socket that $NOTIFY_SOCKET names (a path, or an abstract
 * name that begins with @).  Without it every call here does nothing.  errno is kept; what can't be
 * sent is logged once, and nothing waits for it.  What the manager's queue has no room for is sent
 * with a later turn; STOPPING=1 is not, for it waits for the end of the process. */
#ifndef POLICYPOOL_SD_NOTIFY_H
#define POLICYPOOL_SD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"

/* Reads the environment; again, and it is read anew. */
void sd_notify_open(void);
/* From now on nothing is told but, with later turns, what is due. */
void sd_notify_close(void);
bool sd_notify_is_on(void);

/* Another process stays the main one: MAINPID is not told. */
void sd_notify_keep_main(void);

/* How often the manager wants to hear WATCHDOG=1, in ms; 0: it does not watch this process.
 */
uint64_t sd_notify_watchdog(void);

void sd_notify_ready(void);	     /* READY=1, MAINPID= of the caller */
void sd_notify_reloading(void);	     /* RELOADING=1, MONOTONIC_USEC=; sd_notify_ready() ends it */
void sd_notify_stopping(void);	     /* STOPPING=1 */
void sd_notify_main_pid(pid_t);	     /* MAINPID=: from now on that process is the daemon */
void sd_notify_status(const char *); /* STATUS=, one line for people; sent when it changes */

struct sd_notify_view {
	const char *state;	/* as ppool-ctl status has it */
	unsigned wanted, ready; /* workers */
	const char *trouble;	/* what is wrong though workers are ready; NULL: nothing */
	bool all_hang;		/* there are workers, and no loop of theirs turns: not alive */
};

/* To be called with every turn of the master's clock, several times a second: what is due, STATUS=
 * when the state changes, and WATCHDOG=1 as often as the manager wants it.  now: clock_ms(). */
void sd_notify_turn(const struct sd_notify_view *, uint64_t now);

/* In a process that will be executed as this daemon's successor: the watchdog is for the main
 * process, not for the pid it was first meant for. */
void sd_notify_pass_on(void);

/* In a forked worker: it has nothing to say, and the environment does not tell it where. */
void sd_notify_after_fork(void);

#endif
