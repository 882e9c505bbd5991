/* store_sync_internal.h - internal to store_sync: store_sync.c (reading and watching) and
 * store_sync_audit.c (has the watch told of everything). */
#ifndef POLICYPOOL_STORE_SYNC_INTERNAL_H
#define POLICYPOOL_STORE_SYNC_INTERNAL_H

#include "backoff.h"
#include "frame.h"
#include "store_sync.h"

enum store_sync_state { SYNC_PAUSED, SYNC_READING, SYNC_OPENING, SYNC_WATCHING };

struct store_sync {
	struct event_base *base;
	struct etcd_client *client;
	struct store_rows *rows;
	const struct store_sync_ops *ops;
	const char *prefix;
	struct buf end; /* the first key that does not begin with the prefix */
	enum store_sync_state state;
	bool doomed; /* what is under way is to be given up as soon as it may be */
	bool was_synced;
	struct event *clock; /* of the state */
	struct backoff pause;
	struct etcd_call *call; /* a page, or the watch */
	unsigned limit;		/* rows of a page */
	bool stalled;		/* the next page is not asked for until there is room */
	struct buf from;	/* where the next page begins */
	uint64_t reading;	/* the revision that is read; 0: not known yet */
	uint64_t cluster;	/* that the known rows are of; 0: none */
	uint64_t revision;	/* that is known */
	struct buf heard;	/* of the watch */
	struct frame frame;
	uint64_t synced_at, audit_at;
	/* ---- audits ---- */
	struct event *audit_clock;
	struct etcd_call *audit;
	uint64_t events, events_then; /* that were heard; when it was asked */
	uint64_t revision_then;	      /* the same of the revision */
	uint64_t newest;	      /* mod_rev that it tells */
	bool doubt;	  /* the one before did not agree, and nothing was heard since */
	unsigned in_vain; /* audits in a row while changes came */
};

/* Begins anew, after a pause or at once: from the loop, whatever is called here. */
void store_sync_pause(struct store_sync *, bool at_once);
void store_sync_arm(struct event *clock, uint64_t ms);

/* It is in sync. */
void store_sync_audits_begin(struct store_sync *);
/* For evtimer_new(). */
void store_sync_on_audit_clock(evutil_socket_t, short, void *);

#endif
