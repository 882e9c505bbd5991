/* host_names.h - what the names of settings were found to be: a reload asks for those alone that
 * the settings before have not got.
 *
 * getaddrinfo(3) waits for a name server, and all that the master does waits with it. */
#ifndef POLICYPOOL_HOST_NAMES_H
#define POLICYPOOL_HOST_NAMES_H

#include <stdint.h>
#include <sys/queue.h>

#include "addr.h"
#include "compiler.h"

struct host_name;

/* Zeroed: nothing is known. */
struct host_names {
	SLIST_HEAD(host_name_list, host_name) known;
	const struct host_names *former; /* borrowed, may be NULL: asked first */
};

/* The addresses of a host, an address in numbers or a name, each with that port, in the order in
 * which they are to be tried; kept, as are those of the former.  0, or -1 with *why from
 * gai_strerror() or strerror(). */
MUST_CHECK int host_names_ask(struct host_names *, const char *host, uint16_t port,
			      struct addr_list *, const char **why);
/* The first IPv4 address and the first IPv6 address of them; where one family is missing the
 * other's alone.  Listening at both is what serves clients of that name.  How many, 1 or 2, or -1
 * with *why.
 */
enum { HOST_NAMES_PAIR = 2 };
MUST_CHECK int host_names_ask_pair(struct host_names *, const char *host, uint16_t port,
				   struct addr at[HOST_NAMES_PAIR], const char **why);
/* Frees what is known. */
void host_names_forget(struct host_names *);

#endif
