/* protocol.h - the tongues of the load generator: how a payload is asked about, and where its
 * digest stands in what comes back. */
#ifndef POLICYPOOL_PROTOCOL_H
#define POLICYPOOL_PROTOCOL_H

#include "buf.h"
#include "compiler.h"
#include "frame.h"
#include "span.h"

enum protocol {
	PROTOCOL_PACKET,  /* packets of policypool(7) */
	PROTOCOL_HTTP,	  /* HTTP/1.1: POST, the digest is the body */
	PROTOCOL_REDIS,	  /* RESP: EVALSHA of a script that returns the digest */
	PROTOCOL_GEARMAN, /* gearmand's: a job in the foreground */
	PROTOCOL_NATS	  /* NATS': a message with an inbox for the reply */
};

enum { PROTOCOL_HEAD = 128, PROTOCOL_INBOX = 32 };

/* 0, or -1 for a name that is none of packet, http, redis, gearman, nats. */
MUST_CHECK int protocol_named(const char *name, enum protocol *out);

/* Appends one whole request but for its head.  name: the policy, the path of HTTP, the key that
 * picks a Redis server, or the function of gearmand.  script: the SHA-1 under which Redis knows it.
 * 0, or -1 with ENOMEM. */
MUST_CHECK int protocol_request(enum protocol, struct buf *out, const char *name,
				const char *script, struct span payload);

/* What differs from request to request and goes before it: NATS' subject, name, and the inbox of
 * this request, which is the connection's with tag behind it.  Returns how many bytes, 0 for the
 * other protocols. */
size_t protocol_head(enum protocol, char out[PROTOCOL_HEAD], const char *name, const char *inbox,
		     uint64_t tag);

/* Appends what a connection begins with, maybe nothing.  0, or -1 with ENOMEM. */
MUST_CHECK int protocol_greeting(enum protocol, struct buf *out, const char *inbox);

/* The replies of one connection. */
struct reader {
	enum protocol protocol;
	struct frame frame;
	size_t taken; /* bytes of the reply handed out last */
};

void reader_init(struct reader *, enum protocol);

enum reply_kind {
	REPLY_DIGEST, /* or what stands in its place */
	REPLY_TAKEN,  /* the oldest request that has no tag yet has this one from now on */
	REPLY_PING,   /* to be answered with PONG */
	REPLY_NOTHING
};

struct reply {
	enum reply_kind kind;
	uint64_t tag;	    /* of the request; 0: the oldest */
	struct span digest; /* empty where the peer answered with anything but success */
};

/* As frame_next(); what a READY reply points at is there until the next call. */
MUST_CHECK enum frame_result reader_next(struct reader *, struct buf *in, struct reply *);

#endif
