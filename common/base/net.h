/* net.h - sockets: listen, accept, connect.  Non-blocking unless said otherwise, all
 * close-on-exec.  EINTR ends here.  Listening at a Unix socket is net_unix.h's. */
#ifndef POLICYPOOL_NET_H
#define POLICYPOOL_NET_H

#include <stdbool.h>
#include <sys/types.h>

#include "addr_peer.h"
#include "compiler.h"

/* A listening TCP socket, or -1 with errno (EADDRINUSE, EACCES, ...); net_accept_undelayed() has
 * been called for it. */
MUST_CHECK int net_listen(const struct addr *, int backlog);

/* By that errno of net_listen() this machine has no such address, or none of the family: a name may
 * have it all the same. */
bool net_is_missing(int error);

/* False once it was shut down, by any process that has it. */
bool net_is_listening(int fd);
/* It listens again, at its address, and all that have it accept from it as before.  0, or -1 with
 * errno: ESHUTDOWN for a Unix socket, which can't. */
MUST_CHECK int net_listen_again(int fd, const struct addr *, int backlog);

/* The socket's own address, port 0 resolved; of a Unix socket the name that it was bound to first,
 * which net_unix_listen() has made another.  0, or -1 with errno. */
MUST_CHECK int net_local(int fd, struct addr *);

/* Is the address, whatever its port, one of this machine's interfaces'?  False where that can't be
 * found out. */
bool net_is_own(const struct addr *);

enum net_accepted {
	NET_ACCEPTED,  /* *fd is a connection, *peer its other end */
	NET_NONE,      /* none is waiting (any more) */
	NET_EXHAUSTED, /* EMFILE, ENFILE, ENOBUFS, ENOMEM in errno: stop for a while */
	NET_FAILED     /* the listener itself is broken; errno tells */
};

/* TCP connections that come from now on have TCP_NODELAY set: in Linux they inherit it.  0, or -1
 * with errno. */
MUST_CHECK int net_accept_undelayed(int listener);

/* Transient errors of the one connection (ECONNABORTED, EPROTO, ...) are skipped. */
enum net_accepted net_accept(int listener, int *fd, struct addr_peer *peer);

/* Starts connecting; the socket turns writable when it is decided, net_connect_result()
 * then tells.  -1 with errno when it failed at once; EAGAIN where a Unix socket's backlog is full,
 * which is a shortage: nothing tells when there is room. */
MUST_CHECK int net_connect(const struct addr *);

/* Of a connection to a Unix socket: was it that user's process that listens there? */
bool net_listener_is_of(int fd, uid_t user);

/* Once after net_connect(): is it decided already, as to a Unix socket always, and over the
 * loopback interface as a rule?  0: connected; EINPROGRESS: not yet; otherwise the errno it failed
 * with. */
int net_connect_decided(int fd, const struct addr *);

/* 0 when connected, otherwise the errno it failed with. */
int net_connect_result(int fd);

/* The round trip of a TCP connection as the kernel has measured it, in ms, rounded up; 0: not
 * known, or none. */
unsigned net_round_trip_ms(int fd);

/* Of a connection that could not be made: what this process or machine lacks for it, with the
 * errno's name, or NULL: then it says something of the peer or of the way there. */
const char *net_shortage(int error);
/* That, or what else says more than strerror(), or that. */
const char *net_error_text(int error);

/* Soft limit of open files raised to `wanted` or the hard limit, whichever is lower.
 * Returns the soft limit now in force. */
unsigned long net_raise_nofile(unsigned long wanted);

#endif
