/* control_socket.h - a listening Unix socket with its name: made, taken over from a predecessor or
 * given to a successor, made anew where its name was removed.  A pause where the system has no
 * descriptor left. */
#ifndef POLICYPOOL_CONTROL_SOCKET_H
#define POLICYPOOL_CONTROL_SOCKET_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "compiler.h"
#include "net_unix.h"

/* Of a connection that was accepted; the descriptor is the callee's. */
typedef void control_socket_fn(int fd, void *ctx);

/* Borrowed by events: stays where it is.  All zero but fd, -1, before it is open. */
struct control_socket {
	int fd;
	char *path;
	struct net_unix_name name; /* what is at path */
	bool foreign; /* path and socket are another process's: its successor's or predecessor's */
	struct event_base *base;
	struct event *readable;
	struct event *pause_over; /* when the system had no descriptor left */
	control_socket_fn *accepted;
	void *ctx;
};

/* Listens.  0, or -1 with errno; then close it all the same. */
MUST_CHECK int control_socket_open(struct control_socket *k, struct event_base *base,
				   const char *path, mode_t mode, control_socket_fn *accepted,
				   void *ctx);

/* A predecessor's, which accepts until control_socket_go().  fd is the socket's with 0 alone. */
MUST_CHECK int control_socket_adopt(struct control_socket *k, struct event_base *base, int fd,
				    const char *path, control_socket_fn *accepted, void *ctx);
void control_socket_go(struct control_socket *);

/* It is a successor's from now on, until control_socket_go(). */
void control_socket_hand_over(struct control_socket *);

/* 1: its name was removed, and it has been made anew; 0: it is there, or another's; -1 with errno.
 */
MUST_CHECK int control_socket_restore(struct control_socket *, mode_t);

/* Removes the name, where it is ours. */
void control_socket_unlink(const struct control_socket *);
void control_socket_close(struct control_socket *);

#endif
