/* channel.h - tagged messages between the master and one worker, over a pair of Unix sockets.
 *
 * SOCK_SEQPACKET: a message arrives whole or not at all, and the other side's death is an end. */
#ifndef POLICYPOOL_CHANNEL_H
#define POLICYPOOL_CHANNEL_H

#include "attr.h"
#include "span.h"

enum { CHANNEL_MAX = 16384 }; /* bytes of one message's body */

enum channel_tag {
	CHANNEL_READY = 'R',  /* worker: serving now */
	CHANNEL_REOPEN = 'O', /* master: open the log anew */
	CHANNEL_DATA = 'D'    /* either: the program's own */
};

enum channel_result { CHANNEL_ENDED = -1, CHANNEL_EMPTY, CHANNEL_MESSAGE };

/* Both ends non-blocking and close-on-exec.  0, or -1 with errno. */
MUST_CHECK int channel_pair(int fd[2]);

/* 0, or -1 with errno: EAGAIN when the other side does not read, EMSGSIZE over CHANNEL_MAX, EPIPE.
 */
MUST_CHECK int channel_send(int fd, enum channel_tag, struct span body);

/* MESSAGE: *tag and *body, which borrows from space (CHANNEL_MAX + 1 bytes).  ENDED: the other side
 * is gone. */
enum channel_result channel_receive(int fd, char *space, enum channel_tag *tag, struct span *body);

#endif
