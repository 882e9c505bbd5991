/* listen_socket.h - where a daemon listens: at one address or several, TCP and Unix sockets.  While
 * a reload is under way there are two of these: the one in force, and the fresh or former one
 * aside, with the same sockets where the addresses have not changed.
 *
 * A name that has addresses of both families, as localhost mostly does, has a socket for each: a
 * client of that name may try either first.
 *
 * A Unix socket's path outlives its socket, so it is removed when the daemon ends or listens there
 * no more, unless another has it by then: a successor, the service manager, or whoever was put
 * there.  A path that was removed by somebody is told, and made anew by a reload, with another
 * socket: the kernel gives no second name to one. */
#ifndef POLICYPOOL_LISTEN_SOCKET_H
#define POLICYPOOL_LISTEN_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "addr.h"
#include "compiler.h"
#include "conf.h"
#include "daemon.h"
#include "host_names.h"
#include "listener.h"
#include "net_unix.h"

enum {
	LISTEN_ADDRESSES = 8,	     /* that listen may name */
	LISTEN_MOST = LISTENER_MOST, /* with the other family's of each */
	LISTEN_TEXT = LISTEN_ADDRESSES * (ADDR_TEXT + 2)
};

/* Whose a Unix socket's path is to remove. */
enum listen_owner {
	LISTEN_OURS,
	LISTEN_PREDECESSORS, /* until it lets go */
	LISTEN_SUCCESSORS,   /* it serves; what it has not taken is ours to remove in the end */
	LISTEN_GIVEN	     /* the service manager's */
};

struct listen_place {
	struct addr asked, addr; /* port 0 may be asked for; addr is the one taken */
	int fd;			 /* the listening socket; -1: none */
	bool other;		 /* the other family's of the one before, at its port; -1: done
				    without */
	enum listen_owner owner;
	struct net_unix_rights rights; /* of a path */
	struct net_unix_name name;     /* what is at the path */
	uint64_t told; /* clock_ms(): the last line in the log that it can't be reached */
};

struct listen_socket {
	struct listen_place at[LISTEN_MOST];
	unsigned n;
};

/* Fills what is asked for from `listen`, each PORT, HOST:PORT or a Unix socket (addr_unix());
 * fallback is the host where there is none.  Asks for names that are not known, IPv4 goes first.
 * 0, or -1 with a line on err. */
MUST_CHECK int listen_socket_ask(struct listen_socket *, const struct conf_list *listen,
				 const char *fallback, struct host_names *, const char *program,
				 FILE *err);

/* The TCP address that stands for it, or the first one where it has none: the daemon's name and
 * what a server announces.  Not of one that has no address at all. */
const struct addr *listen_socket_main(const struct listen_socket *);
/* All addresses, ", " between them; of a name with two families the first.  Returns out. */
const char *listen_socket_text(const struct listen_socket *, char out[LISTEN_TEXT]);
/* What tells this daemon from others on this machine: the port, or the last part of a Unix socket's
 * name without ".sock".  Returns out. */
const char *listen_socket_label(const struct listen_socket *, char out[ADDR_TEXT]);
/* The descriptors there are, into fd; how many. */
unsigned listen_socket_fds(const struct listen_socket *, int fd[LISTEN_MOST]);

/* At the start: as startup_listen() does.  0, or -1 with the reason logged. */
MUST_CHECK int listen_socket_begin(struct listen_socket *, const struct daemon_conf *);

/* Listens where fresh's `asked` say, but for what was asked for before.  0, or -1 with a line on
 * err. */
MUST_CHECK int listen_socket_open(struct listen_socket *fresh, const struct listen_socket *in_force,
				  const struct daemon_conf *, FILE *err);

/* Now and then: a TCP socket that was shut down, by whatever process has it too, listens again; of
 * a Unix socket, and of a path that is gone, there is a line in the log. */
void listen_socket_tick(struct listen_socket *, const struct daemon_conf *);

/* Is all of it in the other one too? */
bool listen_socket_is_within(const struct listen_socket *, const struct listen_socket *other);

/* Closes what of the one aside is not in force, and removes its paths; what is in force has the
 * rights that it is to have. */
void listen_socket_close(struct listen_socket *aside, const struct listen_socket *in_force);
/* The same in another process: the paths stay.  in_force NULL: nothing is. */
void listen_socket_forget(struct listen_socket *aside, const struct listen_socket *in_force);

/* The successor serves; or this one, and its predecessor has let go. */
void listen_socket_given(struct listen_socket *);
void listen_socket_in_charge(struct listen_socket *);
/* The end: closes all, and removes the paths that are ours. */
void listen_socket_end(struct listen_socket *);

#endif
