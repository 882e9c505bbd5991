/* admin.h - HTTP for operators and their monitoring: a daemon's pages, read only.  Only user of
 * evhttp.
 *
 * GET and HEAD alone; every answer is made for the request and not to be cached.  It is no way in
 * for the packets' clients: keep it on loopback or behind something that knows who may look. */
#ifndef POLICYPOOL_ADMIN_H
#define POLICYPOOL_ADMIN_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "attr.h"

struct admin;

struct admin_page {
	const char *path; /* "/metrics" */
	const char *type; /* media type with its charset */
	/* Writes the body; returns the status code, 200 or what fits. */
	int (*write)(struct evbuffer *out, void *ctx);
};

/* Serves pages (ended by a row without path; borrowed) on a listening socket, which passes to the
 * callee.  NULL with errno, the socket then still the caller's. */
struct admin *admin_new(struct event_base *, int fd, const struct admin_page *pages, void *ctx);

/* Serves further pages with a ctx of their own; ADMIN_TABLES at most, the first among them. */
enum { ADMIN_TABLES = 4 };
void admin_add(struct admin *, const struct admin_page *pages, void *ctx);

/* The listening socket, borrowed. */
int admin_fd(const struct admin *);

/* Closes all.  NULL is fine; in a forked worker too. */
void admin_free(struct admin *);

#endif
