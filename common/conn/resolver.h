/* resolver.h - the addresses of a name, without blocking the loop.
 *
 * A short-lived child process asks the system (getaddrinfo(3): hosts, DNS, whatever nsswitch.conf
 * says), so that each question sees these files as they are then.  For masters: their supervisor
 * reaps it. */
#ifndef POLICYPOOL_RESOLVER_H
#define POLICYPOOL_RESOLVER_H

#include <event2/event.h>
#include <stddef.h>

#include "addr.h"

struct resolver;

/* All addresses in the order in which they are to be tried, without a port; n is 0 where there is
 * none, and why says it.  Called once, never before the return of resolver_start(). */
typedef void resolver_fn(const struct addr *found, size_t n, const char *why, void *ctx);

/* NULL with errno. */
struct resolver *resolver_start(struct event_base *base, const char *host, resolver_fn *fn,
				void *ctx);

/* fn is not called any more.  NULL is fine, and so is a forked child. */
void resolver_cancel(struct resolver *);

#endif
