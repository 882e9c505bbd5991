/* protocol.h - the tongues of the load generator: how a payload is asked about, and where its
 * digest stands in what comes back. */
#ifndef POLICYPOOL_PROTOCOL_H
#define POLICYPOOL_PROTOCOL_H

#include "buf.h"
#include "compiler.h"
#include "frame.h"
#include "span.h"

enum protocol {
	PROTOCOL_PACKET, /* packets of policypool(7) */
	PROTOCOL_HTTP,	 /* HTTP/1.1: POST, the digest is the body */
	PROTOCOL_REDIS,	 /* RESP: EVALSHA of a script that returns the digest */
	PROTOCOL_GEARMAN /* gearmand's: a job in the foreground, one at a time on a connection */
};

/* 0, or -1 for a name that is none of packet, http, redis, gearman. */
MUST_CHECK int protocol_named(const char *name, enum protocol *out);

/* Appends one whole request.  name: the policy, the key that picks a Redis server, or the function
 * of gearmand.  script: the SHA-1 under which Redis knows it.  0, or -1 with ENOMEM. */
MUST_CHECK int protocol_request(enum protocol, struct buf *out, const char *name,
				const char *script, struct span payload);

/* The replies of one connection. */
struct reader {
	enum protocol protocol;
	struct frame frame;
	size_t taken; /* bytes of the reply handed out last */
};

void reader_init(struct reader *, enum protocol);

/* As frame_next(): READY gives the text in which the digest should stand, empty where the peer
 * answered with anything but success. */
MUST_CHECK enum frame_result reader_next(struct reader *, struct buf *in, struct span *digest);

#endif
