/* etcd_json.h - what is said to etcd and what it answers, by its JSON gateway (/v3/..., 3.4 and
 * later).
 *
 * Keys and values are base64 there, 64-bit numbers strings, and what is zero or false is left out.
 * Errors have two shapes, {"error":TEXT,"code":N} and in streams {"error":{"grpc_code":N, ...}},
 * and some are plain text.  Only user of json-c in this folder; nothing here asks for anything. */
#ifndef POLICYPOOL_ETCD_JSON_H
#define POLICYPOOL_ETCD_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "compiler.h"
#include "span.h"

enum { ETCD_WHY = 200 };

/* What an answer comes to. */
enum etcd_class {
	ETCD_OK,
	ETCD_LOST,	/* no answer, or that of a member that can't: another may */
	ETCD_TOKEN,	/* the token is none, or none any more */
	ETCD_NO_AUTH,	/* authentication is not enabled */
	ETCD_DENIED,	/* wrong password, or no right to it */
	ETCD_NO_LEASE,	/* the lease has ended */
	ETCD_COMPACTED, /* a revision that is asked for is forgotten */
	ETCD_FULL,	/* nothing can be written: NOSPACE */
	ETCD_TOO_LARGE	/* too many operations at once, or too many bytes */
};

/* 0: was not told. */
struct etcd_header {
	uint64_t cluster, member, revision, term;
};

/* A row; spans are decoded, and borrowed. */
struct etcd_kv {
	struct span key, value;
	uint64_t create_rev, mod_rev, lease;
};

/* ---- requests: each appends a body; 0, or -1 on ENOMEM ---- */

/* From key up to but not with end; revision 0: the newest. */
MUST_CHECK int etcd_json_put_range(struct buf *, struct span key, struct span end, unsigned limit,
				   uint64_t revision);
/* The key that was changed last alone, and how many there are. */
MUST_CHECK int etcd_json_put_newest(struct buf *, struct span key, struct span end);
MUST_CHECK int etcd_json_put_watch(struct buf *, struct span key, struct span end, uint64_t from);
MUST_CHECK int etcd_json_put_grant(struct buf *, uint64_t ttl_s);
/* For keepalive and revoke. */
MUST_CHECK int etcd_json_put_lease(struct buf *, uint64_t lease);
MUST_CHECK int etcd_json_put_login(struct buf *, const char *user, const char *password);

/* One change of a transaction: done if the key's mod_revision is `expected`, 0: if it is absent. */
struct etcd_op {
	struct span key, value;
	bool remove; /* the key, or put it with that value, under lease */
	uint64_t lease, expected;
};
/* Each op for itself, and all of them only if the key `fence` has that lease; fence.n 0: always. */
MUST_CHECK int etcd_json_put_txn(struct buf *, struct span fence, uint64_t fence_lease,
				 const struct etcd_op *, size_t n);

/* ---- answers ---- */

/* An object, the caller's to json_object_put(); NULL: it is none, or there is no memory. */
struct json_object *etcd_json_parse(struct span text);

/* Of an answer or of a stream's "result". */
void etcd_json_header(struct json_object *, struct etcd_header *);

/* What an answer with that status of HTTP comes to.  o: parsed, NULL: it is no JSON object.  why is
 * set where it is not OK, to what can be shown. */
enum etcd_class etcd_json_judge(long status, struct json_object *o, struct span text,
				char why[ETCD_WHY]);

/* Each row is told, in space that is used for the next one.  0, or -1 where it is no answer of a
 * range, or on ENOMEM. */
typedef void etcd_json_row_fn(const struct etcd_kv *, bool deleted, void *ctx);
MUST_CHECK int etcd_json_range(struct json_object *o, etcd_json_row_fn *row, void *ctx, bool *more,
			       uint64_t *count);

/* Was the fence as expected; and was the n-th op done? */
bool etcd_json_succeeded(struct json_object *);
bool etcd_json_did(struct json_object *, size_t nth);

/* Of grant and keepalive; a lease that has ended has no TTL. */
uint64_t etcd_json_lease_id(struct json_object *);
uint64_t etcd_json_lease_ttl(struct json_object *);

/* Borrowed from the answer; NULL: none. */
const char *etcd_json_token(struct json_object *);

/* The member "result" of a stream's object, which is its to free; NULL: it has none. */
struct json_object *etcd_json_result(struct json_object *);

struct etcd_watch {
	bool created, canceled;
	uint64_t compacted; /* canceled because what is older than this is forgotten */
	char why[ETCD_WHY]; /* canceled: for that, or empty */
};
/* Of a watch's result, events told as by etcd_json_range().  0, or -1 as there. */
MUST_CHECK int etcd_json_watch(struct json_object *result, struct etcd_watch *w,
			       etcd_json_row_fn *row, void *ctx);

#endif
