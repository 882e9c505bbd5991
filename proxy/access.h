/* access.h - the access log: a line a request, written by the worker that answered it.
 *
 *   time=... client=127.0.0.1:4242 srcid=1 policy=111 server=100 outcome=ok tries=1 queue_us=12
 *   connect_us=0 reply_us=240 total_us=260 bytes_in=80 bytes_out=120
 *
 * Lines are gathered and leave in one write at the end of the loop's turn, appended to a file of
 * its own or to where the log goes. */
#ifndef POLICYPOOL_ACCESS_H
#define POLICYPOOL_ACCESS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "attr.h"
#include "request.h"

/* What is worth a line; SAMPLED: every error, and one in so many of the others. */
#define ACCESS_MODES(X)              \
	X(ACCESS_OFF, "off")         \
	X(ACCESS_ERRORS, "errors")   \
	X(ACCESS_SAMPLED, "sampled") \
	X(ACCESS_ALL, "all")
#define ACCESS_ENUM(name, text) name,
enum access_mode { ACCESS_MODES(ACCESS_ENUM) };
#undef ACCESS_ENUM

struct access_conf {
	enum access_mode mode;
	unsigned sample; /* at least 1 */
	bool json;
	int fd; /* of the file, which becomes the access log's; -1: lines go to the log */
};

struct access;

/* NULL for ACCESS_OFF, and with errno ENOMEM. */
struct access *access_new(struct event_base *, const struct access_conf *);
/* What was gathered is written.  NULL is fine. */
void access_free(struct access *);

/* Lines go to this descriptor from now on; it becomes the access log's. */
void access_take_file(struct access *, int fd);

/* The request is answered: by a server, or with an error of ours where that is NULL.  out: bytes of
 * the answer. */
void access_answered(struct access *, const struct request *, const struct addr *client,
		     const char *server, size_t out);

/* Its client has gone before it was answered. */
void access_abandoned(struct access *, const struct request *, const struct addr *client);

/* The master: a file to append to.  The descriptor, or -1 with errno. */
MUST_CHECK int access_open(const char *path);

#endif
