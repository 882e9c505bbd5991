/* reply_check.h - checks whether a server's reply answers its request. */
#ifndef POLICYPOOL_REPLY_CHECK_H
#define POLICYPOOL_REPLY_CHECK_H

#include "failure_cause.h"
#include "job.h"
#include "request.h"
#include "span.h"

enum reply_check_how {
	REPLY_CHECK_SHAPE,  /* as PACKET, and the form that replies of its job have */
	REPLY_CHECK_DIGEST, /* as SHAPE, and where the job is a digest, that: computed here */
	REPLY_CHECK_PACKET  /* type, destid, payloadsize where there is one */
};

/* The names of these, ended by NULL. */
extern const char *const reply_check_words[];

/* What the replies of a server are checked for: worked out once, not for each. */
struct reply_check {
	bool sha1; /* nothing but the form of that digest, as nearly always */
	enum reply_check_how how;
	const struct job *job;
};

/* Of a server with that job, as it is announced. */
struct reply_check reply_check_of(enum reply_check_how, const char *job);

enum reply_check_result {
	REPLY_CHECK_FINE,     /* a reply */
	REPLY_CHECK_REFUSED,  /* an error that is the request's own */
	REPLY_CHECK_DECLINED, /* an error that says nothing of the request: another server may take
				 it */
	REPLY_CHECK_WRONG     /* *cause tells */
};

/* members: see packet_check(). */
enum reply_check_result reply_check_reply(const struct request *, struct span reply,
					  const struct json_text_object *members,
					  const struct reply_check *, enum failure_cause *cause);

/* Why a server has declined: the words of its error, cut, where all of them are plain ASCII that
 * needs no escapes in JSON or in the log; empty otherwise.  Allocates nothing. */
enum { REPLY_CHECK_REASON = 80 };
const char *reply_check_reason(struct span error, char out[REPLY_CHECK_REASON]);

/* When a server that is overloaded wants to be asked again: ms, at most a minute of it.  0: it has
 * not said, or declined for another reason. */
enum { REPLY_CHECK_RETRY_MAX = 60000 };
unsigned reply_check_retry_after(struct span error);

#endif
