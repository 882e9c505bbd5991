/* incident.h - the ways in which a server fails a request, and what each says of it. */
#ifndef POLICYPOOL_INCIDENT_H
#define POLICYPOOL_INCIDENT_H

#include <stdbool.h>

/* How much an incident weighs. */
enum incident_kind {
	INCIDENT_LOCAL,	 /* it could not be connected to: it may be coming up */
	INCIDENT_REMOTE, /* it answered badly, or not at all */
	INCIDENT_LIE	 /* it answered well-formed and wrong: once is enough */
};

#define INCIDENT_CAUSES(X)                                                                      \
	X(CAUSE_REFUSED, INCIDENT_LOCAL, "connection refused")                                  \
	X(CAUSE_UNREACHABLE, INCIDENT_LOCAL, "cannot be reached")                               \
	X(CAUSE_CONNECT_TIMEOUT, INCIDENT_LOCAL, "connecting took longer than connect_timeout") \
	X(CAUSE_TLS, INCIDENT_LOCAL, "TLS failed")                                              \
	X(CAUSE_RESET, INCIDENT_REMOTE, "connection reset")                                     \
	X(CAUSE_CLOSED, INCIDENT_REMOTE, "the server closed the connection")                    \
	X(CAUSE_CUT, INCIDENT_REMOTE, "the reply was cut")                                      \
	X(CAUSE_TIMEOUT, INCIDENT_REMOTE, "no reply within reply_timeout")                      \
	X(CAUSE_GARBAGE, INCIDENT_REMOTE, "the reply is no packet")                             \
	X(CAUSE_TOO_LARGE, INCIDENT_REMOTE, "the reply is larger than max_message")             \
	X(CAUSE_UNASKED, INCIDENT_REMOTE, "a reply that nobody asked for")                      \
	X(CAUSE_WRONG_TYPE, INCIDENT_REMOTE, "the reply has another type than 2")               \
	X(CAUSE_WRONG_DESTID, INCIDENT_REMOTE, "the reply is for another client")               \
	X(CAUSE_WRONG_SIZE, INCIDENT_REMOTE, "payloadsize is not the reply's length")           \
	X(CAUSE_NO_DIGEST, INCIDENT_REMOTE, "the reply is no SHA-1 digest")                     \
	X(CAUSE_WRONG_DIGEST, INCIDENT_LIE, "the reply is not the payload's digest")            \
	X(CAUSE_ERROR, INCIDENT_REMOTE, "the reply is an error")

#define INCIDENT_ENUM(name, kind, text) name,
enum incident_cause { INCIDENT_CAUSES(INCIDENT_ENUM) INCIDENT_CAUSE_COUNT };
#undef INCIDENT_ENUM

enum incident_kind incident_kind(enum incident_cause);
const char *incident_text(enum incident_cause);

/* Of an errno that a connection ended with (see conn.h, lane.h); connected: it was established
 * before. */
enum incident_cause incident_of_errno(int error, bool connected);

#endif
