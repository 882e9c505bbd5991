/* overload.h - why a request is not sent to a server: the error, and when to try again.  Looks,
 * and changes nothing. */
#ifndef POLICYPOOL_OVERLOAD_H
#define POLICYPOOL_OVERLOAD_H

#include "proxy_conf.h"
#include "registry_snapshot.h"
#include "wait_queues.h"

enum {
	OVERLOAD_WHY = 2 * LINE_WHY, /* bytes of a reason */
	OVERLOAD_RETRY_MS =
		1000 /* what an overloaded client is told where nothing better is known */
};

/* Nobody of the policy could ever take a request of this size. */
bool overload_too_large(const struct registry_snapshot *, const struct proxy_conf *,
			const struct registry_snapshot_policy *, size_t bytes);

/* What speaks against letting one more wait in that line; NULL: nothing.  It may stand in why. */
const char *overload_to_wait(const struct wait_queues *, const struct proxy_conf *,
			     const struct line *, const struct request *, char why[OVERLOAD_WHY]);

/* Why nobody took it in time, and what that makes of it. */
enum packet_code overload_expired(const struct registry_snapshot *, const struct line *,
				  const struct registry_snapshot_policy *, char why[OVERLOAD_WHY]);

/* When that line will be shorter, as far as one can tell, in ms. */
unsigned overload_retry_after(const struct line *);

#endif
