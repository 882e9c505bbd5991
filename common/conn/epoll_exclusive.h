/* epoll_exclusive.h - of the processes that sleep until a socket is readable one is woken, not all
 * of them (EPOLLEXCLUSIVE, epoll_ctl(2)), which libevent has no flag for.
 *
 * The event stays libevent's: how the kernel waits for it is changed in the epoll instance that is
 * the loop's.  Another one inside of that would not do, for then the kernel wakes all (Linux 6.18).
 * The one that is woken has to take what there is: no other is told of it. */
#ifndef POLICYPOOL_EPOLL_EXCLUSIVE_H
#define POLICYPOOL_EPOLL_EXCLUSIVE_H

#include <event2/event.h>

#include "compiler.h"

/* The descriptor of the epoll instance to which the loop has added fd, for reading alone and not
 * exclusively yet; no other of the process has it.  -1: the loop goes by something else, or adds
 * later. */
int epoll_exclusive_find(struct event_base *, int fd);

/* From now on, and again after it was removed: as the last of those that may be woken.  0, or -1
 * with errno. */
MUST_CHECK int epoll_exclusive_add(int epoll, int fd);

/* Until it is added again; to libevent the event goes on, and may be deleted. */
void epoll_exclusive_remove(int epoll, int fd);

#endif
