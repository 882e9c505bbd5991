/* access_log.h - the access log: a line a request, written by the worker that answered it.
 *
 *   time=... client=127.0.0.1:4242 srcid=1 policy=111 server=100 outcome=ok tries=1 queue_us=12
 *   connect_us=0 reply_us=240 total_us=260 bytes_in=80 bytes_out=120
 *
 * Lines are gathered and leave in one write at the end of the loop's turn, appended to a file of
 * its own or to where the log goes. */
#ifndef POLICYPOOL_ACCESS_LOG_H
#define POLICYPOOL_ACCESS_LOG_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr_peer.h"
#include "compiler.h"
#include "request.h"

/* What is worth a line; SAMPLED: every error, and one in so many of the others. */
#define ACCESS_LOG_MODES(X)              \
	X(ACCESS_LOG_OFF, "off")         \
	X(ACCESS_LOG_ERRORS, "errors")   \
	X(ACCESS_LOG_SAMPLED, "sampled") \
	X(ACCESS_LOG_ALL, "all")
#define ACCESS_LOG_ENUM(name, text) name,
enum access_log_mode { ACCESS_LOG_MODES(ACCESS_LOG_ENUM) };
#undef ACCESS_LOG_ENUM

struct access_log_conf {
	enum access_log_mode mode;
	unsigned sample; /* at least 1 */
	bool json;
	int fd; /* of the file, which becomes the access log's; -1: lines go to the log */
};

struct access_log;

/* NULL for ACCESS_LOG_OFF, and with errno ENOMEM. */
struct access_log *access_log_new(struct event_base *, const struct access_log_conf *);
/* What was gathered is written.  NULL is fine. */
void access_log_free(struct access_log *);

/* Lines go to this descriptor from now on; it becomes the access log's. */
void access_log_take_file(struct access_log *, int fd);

/* The request is answered: by a server, or with an error of ours where that is NULL.  out: bytes of
 * the answer. */
void access_log_answered(struct access_log *, const struct request *,
			 const struct addr_peer *client, const char *server, size_t out);

/* Its client has gone before it was answered. */
void access_log_abandoned(struct access_log *, const struct request *,
			  const struct addr_peer *client);

/* The master: a file to append to.  The descriptor, or -1 with errno. */
MUST_CHECK int access_log_open(const char *path);

#endif
