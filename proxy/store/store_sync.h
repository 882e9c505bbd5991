/* store_sync.h - hears what the store has: reads all rows below a prefix, watches them from then
 * on, and looks now and then whether the watch has told of everything.
 *
 *   reading    pages of one revision; what is not in them any more is gone
 *   opening    a watch from the revision after that, until it says that it is there
 *   watching   synced.  Every 10 s it is asked which row was changed last and how many there are: a
 *              watch can be silent for good (a member that is stopped), and has lost deletions
 *
 * Whatever fails begins anew after a pause, by reading; until then rows stay as they are. */
#ifndef POLICYPOOL_STORE_SYNC_H
#define POLICYPOOL_STORE_SYNC_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "etcd_client.h"
#include "store_msg.h"
#include "store_rows.h"

struct store_sync;

enum { STORE_SYNC_PAGE = 500, STORE_SYNC_AUDIT_MS = 10000, STORE_SYNC_DOUBT_MS = 2000 };

struct store_sync_ops {
	/* A row is there, or is another than before; key: below the prefix. */
	void (*on_row)(const struct store_row *, struct span value, void *ctx);
	void (*on_deleted)(struct span key, uint64_t mod_rev, void *ctx);
	void (*on_synced)(uint64_t revision, void *ctx);
	/* The phase has changed to another one than synced. */
	void (*on_unsynced)(void *ctx);
	/* It was emptied, restored or is another one: nothing of before is there. */
	void (*on_reset)(void *ctx);
	/* False: no more is to be told now; store_sync_go_on() follows. */
	bool (*has_room)(void *ctx);
	void *ctx;
};

/* All is borrowed.  prefix: ends with "/".  NULL on ENOMEM. */
struct store_sync *store_sync_new(struct event_base *, struct etcd_client *, struct store_rows *,
				  const char *prefix, const struct store_sync_ops *);
void store_sync_free(struct store_sync *);
/* Begins. */
void store_sync_begin(struct store_sync *);

/* The member that is asked has failed. */
void store_sync_failed(struct store_sync *);
/* There is room again. */
void store_sync_go_on(struct store_sync *);

enum store_phase store_sync_phase(const struct store_sync *);
uint64_t store_sync_revision(const struct store_sync *);
/* clock_ms(), 0: never. */
uint64_t store_sync_synced_at(const struct store_sync *);
uint64_t store_sync_audit_at(const struct store_sync *);

#endif
