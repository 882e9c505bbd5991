/* join.h - registrations: what a server announced -> the registry, and what it is answered.  The
 * master's; workers hand the packets over. */
#ifndef POLICYPOOL_JOIN_H
#define POLICYPOOL_JOIN_H

#include "events.h"
#include "handoff.h"
#include "registry.h"
#include "settings.h"
#include "tally.h"

/* From a worker to the master, followed by the packet; back, followed by the answer (maybe empty).
 */
struct join_handoff {
	uint32_t kind;	  /* HANDOFF_REGISTRATION */
	uint64_t token;	  /* the worker's, unchanged */
	struct addr peer; /* who sent the packet */
};

enum { JOIN_MAX = 8192 }; /* bytes of a registration packet */

struct join {
	struct registry *registry; /* borrowed, as all here */
	struct tally *tally;
	struct events *events; /* NULL: nobody remembers */
	const char *proxy_id;
	struct addr self; /* where the proxy itself listens: no server can be there */
	struct addr_net *trusted;
	size_t trusted_n;
};

enum join_result { JOIN_NOTHING, JOIN_CHANGED }; /* has the registry changed: tell the workers */

/* Judges and carries out a packet of type 1 or 5; appends the answer, with its newline: an
 * acknowledgement where one was asked for, an error where it was refused. */
enum join_result join_handle(const struct join *, struct span text, const struct addr *peer,
			     uint64_t now, struct buf *answer);

/* Takes out servers whose lease has ended. */
enum join_result join_expire(const struct join *, uint64_t now);

#endif
