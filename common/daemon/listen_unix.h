/* listen_unix.h - the path of a Unix socket that a daemon listens at: its rights, whether it can be
 * there, and its end.  For listen_socket.c and settings.c. */
#ifndef POLICYPOOL_LISTEN_UNIX_H
#define POLICYPOOL_LISTEN_UNIX_H

#include <stdio.h>

#include "compiler.h"
#include "daemon.h"
#include "listen_socket.h"

/* Finds out what listen_mode, listen_owner and listen_group come to, and judges whether the socket
 * could be at each path: the folder, what is there, who may give it away; makes nothing.  0, or -1
 * with a line on err. */
MUST_CHECK int listen_unix_check(struct daemon_conf *, const struct listen_socket *,
				 const char *program, FILE *err);

/* Of a place that listens: remembers what is at its path. */
void listen_unix_remember(struct listen_place *);
/* Is it as it should be: the path there, the socket not shut down? */
bool listen_unix_is_sound(const struct listen_place *);
/* Logs once where it is not, and once where it is again. */
void listen_unix_tick(struct listen_place *);

/* Gives a path that stays the rights that it is to have; a failure is logged. */
void listen_unix_set_rights(const struct listen_place *);

/* Before its socket is closed, or after where it may be a successor's: removes the path that is
 * ours. */
void listen_unix_remove(const struct listen_place *);
void listen_unix_remove_left(const struct listen_place *);

#endif
