/* channel.h - tagged messages between the master and one worker, over a pair of Unix sockets.
 *
 * SOCK_SEQPACKET: a message arrives whole or not at all, and the other side's death is an end. */
#ifndef POLICYPOOL_CHANNEL_H
#define POLICYPOOL_CHANNEL_H

#include <sys/types.h>

#include "compiler.h"
#include "span.h"

enum { CHANNEL_MAX = 16384 }; /* bytes of one message's body */

enum channel_tag {
	CHANNEL_READY = 'R',  /* worker, successor: serving now */
	CHANNEL_GO = 'G',     /* to a successor: take over */
	CHANNEL_CANCEL = 'C', /* to a successor: end, the predecessor goes on or stops */
	CHANNEL_YIELD = 'Y',  /* master: others accept at the same place */
	CHANNEL_LOG = 'L',    /* master: here is the log, opened anew; with its descriptor */
	CHANNEL_FILE = 'F',   /* master: a file of the program's own; with its descriptor */
	CHANNEL_DATA = 'D'    /* either: the program's own */
};

enum channel_result { CHANNEL_FAILED = -2, CHANNEL_ENDED, CHANNEL_EMPTY, CHANNEL_MESSAGE };

/* Both ends non-blocking and close-on-exec.  0, or -1 with errno. */
MUST_CHECK int channel_pair(int fd[2]);

/* 0, or -1 with errno: EAGAIN when the other side does not read, EMSGSIZE over CHANNEL_MAX, EPIPE.
 */
MUST_CHECK int channel_send(int fd, enum channel_tag, struct span body);

/* The same, and the other side gets a descriptor of its own for `passed`'s file; -1 for none. */
MUST_CHECK int channel_send_with(int fd, enum channel_tag, struct span body, int passed);

/* MESSAGE: *tag and *body, which borrows from space (CHANNEL_MAX + 1 bytes).  EMPTY: none now, or
 * no memory for it now.  ENDED: the other side is gone.  FAILED: with errno; the other side may
 * well live, but nothing more is heard of it.  A descriptor that came along is dropped. */
enum channel_result channel_receive(int fd, char *space, enum channel_tag *tag, struct span *body);

/* The same, with the descriptor that came along, close-on-exec and the caller's to close, or -1. */
enum channel_result channel_receive_with(int fd, char *space, enum channel_tag *tag,
					 struct span *body, int *passed);

/* The same without a descriptor, and with the pid of the sender as the kernel has it, 0 where it
 * tells none: after channel_identify() at this end. */
enum channel_result channel_receive_from(int fd, char *space, enum channel_tag *tag,
					 struct span *body, pid_t *from);
/* Messages at this end come with their sender's pid from now on (SCM_CREDENTIALS, unix(7)).  0, or
 * -1 with errno. */
MUST_CHECK int channel_identify(int fd);
/* The bytes of a message that has no tag, otherwise as channel_receive_from(); n: room in space.
 * Never waits.  As recv(2), but for EINTR, after which it is tried again. */
ssize_t channel_receive_raw(int fd, void *space, size_t n, pid_t *from);

#endif
