/* pidfile.h - the file that tells the daemon's pid, of which there is one a process at most.
 *
 * It is locked for as long as its descriptor is open, here or in a successor: the lock is the open
 * file's (fcntl(2), F_OFD_SETLK), so that it is never free while a successor takes over.  One that
 * is there unlocked belongs to a process that has ended, and is taken. */
#ifndef POLICYPOOL_PIDFILE_H
#define POLICYPOOL_PIDFILE_H

#include <stdbool.h>

#include "compiler.h"

/* Opens, locks and writes the file at path, which is absolute and becomes this module's in any
 * case. One that was handed over (takeover.h) is written only by pidfile_take_over().  0, or -1
 * with the reason logged, which names the pid that is in it. */
MUST_CHECK int pidfile_open(char *path);

/* The path of the file that this process has written, where it has been removed or replaced since;
 * NULL: it is there, or there is none. */
const char *pidfile_missing(void);
/* Puts that back, and says so; what fails is logged. */
void pidfile_restore(void);

/* The predecessor has let go: a handed over file is written.  The lock is held even where that
 * fails, which is logged. */
void pidfile_take_over(void);
/* For a successor: the descriptor and path, borrowed; -1 where there is none. */
int pidfile_held(const char **path);
/* It has it: not to be removed here any more. */
void pidfile_hand_over(void);

/* Closes and frees without touching the file: in a forked worker. */
void pidfile_forget(void);
/* Removes the file if this process wrote it, and forgets it. */
void pidfile_end(void);

#endif
