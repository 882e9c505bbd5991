/* net.h - sockets: listen, accept, connect.  Non-blocking unless said otherwise, all
 * close-on-exec.  EINTR ends here. */
#ifndef POLICYPOOL_NET_H
#define POLICYPOOL_NET_H

#include <stdbool.h>
#include <sys/types.h>

#include "addr.h"
#include "attr.h"

/* A listening TCP socket, or -1 with errno (EADDRINUSE, EACCES, ...). */
MUST_CHECK int net_listen(const struct addr *, int backlog);

/* The socket's own address, port 0 resolved.  0, or -1 with errno. */
MUST_CHECK int net_local(int fd, struct addr *);

/* Is the address, whatever its port, one of this machine's interfaces'?  False where that can't be
 * found out. */
bool net_is_own(const struct addr *);

enum net_accepted {
	NET_ACCEPTED,  /* *fd is a connection, *peer who it is */
	NET_NONE,      /* nobody waiting (any more) */
	NET_EXHAUSTED, /* EMFILE, ENFILE, ENOBUFS, ENOMEM in errno: stop for a while */
	NET_FAILED     /* the listener itself is broken; errno tells */
};

/* Transient errors of the one connection (ECONNABORTED, EPROTO, ...) are skipped.  The
 * connection has TCP_NODELAY set. */
enum net_accepted net_accept(int listener, int *fd, struct addr *peer);

/* Starts connecting; the socket turns writable when it is decided, net_connect_result()
 * then tells.  -1 with errno when it failed at once. */
MUST_CHECK int net_connect(const struct addr *);

/* 0 when connected, otherwise the errno it failed with. */
int net_connect_result(int fd);

/* A listening Unix socket with the given mode.  A path left by a dead process is taken
 * over; one in use gives EADDRINUSE, one that is no socket ENOTSOCK.  -1 with errno. */
MUST_CHECK int net_listen_unix(const char *path, mode_t mode);

/* A connection, or -1 with errno; EAGAIN when nobody waits. */
MUST_CHECK int net_accept_unix(int listener);

/* Connected to the socket at path, blocking.  -1 with errno. */
MUST_CHECK int net_connect_unix(const char *path);

/* Soft limit of open files raised to `wanted` or the hard limit, whichever is lower.
 * Returns the soft limit now in force. */
unsigned long net_raise_nofile(unsigned long wanted);

#endif
