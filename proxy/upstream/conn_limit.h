/* conn_limit.h - limits the connections to a server that serves few at once, over all workers.
 *
 * Each worker writes only its own row (shm.h): what it holds of each server, and since when it
 * waits for one.  A worker that wants a permit says so in its row, looks at all rows, and takes it
 * only if the server has one left beside what the others hold, try to take, or have waited for
 * longer.
 *
 * What holds whatever a worker does that was taken over: no two others ever hold the same permit,
 * the master never reads beyond a table, and a row is nothing any more once its worker is dead.
 * What does not: it can claim permits, and so keep others from servers with few connections, which
 * it could as well by connecting to them.
 */
#ifndef POLICYPOOL_CONN_LIMIT_H
#define POLICYPOOL_CONN_LIMIT_H

#include <stdbool.h>

#include "compiler.h"

/* A server that serves this many connections at once, or more, is not bounded here. */
enum { CONN_LIMIT_MAX = 64 };

/* What conn_limit_take() returns. */
enum { CONN_LIMIT_TAKEN = 0, CONN_LIMIT_NONE = -1, CONN_LIMIT_UNBOUNDED = -2 };

struct permits;

/* Shared with every child forked later.  NULL with errno. */
struct permits *permits_new(unsigned servers, unsigned workers);
void permits_free(struct permits *);

/* The master: a worker may be forked that looks at others and is looked at.  The master that takes
 * permits itself admits itself. */
void permits_admit(struct permits *, unsigned worker);

/* In a worker, first of all: it can write its own row, and hear what it is told, alone.  0, or -1
 * with errno. */
MUST_CHECK int permits_enter(struct permits *, unsigned worker);

/* What to take permits by, of a server with that many slots, when each worker opens at most so many
 * connections to it: where all together could open more than it serves, it is bounded here. */
unsigned conn_limit_slots(const struct permits *, unsigned slots, unsigned connections);

/* CONN_LIMIT_NONE: the worker is told through its descriptor when to try again. */
MUST_CHECK int conn_limit_take(struct permits *, unsigned server, unsigned slots, unsigned worker);

/* As conn_limit_take(), without waiting: CONN_LIMIT_NONE is all there is to it. */
MUST_CHECK int conn_limit_try(struct permits *, unsigned server, unsigned slots, unsigned worker);

/* Gives back what conn_limit_take() returned, and wakes the worker that has waited the longest. */
void conn_limit_give(struct permits *, unsigned server, int permit, unsigned worker);

/* Does another worker wait for a permit of this server? */
bool conn_limit_wanted(const struct permits *, unsigned server, unsigned worker);
/* Does one that holds fewer than this worker?  Those that hold as many would only exchange theirs,
 * again and again. */
bool conn_limit_owed(const struct permits *, unsigned server, unsigned worker);

/* The worker does not wait for this server any more; the next one is woken. */
void conn_limit_forget(struct permits *, unsigned server, unsigned worker);

/* From time to time: puts right what stands in the worker's own row, should anything else have
 * written there. */
void conn_limit_restate(struct permits *, unsigned worker);

/* Turns readable when the worker may try again; conn_limit_heard() makes it quiet.  Its own alone.
 */
int conn_limit_descriptor(const struct permits *, unsigned worker);
void conn_limit_heard(const struct permits *, unsigned worker);

/* Makes that worker's descriptor readable for another reason: look around. */
void conn_limit_nudge(const struct permits *, unsigned worker);
/* The descriptor by which that is done. */
int conn_limit_nudge_descriptor(const struct permits *, unsigned worker);

/* The master: the worker is dead; what it held is free again. */
void conn_limit_release_all(struct permits *, unsigned worker);

/* Does nobody hold one of that server but the master, which does while it probes it, or did a
 * moment ago? */
bool conn_limit_only_master(const struct permits *, unsigned server);

/* Held now, of one server, by all workers. */
unsigned conn_limit_held(const struct permits *, unsigned server);

/* Of the servers below end: held, and workers that wait for one, each counted once a server. */
struct conn_limit_use {
	unsigned held, waiting;
};
struct conn_limit_use permits_use(const struct permits *, unsigned end);

#endif
