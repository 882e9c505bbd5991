/* acl.h - which clients' requests are taken: networks allowed and denied, and rate limits for an
 * address and a srcid. */
#ifndef POLICYPOOL_ACL_H
#define POLICYPOOL_ACL_H

#include <stdbool.h>
#include <stdint.h>

#include "addr_peer.h"
#include "compiler.h"
#include "packet.h"
#include "proxy_conf.h"
#include "span.h"
#include "worker_stats.h"

struct acl;

/* Makes *out what conf asks for; NULL where that is nothing.  Rates that are those of former (NULL:
 * none) go on with its accounts.  Shared with every child forked later.  0, or -1 with errno. */
MUST_CHECK int acl_open(struct acl **out, const struct proxy_conf *conf, const struct acl *former);
void acl_free(struct acl *); /* NULL is fine */

struct acl_refusal {
	enum packet_code code;
	const char *why;      /* a constant sentence */
	unsigned retry_after; /* ms; 0: never */
	enum worker_stats_gate by;
};

/* False with *refusal.  What is admitted counts; now in clock_us(). */
MUST_CHECK bool acl_admits(struct acl *, const struct addr_peer *client, struct span policy,
			   struct span srcid, uint64_t now, struct acl_refusal *refusal);

#endif
