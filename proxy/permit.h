/* permit.h - the right to hold a connection to a server that serves few at once, over all workers.
 *
 * A word of shared memory a permit names the worker that holds it, so a dead worker's permits are
 * found and freed by the master.  Who finds none asks to be told, and is handed the next one in its
 * turn. */
#ifndef POLICYPOOL_PERMIT_H
#define POLICYPOOL_PERMIT_H

#include <stdbool.h>

#include "attr.h"

/* A server that serves this many connections at once, or more, is not bounded here. */
enum { PERMIT_MAX = 64, PERMIT_NONE = -1, PERMIT_UNBOUNDED = -2 };

struct permits;

/* Shared with every child forked later.  NULL with errno. */
struct permits *permits_new(unsigned servers, unsigned workers);
void permits_free(struct permits *);

/* What to take permits by, of a server with that many slots, when each worker opens at most so many
 * connections to it: where all together could open more than it serves, it is bounded here. */
unsigned permit_slots(const struct permits *, unsigned slots, unsigned connections);

/* A permit's number, PERMIT_UNBOUNDED, or PERMIT_NONE: then the worker is told through its
 * descriptor when to try again. */
MUST_CHECK int permit_take(struct permits *, unsigned server, unsigned slots, unsigned worker);

/* As permit_take(), for who does not wait: PERMIT_NONE is all there is to it. */
MUST_CHECK int permit_try(struct permits *, unsigned server, unsigned slots, unsigned worker);

/* Gives back what permit_take() returned; hands it to the next worker that waits. */
void permit_give(struct permits *, unsigned server, int permit, unsigned worker);

/* Does another worker wait for a permit of this server? */
bool permit_wanted(const struct permits *, unsigned server, unsigned worker);

/* The worker does not wait for this server any more; a permit handed to it meanwhile goes on. */
void permit_forget(struct permits *, unsigned server, unsigned worker);

/* Turns readable when the worker may try again; permit_heard() makes it quiet. */
int permit_descriptor(const struct permits *, unsigned worker);
void permit_heard(const struct permits *, unsigned worker);

/* Makes that worker's descriptor readable for another reason: look around. */
void permit_nudge(const struct permits *, unsigned worker);

/* The master: the worker is dead; what it held is free again. */
void permit_release_all(struct permits *, unsigned worker);

/* Held now, of one server, by all workers. */
unsigned permit_held(const struct permits *, unsigned server);

#endif
