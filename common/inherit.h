/* inherit.h - listening sockets that whoever started this process has opened for it: the service
 * manager (socket activation) or the daemon's predecessor.  They are the descriptors from 3 on;
 * $LISTEN_FDS says how many, $LISTEN_PID for which process, as in sd_listen_fds(3). */
#ifndef POLICYPOOL_INHERIT_H
#define POLICYPOOL_INHERIT_H

#include "addr.h"
#include "attr.h"

/* Before anything else is opened and before detaching: finds them, makes them close-on-exec, and
 * takes the variables out of the environment, so that no child believes that it is meant. */
void inherit_open(void);

/* The socket that listens at *wanted or, when a single one was given, that one wherever it listens.
 * Non-blocking, found to be a listening TCP socket, the caller's from now on; what was taken is
 * logged.  -1 when there is none. */
MUST_CHECK int inherit_listener(const struct addr *wanted);

/* Closes what nobody took and logs each. */
void inherit_end(void);

#endif
