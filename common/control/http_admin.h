/* http_admin.h - HTTP for operators and monitoring: a daemon's pages, read only.
 *
 * GET and HEAD alone, one request a connection; every answer is made for the request and not to be
 * cached.  Connections are bounded in number and in time.  It is no way in for the packets'
 * clients: keep it on loopback or behind something that authenticates readers.
 *
 * Why not evhttp: in libevent 2.1 it does not tell when a connection ends, has no clock for a
 * request as a whole, and answers HEAD with a body. */
#ifndef POLICYPOOL_HTTP_ADMIN_H
#define POLICYPOOL_HTTP_ADMIN_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <json-c/json.h>

#include "compiler.h"
#include "conf.h"

struct http_admin;

struct http_admin_page {
	const char *path; /* "/metrics" */
	const char *type; /* media type with its charset */
	/* Writes the body; returns the status code, 200 or what fits. */
	int (*write)(struct evbuffer *out, void *ctx);
};

enum {
	HTTP_ADMIN_CONNECTIONS = 64, /* at once; for a further one the oldest is closed */
	HTTP_ADMIN_TABLES = 4,
	HTTP_ADMIN_LISTENERS = 2
};

#define HTTP_ADMIN_JSON "application/json"
/* For a page's write(): writes o, which passes to the callee; NULL is what ENOMEM left.  The status
 * code. */
int http_admin_json(struct evbuffer *out, struct json_object *o);

/* Serves pages (ended by a row without path; borrowed) on a listening socket, which passes to the
 * callee.  NULL with errno, the socket then still the caller's. */
struct http_admin *http_admin_new(struct event_base *, int fd, const struct http_admin_page *pages,
				  void *ctx);

/* Serves further pages with a ctx of their own; HTTP_ADMIN_TABLES at most, the first among them. */
void http_admin_add(struct http_admin *, const struct http_admin_page *pages, void *ctx);

/* Names that a request's Host may be, beside IP addresses and localhost: with any other it
 * could come from a stranger's web page with a name that resolves to this address for a moment (DNS
 * rebinding).  They are
 * copied.  0, or -1 on ENOMEM with the names as they were.  NULL for a is fine. */
MUST_CHECK int http_admin_set_names(struct http_admin *a, const struct conf_list *);

/* Serves on another listening socket too, which passes to the callee; HTTP_ADMIN_LISTENERS at most,
 * the first among them.  0, or -1 with errno, the socket then still the caller's. */
MUST_CHECK int http_admin_listen(struct http_admin *, int fd);
/* The i-th listening socket, borrowed; -1: there is none. */
int http_admin_fd(const struct http_admin *, unsigned i);

/* Closes all.  NULL is fine. */
void http_admin_free(struct http_admin *);

#endif
