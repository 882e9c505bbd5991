/* handler_check.h - ppool-handler check: does a handler do what policypool-handler(7) asks of it?
 */
#ifndef POLICYPOOL_HANDLER_CHECK_H
#define POLICYPOOL_HANDLER_CHECK_H

#include <stdio.h>

#include "daemon.h"
#include "handler_conf.h"

/* Tries the handler: a line a check on out, what to do below one that failed, and how many there
 * were of each in the last line.  0: all have passed; 1: not. */
int handler_check(const struct handler_conf *, const struct daemon_conf *, FILE *out);

#endif
