/* net_unix.h - listening at a Unix socket, and what only those have: a name in the file system with
 * an owner and a mode, that outlives the socket.  Non-blocking unless said otherwise, all
 * close-on-exec.  EINTR ends here.
 *
 * Connecting to one is net_connect()'s, accepting net_accept()'s, as with TCP. */
#ifndef POLICYPOOL_NET_UNIX_H
#define POLICYPOOL_NET_UNIX_H

#include <stdbool.h>
#include <sys/types.h>

#include "addr.h"
#include "compiler.h"

/* Who may connect to a path: to write to it is to connect. */
struct net_unix_rights {
	mode_t mode; /* of 0777 */
	uid_t owner; /* (uid_t)-1: this process's */
	gid_t group; /* (gid_t)-1: the same */
};

/* A listening socket, whose path appears with its rights once it listens.  A path left by a dead
 * process is taken over; one in use gives EADDRINUSE, one that is no socket ENOTSOCK.  A name
 * without a path (abstract) has no rights: whoever is in the same network namespace connects.  -1
 * with errno. */
MUST_CHECK int net_unix_listen(const struct addr *, const struct net_unix_rights *, int backlog);

/* Gives what is at the path other rights.  0, or -1 with errno. */
MUST_CHECK int net_unix_set_rights(const char *path, const struct net_unix_rights *);
/* Removes a socket that nobody listens at; none is fine.  0, or -1 with errno, EADDRINUSE where
 * somebody does. */
MUST_CHECK int net_unix_remove_stale(const struct addr *);

/* The same for the control socket: any path, as it is. */
MUST_CHECK int net_listen_unix(const char *path, mode_t mode);
/* One from another process: to whom it connects (SO_PEERCRED) is this process from now on.  0, or
 * -1 with errno. */
MUST_CHECK int net_listen_unix_again(int fd);

/* What is at a path, to know it again: a name that was made anew is another one. */
struct net_unix_name {
	dev_t device;
	ino_t inode; /* 0: there was none */
};
void net_unix_remember(struct net_unix_name *, const char *path);
/* It is still there, and the same. */
bool net_unix_is_there(const struct net_unix_name *, const char *path);

/* A connection, or -1 with errno; EAGAIN when nobody waits. */
MUST_CHECK int net_accept_unix(int listener);

/* Connected to the socket at path, blocking, for NET_UNIX_S at most where nobody accepts; so is
 * sending.  -1 with errno: EAGAIN when that is over. */
enum { NET_UNIX_S = 5 };
MUST_CHECK int net_connect_unix(const char *path);

#endif
