/* notify.h - tells a service manager what this daemon is doing: sd_notify(3)'s protocol, by hand.
 *
 * A datagram of KEY=VALUE lines to the socket that $NOTIFY_SOCKET names (a path, or an abstract
 * name that begins with @).  Without it every call here does nothing.  errno is kept; what can't be
 * sent is logged once and forgotten: nothing here is worth stopping for. */
#ifndef POLICYPOOL_NOTIFY_H
#define POLICYPOOL_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attr.h"

/* Reads the environment; again, and it is read anew. */
void notify_open(void);
bool notify_is_on(void);

/* How often the manager wants to hear notify_alive(), in ms; 0: it does not watch this process. */
uint64_t notify_watchdog(void);

void notify_ready(void);	  /* READY=1, MAINPID= of the caller */
void notify_reloading(void);	  /* RELOADING=1, MONOTONIC_USEC=; notify_ready() ends it */
void notify_stopping(void);	  /* STOPPING=1 */
void notify_alive(void);	  /* WATCHDOG=1 */
void notify_main_pid(pid_t);	  /* MAINPID=: from now on that process is the daemon */
void notify_status(const char *); /* STATUS=, one line for people; sent when it changes */

/* In a process that will be executed as this daemon's successor: the watchdog is for whoever is the
 * main process, not for the pid it was first meant for. */
void notify_pass_on(void);

/* In a forked worker: it has nothing to say, and the environment does not tell it where. */
void notify_after_fork(void);

#endif
