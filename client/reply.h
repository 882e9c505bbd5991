/* reply.h - checks an answer to a request.  Pure. */
#ifndef POLICYPOOL_REPLY_H
#define POLICYPOOL_REPLY_H

#include "expect.h"
#include "span.h"

enum reply_verdict {
	REPLY_CORRECT, /* of type 2, for us, and what is expected */
	REPLY_WRONG,   /* an answer, but not the right one */
	REPLY_REFUSED, /* of type 3 */
	REPLY_BROKEN   /* no answer at all: nothing on this stream can be believed any more */
};

/* Kinds of wrong answers. */
#define REPLY_WRONG_HASH  "wrong hash"
#define REPLY_UNEXPECTED  "not what is expected"
#define REPLY_FOREIGN	  "for another client"
#define REPLY_NOT_A_REPLY "not a reply"

enum { REPLY_TEXT = 320 }; /* bytes of a text for people; what is longer is cut */

struct reply {
	enum reply_verdict verdict;
	struct span server;   /* srcid of a reply, borrowed from it; empty for all others */
	const char *mismatch; /* WRONG: one of the kinds; otherwise NULL */
	/* For people: printable whatever the peer sent. */
	char code[REPLY_TEXT];	  /* REFUSED */
	char payload[REPLY_TEXT]; /* of a reply; bytes that are no text are told in base64 */
	char detail[REPLY_TEXT];  /* REFUSED: the message; WRONG, BROKEN: what is wrong */
};

/* text is one whole object.  srcid and digest (empty where none is expected) are those of the
 * request. */
enum reply_verdict reply_parse(struct reply *, struct span text, const char *srcid,
			       const struct expect *, struct span digest);

/* Copies s, cut to what fits between two characters, with a question mark for each control
 * character.  size is at least 1.  Returns out. */
char *reply_printable(char *out, size_t size, struct span s);

#endif
