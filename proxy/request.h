/* request.h - one packet of a client on its way to an answer.
 *
 *   QUEUED -> IN_FLIGHT -> ANSWERED        a server failed: IN_FLIGHT -> QUEUED again,
 *                                          or -> PARKED -> QUEUED where the retry budget is spent
 *   WITH_MASTER -> ANSWERED                registrations
 *
 * The client's list keeps the order in which answers must leave. */
#ifndef POLICYPOOL_REQUEST_H
#define POLICYPOOL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buf.h"
#include "packet.h"
#include "span.h"
#include "waitlist.h"

struct client;
struct queue;
struct request;

/* Part of a client: where it waits.  All zero to begin with. */
struct request_places {
	LIST_HEAD(request_leads, request) lead;
};

enum request_state {
	REQUEST_QUEUED,
	REQUEST_IN_FLIGHT,
	REQUEST_PARKED,
	REQUEST_WITH_MASTER,
	REQUEST_ANSWERED
};

enum { REQUEST_FAILED = 8 }; /* servers that a request remembers as having failed it */

/* Memory of small requests that have gone, for those that come: a worker's.  All zero at first. */
enum { REQUESTS_SPARE = 256, REQUEST_SMALL = 512 /* bytes of a packet */ };
struct requests_spare {
	struct request *kept[REQUESTS_SPARE];
	unsigned n;
};

struct request {
	struct requests_spare *spare; /* where its memory goes; NULL: back to the system */
	struct client *client; /* whose list it is on; NULL: it has gone, nobody wants the answer */
	TAILQ_ENTRY(request) order; /* in the client's list */
	TAILQ_ENTRY(request)
	link; /* QUEUED: in its policy's queue; IN_FLIGHT: in its lane's; PARKED: in the retry
		 budget's; WITH_MASTER: in the worker's list of those */
	/* QUEUED, see queue.h: the client's first ones in any queue, and what stands behind one. */
	struct request_places *places; /* the client's; set before it waits */
	LIST_ENTRY(request) place;
	const struct queue *queue; /* whose first it is; NULL: it stands behind another */
	TAILQ_HEAD(request_list, request) behind;
	unsigned behind_n;
	struct wait waits; /* QUEUED: for a server; PARKED: for the retry budget */
	struct wait life;  /* until it is answered: since it came */
	enum request_state state;
	unsigned policy;   /* index in the registry */
	unsigned tries;	   /* that a server failed after it was sent */
	unsigned endings;  /* that its connection was ended in order before its reply */
	uint64_t hash;	   /* of what its policy goes by, see chooser.h */
	bool retrying;	   /* counts in the retry budget */
	unsigned failed_n; /* servers that failed it, the last REQUEST_FAILED of them below */
	uint16_t failed[REQUEST_FAILED];
	uint64_t arrived_us;   /* clock_us(); 0 where nobody wants to know */
	uint64_t sent_us;      /* clock_us(): to a server */
	uint64_t connected_us; /* clock_us(): of the connection that it was answered on */
	unsigned sends;	       /* times it was sent to a server */
	uint64_t token;	       /* WITH_MASTER: names it in the master's answer */
	struct buf answer;     /* ANSWERED: waits for its turn */
	bool refused;	       /* ANSWERED by a server, with an error */
	enum packet_code code; /* ANSWERED with an error of ours: it, and why, borrowed */
	const char *why;
	struct span srcid;	 /* as text; borrows from text */
	struct span policy_name; /* the same */
	struct span text;	 /* the packet as it came */
	char bytes[];
};

/* That server failed it: another is to be tried where there is one. */
void request_failed_by(struct request *, unsigned server);
/* The last one that did; there is one. */
unsigned request_last_failed(const struct request *);
bool request_has_failed_at(const struct request *, unsigned server);

/* A copy of the packet's text, queued; srcid may be empty.  spare outlives it, or is NULL.  NULL on
 * ENOMEM. */
struct request *request_new(struct requests_spare *spare, struct client *, struct span text,
			    struct span srcid);
/* policy borrows from text, which it was made of. */
void request_name_policy(struct request *, struct span text, struct span policy);
void request_free(struct request *);
void requests_spare_release(struct requests_spare *);

/* The same request once more, in no list and waiting for nothing, for whoever must answer while a
 * server still has this one.  NULL on ENOMEM. */
struct request *request_twin(const struct request *);

/* Turns it into ANSWERED with an error (type 3) in the form of its packet.  message is borrowed for
 * as long as `why` is looked at.  0, or -1 on ENOMEM. */
MUST_CHECK int request_fail(struct request *, const char *proxy_id, enum packet_code,
			    const char *message, unsigned retry_after_ms);

#endif
