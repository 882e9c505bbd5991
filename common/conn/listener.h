/* listener.h - accepts connections of a listening socket, and knows when not to.
 *
 * It pauses by itself: at a limit of connections, until one is given back, and for a moment when
 * the system has no descriptor or memory left (EMFILE, ENFILE, ENOBUFS, ENOMEM).  Of several
 * processes that wait for a connection, one is woken (epoll_exclusive.h). */
#ifndef POLICYPOOL_LISTENER_H
#define POLICYPOOL_LISTENER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr_peer.h"
#include "compiler.h"
#include "scoreboard.h"

struct listener;

/* Takes over fd. */
typedef void listener_fn(int fd, const struct addr_peer *peer, void *ctx);

/* limit: connections at once, at least 1.  listen_fd is borrowed.  NULL on ENOMEM. */
struct listener *listener_new(struct event_base *base, int listen_fd, unsigned limit,
			      listener_fn *fn, void *ctx);
void listener_free(struct listener *);

/* The socket is other workers' too: connections are shared evenly (see below) between those
 * whose rows say that they accept.  The row of slot must count this worker's connections. */
void listener_share(struct listener *, struct counters *, unsigned slot);

/* Accepts at another socket too, which counts and pauses with the first; at LISTENER_MOST.  0, or
 * -1 on ENOMEM. */
enum { LISTENER_MOST = 16 };
MUST_CHECK int listener_add(struct listener *, int listen_fd);

/* A connection that was accepted here is closed. */
void listener_give_back(struct listener *);

/* ---- for listener.c and its test ----
 *
 * Whether the next waiting connection is left to another worker, so that all have about as many.
 * Pure.
 *
 * Of connections that stay, by how many are open: only a worker that takes one after the other
 * while none leaves it passes for that.  Where they come and go, by how many were taken of late:
 * the worker that is awake would have them all. */

/* All zero at first. */
struct accept_balance {
	int in_a_row;	   /* taken since one has left */
	bool passed;	   /* the last answer was true */
	unsigned vain;	   /* times in a row that passing was in vain */
	uint64_t least;	   /* of the others when it was left to them last */
	unsigned unheeded; /* times in a row that a lead was given up in vain */
};

/* True: leave it to the worker with least, and ask again a moment later.  mine and least are
 * connections open here and at the worker that has fewest.  One that took none although they were
 * left to it does leaves some to this one. */
bool accept_balance_passes(struct accept_balance *, uint64_t mine, uint64_t least);

/* The same by what was taken of late, here and at the worker that took fewest. */
bool accept_balance_leads(const struct accept_balance *, uint64_t mine, uint64_t least);
/* How that ended: did anybody take one of those that were left?  A worker that does not is left
 * fewer. */
void accept_balance_led(struct accept_balance *, bool taken);

void accept_balance_took(struct accept_balance *);
void accept_balance_gave_back(struct accept_balance *);

#endif
