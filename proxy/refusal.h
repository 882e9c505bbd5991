/* refusal.h - why a request is not sent to a server: what there is to say of it, and when it may be
 * worth trying again.  Looks, and changes nothing. */
#ifndef POLICYPOOL_REFUSAL_H
#define POLICYPOOL_REFUSAL_H

#include "lines.h"
#include "roster.h"
#include "settings.h"

enum {
	REFUSAL_WHY = 2 * LINE_WHY, /* bytes of a reason */
	REFUSAL_RETRY_MS =
		1000 /* what an overloaded client is told where nothing better is known */
};

/* Nobody of the policy could ever take a request of this size. */
bool refusal_too_large(const struct roster *, const struct proxy_conf *,
		       const struct roster_policy *, size_t bytes);

/* What speaks against letting one more wait in that line; NULL: nothing.  It may stand in why. */
const char *refusal_to_wait(const struct lines *, const struct proxy_conf *, const struct line *,
			    const struct request *, char why[REFUSAL_WHY]);

/* Why nobody took it in time, and what that makes of it. */
enum packet_code refusal_expired(const struct roster *, const struct line *,
				 const struct roster_policy *, char why[REFUSAL_WHY]);

/* When that line will be shorter, as far as one can tell, in ms. */
unsigned refusal_retry_after(const struct line *);

#endif
