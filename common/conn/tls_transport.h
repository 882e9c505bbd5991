/* tls_transport.h - the bytes of a TLS session between GnuTLS and the socket: several records are
 * read by one call, and written by one; internal to tls.c.
 *
 *   recv -> scratch of the process -> GnuTLS            what it does not take is kept
 *   GnuTLS -> another one -> send                       what the socket does not take is kept
 *
 * GnuTLS by itself reads a record in two calls and writes each in one of its own. */
#ifndef POLICYPOOL_TLS_TRANSPORT_H
#define POLICYPOOL_TLS_TRANSPORT_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "buf.h"
#include "compiler.h"
#include "span.h"

struct tls_transport {
	int fd;		   /* borrowed */
	bool ended;	   /* the peer's side of the socket, with or without its alert */
	bool asked;	   /* the socket, in this step */
	bool given;	   /* what the next step goes by is ahead */
	size_t limit;	   /* bytes that this step may read */
	struct span ahead; /* read, and not yet taken: in the scratch, or in kept */
	struct buf kept;   /* between two steps */
	size_t gathered;   /* bytes of records in the other scratch */
	bool gathers;
	struct buf unsent; /* of what was gathered */
};

static inline bool
tls_transport_is_unsent(const struct tls_transport *t)
{
	return buf_len(&t->unsent) > 0;
}

/* The session's from now on, zeroed but for the descriptor. */
void tls_transport_set(struct tls_transport *, gnutls_session_t);
void tls_transport_release(struct tls_transport *);

/* GnuTLS reads between these two: the socket is asked once, for so many bytes at most.  End returns
 * -1 with ENOMEM. */
void tls_transport_begin_read(struct tls_transport *, size_t limit);
MUST_CHECK int tls_transport_end_read(struct tls_transport *);

/* Read already, by somebody else: the next step takes it and does not ask the socket.  -1 with
 * ENOMEM. */
MUST_CHECK int tls_transport_given(struct tls_transport *, struct span);

/* Records that GnuTLS writes are gathered, and leave with flush.  Nothing may be unsent. */
void tls_transport_gather(struct tls_transport *);
bool tls_transport_has_room(const struct tls_transport *); /* for one more */
/* The same, and what is unsent from earlier.  0 when all is with the socket, or -1 with errno. */
MUST_CHECK int tls_transport_flush(struct tls_transport *);

#endif
