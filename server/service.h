/* service.h - one request in, one reply out: the SHA-1 of its payload.  No socket, no clock. */
#ifndef POLICYPOOL_SERVICE_H
#define POLICYPOOL_SERVICE_H

#include "attr.h"
#include "buf.h"
#include "digest.h"
#include "packet.h"
#include "span.h"

struct service {
	const char *id;		   /* of this server; borrowed */
	const char *policy;	   /* the one it serves; borrowed */
	const char *former_policy; /* served as well, or NULL; borrowed */
	bool strict_payloadsize;
	struct buf scratch; /* decoded payloads; release when done */
};

enum service_outcome {
	SERVICE_FAILED = -1, /* ENOMEM: out is as it was */
	SERVICE_ANSWERED,    /* a reply (type 2) was appended */
	SERVICE_REFUSED,     /* an error (type 3) was appended */
	SERVICE_LOST	     /* the same, and the stream can't be followed: close after it */
};

/* What happened, for whoever narrates; borrows from text. */
struct service_note {
	struct span client, policy;
	size_t payload; /* bytes */
	char digest[DIGEST_HEX + 1];
	struct packet_fault fault; /* when not answered */
};

/* Appends the answer to one object, ended by a newline.  members: see packet_judge(). */
MUST_CHECK enum service_outcome service_answer(struct service *, struct span text,
					       const struct jsontext_object *members,
					       struct buf *out, struct service_note *);

/* Appends the last answer to a stream that can't be followed; always SERVICE_LOST unless FAILED. */
enum service_break { SERVICE_TOO_LARGE, SERVICE_NO_OBJECT, SERVICE_CUT, SERVICE_PLAIN };
MUST_CHECK enum service_outcome service_broken(struct service *, enum service_break,
					       struct buf *out, struct service_note *);

#endif
