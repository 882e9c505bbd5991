/* store_lease.h - the session: a lease that all that this proxy publishes hangs on, renewed every
 * third of its time, and another one as soon as it has ended.
 *
 * Whether it has is etcd's to say, not this process's clock: after a suspend, or when etcd was
 * away, it may live on.  A renewal of one that has ended is answered as any, but without a TTL. */
#ifndef POLICYPOOL_STORE_LEASE_H
#define POLICYPOOL_STORE_LEASE_H

#include <event2/event.h>
#include <stdint.h>

#include "compiler.h"
#include "etcd_client.h"

struct store_lease;

struct store_lease_ops {
	/* There is another one, and nothing hangs on it yet. */
	void (*on_granted)(uint64_t lease, void *ctx);
	/* It has ended, and another is being asked for. */
	void (*on_lost)(void *ctx);
	void *ctx;
};

/* All is borrowed.  NULL on ENOMEM. */
struct store_lease *store_lease_new(struct event_base *, struct etcd_client *, uint64_t ttl_ms,
				    const struct store_lease_ops *);
void store_lease_free(struct store_lease *);

/* The store can be written to: asks for one, unless there is one already. */
void store_lease_begin(struct store_lease *);
/* Perhaps it has ended: is asked at once. */
void store_lease_doubt(struct store_lease *);
/* The store is not the one that gave it. */
void store_lease_forget(struct store_lease *);

uint64_t store_lease_id(const struct store_lease *);	/* 0: there is none */
uint64_t store_lease_until(const struct store_lease *); /* clock_ms(), as last renewed; 0: never */

#endif
