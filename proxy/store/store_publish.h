/* store_publish.h - puts what this proxy is to keep into the store, and takes out what it is not.
 *
 * First of all it claims its id: proxies/ID, with a boot that another proxy by the same id does not
 * have.  Everything else is put only while that key hangs on this session's lease: one that was
 * stopped for longer than its lease changes nothing, and of two with one id one publishes. */
#ifndef POLICYPOOL_STORE_PUBLISH_H
#define POLICYPOOL_STORE_PUBLISH_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "etcd_client.h"
#include "store_lease.h"
#include "store_rows.h"

struct store_publish;

struct store_publish_env {
	struct event_base *base;
	struct etcd_client *client;
	struct store_rows *rows;
	struct store_lease *lease;
	const char *prefix;
	const char *id, *boot, *address;
	uint64_t ttl; /* ms */
	/* Another proxy has had the id for longer than a lease of ours could have. */
	void (*on_clash)(struct span boot, struct span address, void *ctx);
	void (*on_claimed)(bool, void *ctx);
	void *ctx;
};

/* All is borrowed.  NULL on ENOMEM. */
struct store_publish *store_publish_new(const struct store_publish_env *);
void store_publish_free(struct store_publish *);

/* Whether all that the store has is known: only then is anything changed there. */
void store_publish_may(struct store_publish *, bool);
/* Something else is wanted, there is another lease, ...: looks what is to be done, soon. */
void store_publish_look(struct store_publish *);
/* A row was heard to be another than before; not there: value is empty. */
void store_publish_heard(struct store_publish *, struct span key, struct span value);
/* The store is another: nothing of before is there, store_rows_forget(). */
void store_publish_reset(struct store_publish *);

bool store_publish_claimed(const struct store_publish *);
/* Of the rows to be kept, and of these such as are not in the store with their value, or by
 * another. */
void store_publish_count(const struct store_publish *, uint64_t *wanted, uint64_t *missing);

#endif
