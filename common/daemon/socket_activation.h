/* socket_activation.h - listening sockets opened by the service manager (socket activation) or by
 * the daemon's predecessor.  They are the descriptors from 3 on; $LISTEN_FDS says how many,
 * $LISTEN_PID for which process, as in sd_listen_fds(3). */
#ifndef POLICYPOOL_SOCKET_ACTIVATION_H
#define POLICYPOOL_SOCKET_ACTIVATION_H

#include <stdbool.h>

#include "addr.h"
#include "compiler.h"

/* Before anything else is opened and before detaching: finds them, makes them close-on-exec, and
 * takes the variables out of the environment, so that no child believes that it is meant. */
void socket_activation_open(void);

/* The socket that listens at *wanted or, when a single one was given and alone says that no other
 * is wanted, that one wherever it listens.  Non-blocking, found to be a listening TCP or Unix
 * socket, the caller's from now on; what was taken is logged.  -1 when there is none. */
MUST_CHECK int socket_activation_listener(const struct addr *wanted, bool alone);

/* Closes what nobody took and logs each. */
void socket_activation_end(void);

#endif
