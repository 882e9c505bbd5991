/* shared_pool_internal.h - internal to shared_pool: shared_pool.c (hearing, telling, time),
 * shared_pool_row.c (what a row is worth), shared_pool_show.c (for operators). */
#ifndef POLICYPOOL_SHARED_POOL_INTERNAL_H
#define POLICYPOOL_SHARED_POOL_INTERNAL_H

#include "shared_pool.h"
#include "shared_publish.h"
#include "shared_rows.h"

struct shared_pool {
	struct shared_pool_env env;
	bool on;
	bool synced;		     /* what is known is of now */
	bool has_synced;	     /* since it is on, once at least */
	bool clash;		     /* another proxy has this one's id */
	bool dirty;		     /* the registry has changed, and that is yet to be told */
	struct shared_rows *rows;    /* of servers */
	struct shared_rows *proxies; /* of proxies */
	struct shared_publish *publish;
	struct event *tick, *flush;
	unsigned next;	  /* row that the next tick judges */
	uint64_t foreign; /* rows that are of no kind known here */
	uint64_t no_room; /* rows that were not remembered */
	uint64_t resets, disputes;
	struct store_state state;	/* as last told */
	char rival[STORE_STATE_TEXT];	/* where clash: the other's address */
	char refused[STORE_STATE_TEXT]; /* the last row that was not believed: id and reason */
};

/* ---- shared_pool_row.c ---- */

/* The registry becomes what the row says, as far as it is to be believed.  True when it has
 * changed. */
bool shared_pool_judge(struct shared_pool *, struct shared_row *, uint64_t now);
/* Nothing tells of that server any more.  True when the registry has changed. */
bool shared_pool_forget(struct shared_pool *, const char *id, uint64_t now);
/* Does the row, which may be NULL, say something else than that? */
bool shared_pool_disagrees(const struct shared_row *, const struct store_record *ours);

#endif
