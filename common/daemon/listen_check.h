/* listen_check.h - what -t finds of the addresses to listen at: it tries them. */
#ifndef POLICYPOOL_LISTEN_CHECK_H
#define POLICYPOOL_LISTEN_CHECK_H

#include <stdio.h>

#include "compiler.h"
#include "daemon.h"
#include "listen_socket.h"

/* Binds to each TCP address asked for, and to that of `admin`, and lets go of it; nobody can
 * connect meanwhile.  One that is in use may be a running daemon's: that is only noted.  Unix
 * sockets: see listen_unix_check().  0, or -1 with a line on err for each that can't be had, with
 * the reason and, where rights are lacking, what gives them. */
MUST_CHECK int listen_check(const struct daemon_conf *, const struct listen_socket *asked,
			    const char *program, FILE *err);

#endif
