/* registration.h - carries out registrations: what a server announced changes the registry, and
 * is answered.  The master's; workers hand the packets over.
 *
 * A signed one takes two packets: the first asks for a challenge, a nonce that belongs to the
 * connection, and the second is signed for that nonce.  Each signed acknowledgement brings the
 * nonce for the next, so that renewing and leaving need one packet.  A nonce is good once. */
#ifndef POLICYPOOL_REGISTRATION_H
#define POLICYPOOL_REGISTRATION_H

#include "events.h"
#include "keyring.h"
#include "listen_socket.h"
#include "policy_stats.h"
#include "proxy_conf.h"
#include "rate_limit.h"
#include "registry.h"
#include "server_stats.h"
#include "store_record.h"
#include "worker_msg.h"
#include "worker_stats.h"

struct registration {
	struct registry *registry; /* borrowed, as all here */
	struct counters *tally;
	struct policy_stats *ledger;	   /* NULL: policies' counts may go back */
	struct events *events;		   /* NULL: not remembered */
	struct registration_stats *counts; /* NULL: not counted */
	const char *proxy_id;
	const char
		*proxies; /* further ones that servers are told of, parted by commas; NULL: none */
	const struct proxy_conf *conf; /* which jobs policies are to do; NULL: any */
	/* Where the proxy itself listens: no server can be there. */
	struct addr self[LISTEN_MOST];
	unsigned selves;
	struct addr_net *trusted;
	size_t trusted_n;
	const struct keyring *keyring; /* NULL: no key is known */
	const char *cluster;
	bool require_signature;
	bool tls_known, tls_required; /* servers that announce TLS can be reached; all must */
	struct rate_limit *refusals;  /* by address; NULL: no limit */
	unsigned servers_per_address; /* unsigned ones; 0: no limit */
	/* The lease of a server has ended, which is still there; NULL: nobody asks. */
	void (*lease_ended)(unsigned server, void *ctx);
	/* NULL: it is not looked, and the newer announcement replaces the older. */
	enum server_life (*life)(unsigned server, void *ctx);
	void *ctx;
};

enum registration_result {
	REGISTRATION_NOTHING,
	REGISTRATION_CHANGED
}; /* has the registry changed: tell the workers */

/* Judges and carries out a packet of type 1 or 5; appends the answer, with its newline: an
 * acknowledgement, or an error where it was refused.  A peer that is not allowed to learns nothing
 * of why; the log does.  now in clock_ms(). */
enum registration_result registration_handle(const struct registration *, struct span text,
					     struct registration_peer *, uint64_t now,
					     struct buf *answer);

/* Takes out servers with a lease that has ended. */
enum registration_result registration_expire(const struct registration *, uint64_t now);

enum { REGISTRATION_WHY = 160 };

/* What another proxy tells of a server, judged as what a server announces itself; what it has
 * announced here outranks it, but for a later life.  why: empty, or for what reason nothing of it
 * is believed. */
enum registration_result registration_learn(const struct registration *,
					    const struct store_record *, uint64_t now,
					    char why[REGISTRATION_WHY]);

/* No other proxy tells of that server any more.  gone: what the last one told instead, by which it
 * leaves at once if that may be believed; NULL: nothing, and what is known from others alone
 * fades. */
enum registration_result registration_unlearn(const struct registration *, const char *id,
					      const struct store_record *gone, uint64_t now);

/* Takes out the server at an index in use that fades. */
void registration_fade(const struct registration *, unsigned index, const char *why);

/* Does the proxy listen on loopback addresses alone?  Then all of its cluster is on this machine,
 * and servers on loopback can be told of. */
bool registration_is_local(const struct registration *);

/* Settings have changed: takes out servers of a key that is not in the keyring any more, unsigned
 * ones where signatures are required, and those that are not spoken to any more: without TLS where
 * that is required, with TLS where nothing can verify it; and those with another job than their
 * policy is to do. */
enum registration_result registration_review(const struct registration *);

#endif
