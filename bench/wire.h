/* wire.h - the bytes of a connection of the load generator, plain or in TLS. */
#ifndef POLICYPOOL_WIRE_H
#define POLICYPOOL_WIRE_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "addr.h"
#include "buf.h"
#include "compiler.h"
#include "tls.h"

struct wire {
	int fd; /* -1: none */
	struct tls *tls;
	bool shaking;	  /* the handshake is not done */
	bool wants_write; /* what it waits for after EAGAIN */
	struct buf out;	  /* taken, and not yet in TLS's hands */
};

/* A connection that is one of very many: over loopback they come from many addresses, as those of
 * many hosts would, or each would search long for one of the few ports that is not in TIME_WAIT.
 * A descriptor, maybe still connecting, or -1 with errno. */
MUST_CHECK int wire_connect_anew(const struct addr *to, unsigned nth);

/* Over a socket that connects, which becomes the wire's; creds may be NULL.  resume: the server
 * whose session is resumed if there is one, or NULL.  0, or -1 with errno. */
MUST_CHECK int wire_open(struct wire *, int fd, struct tls_creds *, const struct addr *resume);
/* It has TLS, and resumes an earlier session. */
bool wire_is_resumed(const struct wire *);
void wire_close(struct wire *);

/* As sendmsg(2) and recv(2), never blocking; EPROTO where TLS fails.  While shaking, sending is
 * what goes on with it. */
ssize_t wire_send(struct wire *, struct iovec *, int n);
ssize_t wire_receive(struct wire *, char *to, size_t room);
/* There is more to receive, though the socket may have none. */
bool wire_pending(const struct wire *);
/* What was taken before.  0, or -1 with errno; EAGAIN is none. */
MUST_CHECK int wire_flush(struct wire *);

#endif
