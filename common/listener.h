/* listener.h - accepts connections of a listening socket, and knows when not to.
 *
 * It pauses by itself: at a limit of connections, until one is given back, and for a moment when
 * the system has no descriptor or memory left (EMFILE, ENFILE, ENOBUFS, ENOMEM). */
#ifndef POLICYPOOL_LISTENER_H
#define POLICYPOOL_LISTENER_H

#include <event2/event.h>

#include "addr.h"
#include "scoreboard.h"

struct listener;

/* Takes over fd. */
typedef void listener_fn(int fd, const struct addr *peer, void *ctx);

/* limit: connections at once, at least 1.  listen_fd is borrowed.  NULL on ENOMEM. */
struct listener *listener_new(struct event_base *base, int listen_fd, unsigned limit,
			      listener_fn *fn, void *ctx);
void listener_free(struct listener *);

/* The socket is other workers' too: connections are shared evenly (share.h) between those whose
 * rows say that they accept.  The row of slot must count this worker's connections. */
void listener_share(struct listener *, struct scoreboard *, unsigned slot);

/* A connection that was accepted here is closed. */
void listener_give_back(struct listener *);

#endif
