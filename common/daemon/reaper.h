/* reaper.h - keeps the started process as parent of later masters, for a supervisor that knows
 * one pid (s6, runit, supervisord, a shell) or for pid 1 of a container.
 *
 * It stays, as the parent of all the masters that follow (a subreaper, see prctl(2)).  It passes
 * signals on to the master in charge, reaps, and ends as that one ends.  A line goes from master to
 * master: over it the one in charge names its successor, and its end tells that this process is
 * gone.
 *
 *   supervisor - reaper - master in charge          the line: "master PID", from the one in charge
 *                      \- its successor */
#ifndef POLICYPOOL_REAPER_H
#define POLICYPOOL_REAPER_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "compiler.h"

/* ---- in the process that was started ---- */

/* Before a successor is forked: that one's end of the line, the caller's to close; -1 with errno.
 */
MUST_CHECK int reaper_prepare(void);
/* It failed: everything as before. */
void reaper_cancel(void);
/* It is in charge now. */
void reaper_begin(pid_t successor);
bool reaper_is_on(void);

/* What children of this process leave behind becomes its own, until it ends (a subreaper without a
 * successor).  0, or -1 with errno. */
MUST_CHECK int reaper_adopt(void);
/* Not for now: a successor that is let go gets the parent of this process; and again. */
void reaper_pause_adopting(bool pause);

/* Passes a signal on to the master in charge; false where this process has not begun to reap. */
bool reaper_forward(int sig);

/* A child that is no worker was reaped: was it the master in charge?  Then the daemon has ended. */
bool reaper_child_ended(pid_t, int status);

/* This process's own workers are done: nothing is lost of what was signalled until reaper_run(). */
void reaper_settle(struct event_base *);
/* Until the master in charge has ended.  Returns its exit status, or does not return where it was
 * ended by a signal; `status` itself where there is nobody to reap. */
int reaper_run(int status);

/* In a forked worker. */
void reaper_after_fork(void);

/* ---- in a master below it ---- */

/* Over the line: the process that is in charge from now on.  0, or -1 with errno. */
MUST_CHECK int reaper_name(int line, pid_t);

#endif
