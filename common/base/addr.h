/* addr.h - where to listen and to connect, as values.
 *
 * A Unix socket's address is a path, or a name without one (abstract): "unix:/run/x.sock",
 * "unix:@name".  It has no port, which is 0, is as near as loopback, and in no network.  With room
 * for a path a struct addr is four times as large as one of TCP has to be.  That is fine for the
 * few that are kept, a server's or a listening socket's; who is at the other end of a connection,
 * of which there are many, has no path, and is kept as a struct addr_peer (addr_peer.h). */
#ifndef POLICYPOOL_ADDR_H
#define POLICYPOOL_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "compiler.h"

enum { ADDR_TEXT = 128, ADDR_HOST = 256 };
enum { ADDR_FOUND = 16 }; /* addresses of a name that are worth trying */

/* An IPv4 or IPv6 address with a port, or a Unix socket's. */
struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
	socklen_t len;
};

/* Splits "PORT", "HOST:PORT", "[V6]:PORT" or ":PORT".  host is empty where none is given.
 * A port is 0 to 65535.  0, or -1 with *why a constant sentence. */
MUST_CHECK int addr_split(const char *text, char host[ADDR_HOST], uint16_t *port, const char **why);

/* From a numeric host ("127.0.0.1", "::1") and a port.  0, or -1 with errno EINVAL. */
MUST_CHECK int addr_numeric(struct addr *, const char *host, uint16_t port);

/* "unix:/run/x.sock", "unix:@name": that is no "HOST:PORT" of addr_split(). */
bool addr_is_unix_text(const char *text);
/* From such a text: an absolute path, or a name, of printable ASCII characters without spaces,
 * quotes, backslashes and commas.  0, or -1 with *why a constant sentence. */
MUST_CHECK int addr_unix(struct addr *, const char *text, const char **why);
/* From any path, as it is.  0, or -1 with errno EINVAL (empty) or ENAMETOOLONG. */
MUST_CHECK int addr_unix_path(struct addr *, const char *path);
/* From a numeric host and a port, or from what addr_unix() takes.  0, or -1 with *why a constant
 * sentence. */
MUST_CHECK int addr_parse_host(struct addr *, const char *host, uint16_t port, const char **why);
/* From what addr_text() gives: of addr_unix(), or a numeric host and its port.  0, or -1 with *why
 * a constant sentence. */
MUST_CHECK int addr_parse(struct addr *, const char *text, const char **why);

/* All addresses of a name. */
struct addr_list {
	size_t n;
	struct addr at[ADDR_FOUND];
};

/* As addr_numeric(), but host may be a name (getaddrinfo, which may block): all its addresses, max
 * at most, in the order in which they are to be tried.  Their number, or -1 with *why from
 * gai_strerror() or strerror(). */
MUST_CHECK int addr_resolve_all(struct addr *, size_t max, const char *host, uint16_t port,
				const char **why);
/* The first of them.  0, or -1 with *why. */
MUST_CHECK int addr_resolve(struct addr *, const char *host, uint16_t port, const char **why);

/* "127.0.0.1:2100", "[::1]:2100", "unix:/run/x.sock", "unix:@name"; what is not printable in one
 * that the kernel told is a question mark.  Returns out. */
const char *addr_text(const struct addr *, char out[ADDR_TEXT]);

/* The host alone, no brackets; of a Unix socket's all of it.  Returns out. */
const char *addr_host_text(const struct addr *, char out[ADDR_TEXT]);

uint16_t addr_port(const struct addr *);	  /* of a Unix socket: 0 */
void addr_set_port(struct addr *, uint16_t port); /* of a Unix socket: nothing is set */
bool addr_eq(const struct addr *, const struct addr *);
/* It is an IPv4 or IPv6 address or a Unix socket's, and as long as one. */
bool addr_is_whole(const struct addr *);
bool addr_is_unix(const struct addr *);
/* Its path in the file system; NULL: it has none. */
const char *addr_path(const struct addr *);
bool addr_is_loopback(const struct addr *); /* a Unix socket is */
bool addr_is_wildcard(const struct addr *); /* 0.0.0.0 or :: */
/* Not of 0.0.0.0/8, no multicast, broadcast or reserved address: one host can be there. */
bool addr_is_unicast(const struct addr *);

/* The address proper in network order, 4 or 16 bytes; not of a Unix socket's. */
const uint8_t *addr_bytes(const struct addr *);

/* The decimal digits of text as a number of at most max.  NULL, or one of the two sentences. */
MUST_CHECK const char *addr_number(const char *text, unsigned max, unsigned *out,
				   const char *not_number, const char *too_large);

/* An IPv4-mapped IPv6 address becomes the IPv4 one. */
void addr_unmap(struct addr *);

#endif
