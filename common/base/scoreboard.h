/* scoreboard.h - what every worker counts, of either daemon: a row of counters (counters.h) each.
 */
#ifndef POLICYPOOL_SCOREBOARD_H
#define POLICYPOOL_SCOREBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"

/* A worker and the connections that wait. */
enum scoreboard_accepting {
	ACCEPTING_NOT,
	ACCEPTING,
	ACCEPTING_LATER /* for a moment it leaves them to the others */
};

/* Of the sum, requests are packets answered well; to Prometheus they are told with the errors.
 * log_lines_*: see log.h; the master's are not among them. */
#define SCOREBOARD(X, A)                                                                       \
	X(COUNTER, accepted, "accepted", "accepted_total", "Connections taken.")               \
	X(COUNTER, requests, "requests", "requests_total",                                     \
	  "Packets answered, well or with an error.")                                          \
	X(COUNTER, errors, "errors", "errors_total", "Packets answered with an error.")        \
	X(COUNTER, bytes_in, "bytes_in", "bytes_in_total", "Bytes of packets read.")           \
	X(COUNTER, bytes_out, "bytes_out", "bytes_out_total", "Bytes of answers written.")     \
	X(COUNTER, tls_handshakes, "tls_handshakes", "tls_handshakes_total",                   \
	  "TLS handshakes that both sides agreed in.")                                         \
	X(COUNTER, tls_resumed, "tls_resumed", "tls_resumed_total",                            \
	  "Of these, those that resumed a session.")                                           \
	X(COUNTER, tls_failed, "tls_failed", "tls_failed_total",                               \
	  "TLS handshakes that failed or took too long.")                                      \
	X(COUNTER, tls_refused, "tls_refused", "tls_refused_total",                            \
	  "TLS handshakes refused, for there were too many.")                                  \
	X(COUNTER, tls_connects, "tls_connects", "tls_connects_total",                         \
	  "TLS handshakes with servers that both sides agreed in.")                            \
	X(COUNTER, tls_connects_resumed, "tls_connects_resumed", "tls_connects_resumed_total", \
	  "Of these, those that resumed a session.")                                           \
	X(COUNTER, log_lines_dropped, "log_lines_dropped", "log_lines_dropped_total",          \
	  "Lines of log, access log and narration that their readers did not take.")           \
	X(COUNTER, log_lines_suppressed, "log_lines_suppressed", "log_lines_suppressed_total", \
	  "Lines of the log that log_rate left out.")                                          \
	X(COUNTER_GAUGE, connections, "connections", "connections", "Connections open now.")   \
	X(COUNTER_GAUGE, in_flight, "in_flight", "in_flight",                                  \
	  "Requests taken and not yet answered.")                                              \
	X(COUNTER_GAUGE, buffered, "buffered", "buffered_bytes",                               \
	  "Bytes held for peers: packets, whole or not, and TLS sessions.")                    \
	X(COUNTER_GAUGE, tls_handshaking, "tls_handshaking", "tls_handshaking",                \
	  "TLS handshakes under way.")                                                         \
	X(COUNTER_GAUGE, accepting, NULL, NULL, NULL)	/* enum scoreboard_accepting */        \
	X(COUNTER_INSTANT, heartbeat, NULL, NULL, NULL) /* clock_ms() of the loop's last turn */

COUNTERS_DECLARE(scoreboard_row, SCOREBOARD);

/* As counters_new(). */
static inline struct counters *
scoreboard_new(unsigned workers)
{
	return counters_new(&scoreboard_row_type, workers, 1);
}

/* For its writer. */
static inline struct scoreboard_row *
scoreboard_row(const struct counters *c, unsigned worker)
{
	return counters_own(c, worker, 0);
}

/* For all others, which read its words by counter_told(). */
static inline const struct scoreboard_row *
scoreboard_peek(const struct counters *c, unsigned worker)
{
	return counters_cell(c, worker, 0);
}

/* The fewest connections of a row that accepts, `but` left out.  False when there is none. */
bool scoreboard_least(const struct counters *, unsigned but, uint64_t *least);
/* The same of the connections that they have accepted since each had accepted so many, among those
 * that do not wait for others themselves. */
bool scoreboard_least_accepted(const struct counters *, unsigned but, const uint64_t *since,
			       uint64_t *least);

#endif
