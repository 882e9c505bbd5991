/* http.h - parses the head of an HTTP request (RFC 9110, RFC 9112).  Pure.
 *
 * For pages that are only looked at: GET and HEAD with a body are refused, and so is what another
 * reader could take for something else (two Hosts, folded lines, white space before a colon).  What
 * another method has as its body is not looked at: the caller refuses the method. */
#ifndef POLICYPOOL_HTTP_H
#define POLICYPOOL_HTTP_H

#include <stdbool.h>

#include "compiler.h"
#include "span.h"

struct http_request {
	struct span method; /* "GET" */
	struct span path;   /* as it came, without what follows a '?': nothing is decoded */
	struct span host;   /* without port and without brackets; empty: none was given */
};

enum { HTTP_MORE = 0, HTTP_FINE = 200 };

/* HTTP_MORE: the head is not whole yet.  HTTP_FINE: *out borrows from text.  Otherwise the status
 * that it is refused with: 400, 413 (a GET or HEAD that has a body) or 505. */
MUST_CHECK int http_parse(struct span text, struct http_request *out);

/* GET or HEAD. */
bool http_only_looks(const struct http_request *);

/* Is host an IP address or localhost?  Such names no stranger's DNS can point here. */
bool http_host_is_plain(struct span host);
/* Is host that name, whatever its case and a dot at its end? */
bool http_host_is(struct span host, const char *name);

/* "Not Found" */
const char *http_reason(int status);

#endif
