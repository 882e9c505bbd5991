/* request.h - one packet of a client on its way to an answer.
 *
 *   QUEUED -> IN_FLIGHT -> ANSWERED        a server failed: IN_FLIGHT -> QUEUED again,
 *                                          or -> PARKED -> QUEUED where the retry budget is spent
 *                                          it declined: or -> HELD -> QUEUED, or sent again
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
#include "timeout_list.h"

struct client;
struct fair_queue;
struct request;

/* Part of a client: where it waits.  All zero to begin with. */
struct request_places {
	LIST_HEAD(request_leads, request) lead;
};

enum request_state {
	REQUEST_QUEUED,
	REQUEST_IN_FLIGHT,
	REQUEST_PARKED,
	REQUEST_HELD,
	REQUEST_WITH_MASTER,
	REQUEST_ANSWERED
};

enum { REQUEST_FAILED = 8 }; /* servers that a request remembers as having failed it */
enum { REQUEST_WHY = 160 };  /* bytes of a server's reason */

/* Memory of small requests that have gone, for those that come: a worker's.  All zero at first. */
enum { REQUESTS_SPARE = 256, REQUEST_SMALL = 512 /* bytes of a packet */ };
struct requests_spare {
	struct request *kept[REQUESTS_SPARE];
	unsigned n;
};

struct request {
	struct requests_spare *spare; /* where its memory goes; NULL: back to the system */
	struct client *client;	      /* it is on its list; NULL: gone, the answer is not wanted */
	TAILQ_ENTRY(request) order;   /* in the client's list */
	TAILQ_ENTRY(request)
	link; /* QUEUED: in its policy's queue; IN_FLIGHT: in its lane's; PARKED: in the retry
		 budget's; HELD: in its policy's list of those; WITH_MASTER: in the worker's */
	/* QUEUED, see fair_queue.h: the client's first ones in any queue, and what stands behind
	 * one. */
	struct request_places *places; /* the client's; set before it waits */
	LIST_ENTRY(request) place;
	const struct fair_queue *queue; /* the first in it; NULL: it stands behind another */
	TAILQ_HEAD(request_list, request) behind;
	unsigned behind_n;
	struct wait waits; /* QUEUED, HELD: for a server; PARKED: for the retry budget */
	struct wait life;  /* until it is answered: since it came */
	enum request_state state;
	unsigned policy;  /* index in the registry */
	unsigned tenure;  /* of the line of that index, when it came: see wait_queues.h */
	unsigned tries;	  /* that a server failed after it was sent */
	unsigned endings; /* that its connection was ended in order before its reply */
	uint64_t hash;	  /* of what its policy goes by, see lb_select.h */
	bool turn_kept;	  /* turn was taken for it, and is still its own */
	uint64_t turn;
	bool retrying;	   /* counts in the retry budget */
	unsigned failed_n; /* servers that failed it, the last REQUEST_FAILED of them below */
	/* Declined, and not run: by a server that told when to come again, see hold.h. */
	unsigned retry_after;  /* ms, told with the last loss; 0: nothing was */
	unsigned retry_least;  /* ms, of all that were told; 0: none was */
	unsigned declines;     /* how many told so */
	uint64_t declined_by;  /* incarnation of the last of them */
	uint64_t hold_until;   /* HELD: clock_ms() */
	bool eager;	       /* HELD: it goes before that where there is room */
	bool willing_only;     /* only over a connection that has declined nothing a moment ago */
	uint64_t arrived_us;   /* clock_us(); 0 where nobody wants to know */
	uint64_t sent_us;      /* clock_us(): to a server */
	uint64_t connected_us; /* clock_us(): of the connection that it was answered on */
	bool newline;	       /* IN_FLIGHT: one ends it */
	unsigned sends;	       /* times it was sent to a server */
	uint64_t token;	       /* WITH_MASTER: names it in the master's answer */
	struct buf answer;     /* ANSWERED: waits for its turn */
	bool refused;	       /* ANSWERED by a server, with an error */
	enum packet_code code; /* ANSWERED with an error of ours: it, and why, borrowed */
	const char *why;
	struct span srcid;	 /* as text; borrows from text */
	struct span policy_name; /* the same */
	struct span text;	 /* the packet as it came */
	/* From here on not set in a new one. */
	uint64_t failed[REQUEST_FAILED];   /* incarnations */
	char failed_id[PACKET_ID_MAX + 1]; /* of the last one */
	char declined[REQUEST_WHY];	   /* with declines: which server, and why */
	char bytes[];
};

/* The server of that incarnation failed it: another is to be tried where there is one. */
void request_failed_by(struct request *, uint64_t incarnation, const char *id);
bool request_has_failed_at(const struct request *, uint64_t incarnation);

/* A copy of the packet's text, queued; srcid may be empty.  spare outlives it, or is NULL.  NULL on
 * ENOMEM. */
struct request *request_new(struct requests_spare *spare, struct client *, struct span text,
			    struct span srcid);
/* One of our own, from id, to a server with that job; no client waits for its answer: a server that
 * answers it is well.  Where the job is no digest, which nobody is harmed by, it asks for nothing
 * to be run.  NULL on ENOMEM. */
struct request *request_probe(const char *id, const char *policy, const char *job,
			      const char *payload);

/* The payload of a proxy's probe of a server, by which the proxy knows it when it comes back: the
 * server then leads back to the proxy.  Both are of REQUEST_SECRET characters; server is known to
 * the master, and to whoever was probed. */
enum { REQUEST_SECRET = 16, REQUEST_PROBE = 11 + 2 * REQUEST_SECRET };
#define REQUEST_PROBE_OURS "policypool " /* before both; the payload of a probe without them */
void request_secret(char out[REQUEST_SECRET + 1]); /* random, or empty: then no loop is found */
void request_probe_payload(char out[REQUEST_PROBE + 1], const char *proxy, const char *server);
/* Of a request: the server part of what came back to that proxy; n is 0: it is no probe of its. */
struct span request_probed(const struct packet *, const char *proxy);
/* The policy of the packet that it was made of. */
void request_name_policy(struct request *, const struct packet *);
void request_free(struct request *);
void requests_spare_release(struct requests_spare *);

/* The same request once more, in no list and waiting for nothing, to be answered while a server
 * still has this one.  NULL on ENOMEM. */
struct request *request_clone(const struct request *);

/* Turns it into ANSWERED with an error (type 3) in the form of its packet.  message is borrowed for
 * as long as `why` is looked at.  0, or -1 on ENOMEM
 * with no answer in it. */
MUST_CHECK int request_fail(struct request *, const char *proxy_id, enum packet_code,
			    const char *message, unsigned retry_after_ms);

#endif
