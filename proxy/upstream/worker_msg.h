/* worker_msg.h - the messages between the proxy's workers and its master, over their channels:
 * encoded and decoded here, by both sides.
 *
 *   REGISTRATION   worker -> master: a packet, and the connection that it came on; back: the answer
 *   FAILURE        worker -> master: a server failed
 *   LOOP           worker -> master: a probe of the master's has come back to this proxy
 *   EXPLAIN        master -> worker: a question about routing; back: the answer, in parts
 *
 * Each begins with its kind.  What comes is judged whole, with bounds, for a worker that was taken
 * over can send anything: nothing that is read points out of a table or is no value of its type. */
#ifndef POLICYPOOL_WORKER_MSG_H
#define POLICYPOOL_WORKER_MSG_H

#include "addr_peer.h"
#include "buf.h"
#include "packet.h"
#include "upstream.h"

enum worker_msg_kind {
	WORKER_MSG_NONE,
	WORKER_MSG_REGISTRATION,
	WORKER_MSG_FAILURE,
	WORKER_MSG_EXPLAIN,
	WORKER_MSG_LOOP,
	WORKER_MSG_END
};

/* NONE for what is no message of ours. */
enum worker_msg_kind worker_msg_kind_of(struct span message);

/* What is known of the connection that a packet came on; kept by the worker for as long as that
 * lives, written by the master. */
struct registration_peer {
	struct addr_peer peer;	      /* that the packet came from */
	char nonce[PACKET_NONCE + 1]; /* the challenge that stands; empty: none */
	bool proven;		      /* it has signed well on this connection */
	uint64_t incarnation;	      /* of the server that it last announced; 0: none */
};

/* Followed by the packet; back, by the answer: empty where the master had no memory for one. */
struct registration_msg {
	uint32_t kind;
	uint64_t token; /* the worker's, unchanged */
	struct registration_peer guest;
};

enum { REGISTRATION_MAX = 8192 }; /* bytes of a registration packet */

/* See failure_cause.h and health.h. */
struct worker_msg_failure {
	uint32_t kind;
	uint32_t server;      /* index in the registry */
	uint64_t incarnation; /* of the server that failed: a newer one is not affected */
	uint64_t at;	      /* clock_ms() */
	uint32_t cause;	      /* enum failure_cause */
};

/* See request_probed(). */
struct worker_msg_loop {
	uint32_t kind;
	char server[REQUEST_SECRET + 1];
};

struct explain_question {
	uint32_t kind;
	uint64_t token;
	char policy[PACKET_ID_MAX + 1];
	char key[PACKET_ID_MAX + 1]; /* what a policy that goes by a key goes by; may be empty */
};

/* A server of the policy, in the order of turns. */
struct explain_row {
	uint32_t server; /* index in the registry */
	bool chosen;	 /* the next request would go there */
	struct upstream_sight sight;
};

/* Followed by n rows; several of them where there are many rows. */
struct explain_answer {
	uint32_t kind;
	uint64_t token; /* the question's */
	uint32_t n;	/* rows that follow */
	bool known;	/* somebody once registered for the policy */
	bool last;
};

enum { EXPLAIN_ROWS = 128 }; /* in one answer */

/* Each appends a message, of the values given; kind is set here.  0, or -1 on ENOMEM. */
MUST_CHECK int worker_msg_put_registration(struct buf *, uint64_t token,
					   const struct registration_peer *, struct span text);
MUST_CHECK int worker_msg_put_failure(struct buf *, unsigned server, uint64_t incarnation,
				      uint64_t at, enum failure_cause);
MUST_CHECK int worker_msg_put_loop(struct buf *, struct span server);
MUST_CHECK int worker_msg_put_question(struct buf *, uint64_t token, const char *policy,
				       const char *key);
MUST_CHECK int worker_msg_put_answer(struct buf *, const struct explain_answer *,
				     const struct explain_row *);

/* Each reads one.  0, or -1 when it is none.  *text borrows; servers: indices are below that; now
 * in clock_ms(): nothing has happened after it, whatever a worker says. */
MUST_CHECK int worker_msg_get_registration(struct span message, struct registration_msg *,
					   struct span *text);
MUST_CHECK int worker_msg_get_failure(struct span message, unsigned servers, uint64_t now,
				      struct worker_msg_failure *);
MUST_CHECK int worker_msg_get_loop(struct span message, struct worker_msg_loop *);
MUST_CHECK int worker_msg_get_question(struct span message, struct explain_question *);
MUST_CHECK int worker_msg_get_answer(struct span message, unsigned servers, struct explain_answer *,
				     struct explain_row[EXPLAIN_ROWS]);

#endif
