/* explain.h - what a worker answers the master that asks whom it would send a request to, and why
 * not to others.  Computed where requests are sent, by what sends them. */
#ifndef POLICYPOOL_EXPLAIN_H
#define POLICYPOOL_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "packet.h"
#include "upstream.h"

/* The question: HANDOFF_EXPLAIN from the master. */
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

/* The answer: HANDOFF_EXPLAIN from a worker, followed by n rows; several of them where there are
 * many rows. */
struct explain_answer {
	uint32_t kind;
	uint64_t token; /* the question's */
	uint32_t n;	/* rows that follow */
	bool known;	/* somebody once registered for the policy */
	bool last;
};

enum { EXPLAIN_ROWS = 128 }; /* in one answer */

/* The master, which believes no worker: an answer and its rows, of servers below `servers`.  0, or
 * -1 when it is none. */
MUST_CHECK int explain_read(struct span message, unsigned servers, struct explain_answer *,
			    struct explain_row[EXPLAIN_ROWS]);

#endif
