/* verify.h - is what a server sent the answer to its request?  Pure. */
#ifndef POLICYPOOL_VERIFY_H
#define POLICYPOOL_VERIFY_H

#include "incident.h"
#include "request.h"
#include "span.h"

enum verify_how {
	VERIFY_SHAPE, /* type, destid, payloadsize where there is one, a digest's form */
	VERIFY_DIGEST /* that, and the digest itself: computed here */
};

/* The names of these, ended by NULL. */
extern const char *const verify_words[];

enum verify_result {
	VERIFY_FINE,	 /* a reply */
	VERIFY_REFUSED,	 /* an error that is the request's own */
	VERIFY_DECLINED, /* an error that says nothing of the request: another server may take it */
	VERIFY_WRONG	 /* *cause tells */
};

/* members: see packet_judge(). */
enum verify_result verify_reply(const struct request *, struct span reply,
				const struct jsontext_object *members, enum verify_how,
				enum incident_cause *cause);

#endif
