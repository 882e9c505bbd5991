/* handoff.h - what a worker tells the master over its channel: each message begins with its kind.
 *
 *   REGISTRATION   struct join_handoff (join.h), then the packet; the answer begins the same way
 *   INCIDENT       struct handoff_incident
 *   EXPLAIN        struct explain_answer (explain.h), to a question of the master
 */
#ifndef POLICYPOOL_HANDOFF_H
#define POLICYPOOL_HANDOFF_H

#include <stdint.h>
#include <string.h>

#include "span.h"

enum handoff_kind {
	HANDOFF_NONE,
	HANDOFF_REGISTRATION,
	HANDOFF_INCIDENT,
	HANDOFF_EXPLAIN,
	HANDOFF_END
};

/* A server failed, see incident.h and health.h. */
struct handoff_incident {
	uint32_t kind;
	uint32_t server;      /* index in the registry */
	uint64_t incarnation; /* of who failed: a newer one has nothing to do with it */
	uint64_t at;	      /* clock_ms() */
	uint32_t cause;	      /* enum incident_cause */
};

/* NONE for what is no message of ours. */
static inline enum handoff_kind
handoff_kind_of(struct span message)
{
	uint32_t kind;

	if (message.n < sizeof kind)
		return HANDOFF_NONE;
	memcpy(&kind, message.p, sizeof kind);
	return kind < HANDOFF_END ? (enum handoff_kind)kind : HANDOFF_NONE;
}

/* 0, or -1 when it is none.  now in clock_ms(): nothing has happened after it, whatever a worker
 * says. */
static inline int
handoff_read_incident(struct span message, uint64_t now, struct handoff_incident *out)
{
	if (handoff_kind_of(message) != HANDOFF_INCIDENT || message.n != sizeof *out)
		return -1;
	memcpy(out, message.p, sizeof *out);
	if (out->at > now)
		out->at = now;
	return 0;
}

#endif
