/* failure_cause.h - the ways in which a server fails a request, and the text of each. */
#ifndef POLICYPOOL_FAILURE_CAUSE_H
#define POLICYPOOL_FAILURE_CAUSE_H

#include <stdbool.h>

/* Incidents of one server within so many ms of the first are one: a death breaks many connections,
 * in several workers. */
enum { FAILURE_BURST = 100 };

/* How much an incident weighs. */
enum failure_kind {
	FAILURE_OWN,	/* the proxy's own: it says nothing of the server */
	FAILURE_LOCAL,	/* it could not be connected to: it may be coming up */
	FAILURE_REMOTE, /* it answered badly, or not at all */
	FAILURE_HINT,	/* it takes longer than it should: nothing yet, but worth a look */
	FAILURE_LIE	/* it answered well-formed and wrong: once is enough */
};

#define FAILURE_CAUSES(X)                                                                      \
	X(CAUSE_SHORTAGE, FAILURE_OWN, "the proxy is out of descriptors, ports or memory")     \
	X(CAUSE_REFUSED, FAILURE_LOCAL, "connection refused")                                  \
	X(CAUSE_UNREACHABLE, FAILURE_LOCAL, "cannot be reached")                               \
	X(CAUSE_CONNECT_TIMEOUT, FAILURE_LOCAL, "connecting took longer than connect_timeout") \
	X(CAUSE_TLS, FAILURE_LOCAL, "TLS failed")                                              \
	X(CAUSE_RESET, FAILURE_REMOTE, "connection reset")                                     \
	X(CAUSE_CLOSED, FAILURE_REMOTE, "the server closed the connection")                    \
	X(CAUSE_CUT, FAILURE_REMOTE, "the reply was cut")                                      \
	X(CAUSE_TIMEOUT, FAILURE_REMOTE, "no reply within reply_timeout")                      \
	X(CAUSE_GARBAGE, FAILURE_REMOTE, "the reply is no packet")                             \
	X(CAUSE_TOO_LARGE, FAILURE_REMOTE, "the reply is larger than max_message")             \
	X(CAUSE_UNASKED, FAILURE_REMOTE, "a reply that nobody asked for")                      \
	X(CAUSE_WRONG_TYPE, FAILURE_REMOTE, "the reply has another type than 2")               \
	X(CAUSE_WRONG_DESTID, FAILURE_REMOTE, "the reply is for another client")               \
	X(CAUSE_WRONG_SIZE, FAILURE_REMOTE, "payloadsize is not the reply's length")           \
	X(CAUSE_NO_DIGEST, FAILURE_REMOTE, "the reply is no SHA-1 digest")                     \
	X(CAUSE_WRONG_FORM, FAILURE_REMOTE, "the reply does not have its job's form")          \
	X(CAUSE_WRONG_DIGEST, FAILURE_LIE, "the reply is not the payload's digest")            \
	X(CAUSE_ERROR, FAILURE_REMOTE, "the reply is an error")                                \
	X(CAUSE_LATE, FAILURE_HINT, "late: it usually connects or replies sooner")             \
	X(CAUSE_PROBE_CONNECT, FAILURE_LOCAL, "a probe: no connection within check_timeout")   \
	X(CAUSE_PROBE_REPLY, FAILURE_REMOTE, "a probe: no reply within check_timeout")

#define FAILURE_ENUM(name, kind, text) name,
enum failure_cause { FAILURE_CAUSES(FAILURE_ENUM) FAILURE_CAUSE_COUNT };
#undef FAILURE_ENUM

enum failure_kind failure_kind(enum failure_cause);
const char *failure_text(enum failure_cause);

/* Of an errno that a connection ended with (see conn.h, upstream_conn.h); connected: it was
 * established before. */
enum failure_cause failure_of_errno(int error, bool connected);

#endif
