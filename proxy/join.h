/* join.h - registrations: what a server announced -> the registry, and what it is answered.  The
 * master's; workers hand the packets over.
 *
 * A signed one takes two packets: the first asks for a challenge, a nonce that belongs to the
 * connection, and the second is signed for that nonce.  Each signed acknowledgement brings the
 * nonce for the next, so that renewing and leaving need one packet.  A nonce is good once. */
#ifndef POLICYPOOL_JOIN_H
#define POLICYPOOL_JOIN_H

#include "events.h"
#include "handoff.h"
#include "keyring.h"
#include "ledger.h"
#include "limiter.h"
#include "registry.h"
#include "settings.h"
#include "tally.h"

/* What is known of the connection that a packet came on; kept by the worker for as long as that
 * lives, written by the master. */
struct join_guest {
	struct addr peer;	      /* who sent the packet */
	char nonce[PACKET_NONCE + 1]; /* the challenge that stands; empty: none */
	bool proven;		      /* it has signed well on this connection */
};

/* From a worker to the master, followed by the packet; back, followed by the answer (maybe empty).
 */
struct join_handoff {
	uint32_t kind;	/* HANDOFF_REGISTRATION */
	uint64_t token; /* the worker's, unchanged */
	struct join_guest guest;
};

enum { JOIN_MAX = 8192 }; /* bytes of a registration packet */

/* The master, which believes no worker: a handed over packet, *text, which borrows from message. 0,
 * or -1 when it is none. */
MUST_CHECK int join_read(struct span message, struct join_handoff *, struct span *text);

/* What is done for an announcement, in the words of its acknowledgement. */
#define JOIN_VERBS(X)                    \
	X(JOIN_CHALLENGE, "challenge")   \
	X(JOIN_REGISTERED, "registered") \
	X(JOIN_RENEWED, "renewed")       \
	X(JOIN_DEREGISTERED, "deregistered")
#define JOIN_ENUM(name, text) name,
enum join_verb { JOIN_VERBS(JOIN_ENUM) JOIN_VERB_COUNT };
#undef JOIN_ENUM

const char *join_verb_text(enum join_verb);

/* Since the start of the master. */
struct join_counts {
	uint64_t done[JOIN_VERB_COUNT];
	uint64_t refused[PACKET_CODE_COUNT]; /* by what it was answered */
};

struct join {
	struct registry *registry; /* borrowed, as all here */
	struct tally *tally;
	struct ledger *ledger;	    /* NULL: policies' counts may go back */
	struct events *events;	    /* NULL: nobody remembers */
	struct join_counts *counts; /* NULL: nobody counts */
	const char *proxy_id;
	struct addr self; /* where the proxy itself listens: no server can be there */
	struct addr_net *trusted;
	size_t trusted_n;
	const struct keyring *keyring; /* NULL: no key is known */
	const char *cluster;
	bool require_signature;
	bool tls_known, tls_required; /* servers that announce TLS can be reached; all must */
	struct limiter *refusals;     /* by address; NULL: no limit */
};

enum join_result { JOIN_NOTHING, JOIN_CHANGED }; /* has the registry changed: tell the workers */

/* Judges and carries out a packet of type 1 or 5; appends the answer, with its newline: an
 * acknowledgement where one was asked for or it was signed, an error where it was refused.  Who is
 * not allowed to learns nothing of why; the log does.  now in clock_ms(). */
enum join_result join_handle(const struct join *, struct span text, struct join_guest *,
			     uint64_t now, struct buf *answer);

/* Takes out servers whose lease has ended. */
enum join_result join_expire(const struct join *, uint64_t now);

/* Settings have changed: takes out servers whose key is not in the keyring any more, and unsigned
 * ones where signatures are required. */
enum join_result join_review(const struct join *);

#endif
