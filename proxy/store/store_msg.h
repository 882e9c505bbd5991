/* store_msg.h - the messages between the proxy's master and its store process, over a channel
 * (channel.h, CHANNEL_DATA): encoded and decoded here, by both sides.
 *
 *   KEEP      master -> store   a row is to be in the store, with that value
 *   DROP      master -> store   it is not to be kept any more
 *   END       master -> store   end
 *   ROW       store -> master   a row is in the store, or has another value than before
 *   DELETED   store -> master   it is not there any more
 *   SYNCED    store -> master   what was told is all of the store at a revision
 *   RESET     store -> master   the store was emptied, restored or is another one: no DELETED tells
 *                               of rows from before; what the new one has follows, then SYNCED
 *   CLASH     store -> master   another proxy has this one's id, so nothing is published
 *   STATE     store -> master   how it is: on each change, and every second
 *
 * A row's key is what follows the cluster's prefix in the store ("servers/100").  What comes is
 * judged whole, with bounds: for the master a store process, and for both whoever can write to the
 * store, is a stranger.  Bytes of keys and values are not looked into here. */
#ifndef POLICYPOOL_STORE_MSG_H
#define POLICYPOOL_STORE_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "compiler.h"
#include "span.h"

/* Bytes of a key, which is never empty, of a value, and of what STATE tells in words. */
enum { STORE_KEY_MAX = 512, STORE_VALUE_MAX = 8192, STORE_STATE_TEXT = 256 };

/* Appends a part of a key, as in a URL: what is no letter, digit or one of - . _ ~ is
 * percent-encoded.  0, or -1 on ENOMEM. */
MUST_CHECK int store_percent(struct buf *, const char *text);

enum store_msg_kind {
	STORE_MSG_KEEP = 0x5301,
	STORE_MSG_DROP,
	STORE_MSG_END,
	STORE_MSG_ROW,
	STORE_MSG_DELETED,
	STORE_MSG_SYNCED,
	STORE_MSG_RESET,
	STORE_MSG_CLASH,
	STORE_MSG_STATE,
	STORE_MSG_BEYOND
};

/* Enumerator, word for log, metrics and ppool-ctl. */
#define STORE_PHASES(X)                                                                            \
	X(STORE_CONNECTING, "connecting") /* nothing was heard of the store yet */                 \
	X(STORE_READING, "reading")	  /* it answers, and is being read for the first time */   \
	X(STORE_SYNCED, "synced")	  /* all that it has is known, and changes are heard of */ \
	X(STORE_UNSYNCED, "unsynced")	  /* was synced: what is known is of then */

#define STORE_PHASE_ENUM(name, text) name,
enum store_phase { STORE_PHASES(STORE_PHASE_ENUM) STORE_PHASE_COUNT };
#undef STORE_PHASE_ENUM

const char *store_phase_text(enum store_phase);

/* Texts are NUL-terminated and printable.  Instants are of clock_ms(); 0: never. */
struct store_state {
	uint32_t phase;			 /* enum store_phase */
	uint32_t claimed;		 /* 1: proxies/ID is this proxy's */
	char endpoint[STORE_STATE_TEXT]; /* URL of the member that is asked now */
	char error[STORE_STATE_TEXT];	 /* the last one; stays after it is over */
	uint64_t error_at;
	uint64_t errors;   /* requests that failed, since its start */
	uint64_t cluster;  /* id of etcd's cluster; 0: unknown */
	uint64_t revision; /* that is known whole */
	uint64_t term;	   /* of raft */
	uint64_t synced_at, audit_at;
	uint64_t lease_until; /* of the session, as last renewed */
	uint64_t rows;	      /* in the store, below the prefix */
	uint64_t ignored;     /* of these: with a key that is too long to be told of */
	uint64_t wanted;      /* to be kept */
	uint64_t unsynced;    /* of these: not in the store, or not with this value yet */
};

struct store_msg {
	enum store_msg_kind kind;
	/* KEEP, ROW: both; of a longer value ROW tells the first STORE_VALUE_MAX bytes.  DROP:
	 * value is what is put in its place for twice the session's ttl, so that others hear of it;
	 * empty: nothing.  DELETED: key.  CLASH: the other's boot, and its address.  Both borrow.
	 */
	struct span key, value;
	/* ROW: of its creation. */
	uint64_t create_rev;
	/* ROW, DELETED: of the change.  SYNCED: of the store.  KEEP, DROP: of the row by somebody
	 * else that may be replaced, 0: none may; see store_child_keep(). */
	uint64_t mod_rev;
	bool revoke; /* END: what it has published goes at once, and not when its lease ends */
	struct store_state state; /* STATE */
};

/* Appends it.  0, or -1 with errno: EMSGSIZE where a text is too long or a key empty, ENOMEM. */
MUST_CHECK int store_msg_put(struct buf *, const struct store_msg *);

/* Judges a message: whole, of a known kind, each value within its type.  0, or -1: *out is not to
 * be used.  Spans borrow from message. */
MUST_CHECK int store_msg_get(struct span message, struct store_msg *out);

#endif
