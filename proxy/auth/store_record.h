/* store_record.h - what one proxy tells the others of a server through the store: as JSON and back,
 * and its MAC.  Pure.
 *
 *   servers/ID   {"v":1,"id":"100","policy":"111","addr":"192.0.2.1:2105","slots":8,...,
 *                 "keyid":"alpha","epoch":7,"by":"P","mac":"..."}
 *
 * What is at its default is left out.  Whoever can write to the store can write any record: one of
 * a server with a key counts only with the MAC of that key. */
#ifndef POLICYPOOL_STORE_RECORD_H
#define POLICYPOOL_STORE_RECORD_H

#include <time.h>

#include "addr.h"
#include "buf.h"
#include "compiler.h"
#include "keyring.h"
#include "packet.h"
#include "registry.h"
#include "span.h"

enum { STORE_RECORD_VERSION = 1, STORE_RECORD_MAX = 2048, STORE_RECORD_WHY = 128 };
/* "servers/" and an id with every byte encoded. */
enum { STORE_RECORD_KEY = 8 + 3 * PACKET_ID_MAX };
enum { STORE_RECORD_GONE = 16 };

/* Why a server is there no more: it took its leave (or an operator took it out), and nobody is to
 * ask it; or it was heard of no more, which others may see otherwise. */
#define STORE_RECORD_LEFT  "left"
#define STORE_RECORD_ENDED "lease-ended"

struct store_record {
	struct packet_announcement a;	  /* without host, port, lease, nonce and salt */
	struct addr at;			  /* not of one that is gone */
	char by[PACKET_ID_MAX + 1];	  /* the proxy that tells it */
	char gone[STORE_RECORD_GONE + 1]; /* empty: it is there */
};

/* Of the server at an index in use, unsigned. */
void store_record_of(struct store_record *, const struct registry *, unsigned index,
		     const char *by);

/* It is there no more: nothing else is told of it any longer. */
void store_record_leave(struct store_record *, const char *gone);

/* With the secret to use of its key; nothing to be done where it has none.  0, or -1 when the
 * keyring has no such secret, or with ENOMEM. */
MUST_CHECK int store_record_sign(struct store_record *, const struct keyring *, const char *cluster,
				 time_t now);

/* Whether a record may be believed: NULL, or a constant sentence that says why not.  required: not
 * without a key; *old: it is signed with a secret that is to go. */
MUST_CHECK const char *store_record_judge(const struct store_record *, const struct keyring *,
					  const char *cluster, bool required, time_t now,
					  bool *old);

/* 0, or -1 with ENOMEM and out as it was. */
MUST_CHECK int store_record_write(struct buf *out, const struct store_record *);

/* 0, or -1 with what is wrong. */
MUST_CHECK int store_record_read(struct store_record *, struct span text,
				 char why[STORE_RECORD_WHY]);

/* "servers/ID", the id percent-encoded. */
void store_record_key(const char *id, char key[STORE_RECORD_KEY + 1]);
/* The id of a key below such a folder ("servers/"): 0, or -1 when it is none. */
MUST_CHECK int store_record_id(struct span key, const char *folder, char id[PACKET_ID_MAX + 1]);

#endif
