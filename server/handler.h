/* handler.h - answers one request: a digest of its payload, SHA-1 if nothing else is said; or says
 * what a job process is to do for it.  No socket, no clock. */
#ifndef POLICYPOOL_HANDLER_H
#define POLICYPOOL_HANDLER_H

#include "buf.h"
#include "compiler.h"
#include "digest.h"
#include "job.h"
#include "packet.h"
#include "span.h"

struct handler {
	const char *id;		   /* of this server; borrowed */
	const char *policy;	   /* the one it serves; borrowed */
	const char *former_policy; /* served as well, or NULL; borrowed */
	const struct job *job;	   /* a digest; NULL: sha1, or a job process does it */
	bool processes;		   /* job processes do it */
	bool keyed;		   /* and requests may name a key */
	bool strict_payloadsize;
	bool stopping;		   /* whatever is asked is refused: shutting-down */
	struct buf scratch, bytes; /* decoded payloads; handler_release() */
};

void handler_release(struct handler *);

enum handler_outcome {
	HANDLER_FAILED = -1, /* ENOMEM: out is as it was */
	HANDLER_ANSWERED,    /* a reply (type 2) was appended */
	HANDLER_REFUSED,     /* an error (type 3) was appended */
	HANDLER_LOST,	     /* the same, and the stream can't be followed: close after it */
	HANDLER_JOB	     /* nothing was appended: it is for a job process */
};

/* A request for a job process.  Borrows from its text. */
struct handler_request {
	struct span policy, srcid; /* as they stand there: a string with its quotes, or a number */
	struct span payload;	   /* content of its JSON string, still escaped */
	struct span key;	   /* as srcid; empty: none is named */
	bool type_number;	   /* the form of an answer */
	bool base64;		   /* the payload stands for bytes */
	bool probe;		   /* is a process ready?  Nothing is to be run */
};

/* What happened, for the narration; borrows from text. */
struct handler_note {
	struct span client;
	size_t payload; /* bytes */
	char digest[DIGEST_HEX_MAX + 1];
	struct packet_fault fault;	/* when refused */
	struct handler_request request; /* JOB */
};

/* Appends the answer to one object, ended by a newline.  members: see packet_check(). */
MUST_CHECK enum handler_outcome handler_answer(struct handler *, struct span text,
					       const struct json_text_object *members,
					       struct buf *out, struct handler_note *);

/* Append the answer to a request for a job process, ended by a newline; policy and payload of it
 * are not needed any more.  0, or -1 with ENOMEM and out as it was. */
MUST_CHECK int handler_reply(const struct handler *, const struct handler_request *,
			     struct span payload, bool base64, struct buf *out);
MUST_CHECK int handler_error(const struct handler *, const struct handler_request *,
			     enum packet_code, const char *why, unsigned retry_after_ms,
			     struct buf *out);

/* An error that answers no request: what was not answered was not run.  0, or -1 with ENOMEM and
 * out as it was. */
MUST_CHECK int handler_farewell(const struct handler *, struct buf *out);

/* Appends the last answer to a stream that can't be followed; always HANDLER_LOST unless FAILED. */
enum handler_break {
	HANDLER_TOO_LARGE,
	HANDLER_NO_OBJECT,
	HANDLER_CUT,
	HANDLER_PLAIN,
	HANDLER_SLOW,
	HANDLER_FULL
};
MUST_CHECK enum handler_outcome handler_broken(struct handler *, enum handler_break,
					       struct buf *out, struct handler_note *);

#endif
