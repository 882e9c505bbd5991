/* server_reach.h - where a server is to be reached: at which of the addresses that it listens at,
 * and whether its proxies can get there. */
#ifndef POLICYPOOL_SERVER_REACH_H
#define POLICYPOOL_SERVER_REACH_H

#include <stdio.h>

#include "addr.h"
#include "compiler.h"
#include "listen_socket.h"
#include "server_conf.h"

/* Where it listens if only a port is given: as its proxies need it. */
const char *server_reach_default_host(const struct server_conf *);

/* Which of these a proxy is told: a Unix socket where it is joined over one, otherwise that of
 * listen_socket_main(). */
const struct addr *server_reach_place(const char *proxy, const struct listen_socket *);

/* Can each of its proxies, by what its text tells, reach it there, and is none of them the server
 * itself?  0, or -1 with one line on err that says what to do. */
MUST_CHECK int server_reach_check(const struct server_conf *, const struct listen_socket *asked,
				  FILE *err);

#endif
