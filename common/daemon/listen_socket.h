/* listen_socket.h - where a daemon listens.  While a reload is under way there are two: the one in
 * force, and the fresh or former one aside, with the same socket where the place has not changed.
 *
 * A name that has addresses of both families, as localhost mostly does, has a socket for each: a
 * client of that name may try either first. */
#ifndef POLICYPOOL_LISTEN_SOCKET_H
#define POLICYPOOL_LISTEN_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "addr.h"
#include "compiler.h"
#include "daemon.h"

struct listen_socket {
	struct addr asked, addr; /* port 0 may be asked for; addr is the one taken */
	int fd;			 /* the listening socket; -1: none */
	struct addr other_asked; /* the other family's; len 0: none is wanted */
	struct addr other_addr;
	int other_fd;  /* -1: none */
	uint64_t told; /* clock_ms(): the last line in the log that it can't listen */
};
#define LISTEN_SOCKET_NONE               \
	{                                \
		.fd = -1, .other_fd = -1 \
	}

/* Fills what is asked for from `listen`, PORT or HOST:PORT; fallback is the host where it has none.
 * Asks the resolver where it is a name, IPv4 goes first.  0, or -1 with *why. */
MUST_CHECK int listen_socket_ask(struct listen_socket *, const char *listen, const char *fallback,
				 const char **why);

/* At the start: as startup_listen() does.  0, or -1 with the reason logged. */
MUST_CHECK int listen_socket_begin(struct listen_socket *, const struct daemon_conf *);

/* Listens where fresh->asked says, unless that is what was asked for before.  0, or -1 with a line
 * on err. */
MUST_CHECK int listen_socket_open(struct listen_socket *fresh, const struct listen_socket *in_force,
				  const struct daemon_conf *, FILE *err);

/* Now and then: a socket that was shut down, by whatever process has it too, listens again. */
void listen_socket_tick(struct listen_socket *, const struct daemon_conf *);

bool listen_socket_is_same(const struct listen_socket *, const struct listen_socket *);

/* Closes what of the one aside is not in force; NULL: nothing is. */
void listen_socket_close(struct listen_socket *aside, const struct listen_socket *in_force);

#endif
