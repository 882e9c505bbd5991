/* addr.h - "host:port" and networks as values. */
#ifndef POLICYPOOL_ADDR_H
#define POLICYPOOL_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "compiler.h"

enum { ADDR_TEXT = 64, ADDR_HOST = 256 };
enum { ADDR_FOUND = 16 }; /* addresses of a name that are worth trying */

/* An IPv4 or IPv6 address with a port. */
struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} u;
	socklen_t len;
};

/* Splits "PORT", "HOST:PORT", "[V6]:PORT" or ":PORT".  host is empty where none is given.
 * A port is 0 to 65535.  0, or -1 with *why a constant sentence. */
MUST_CHECK int addr_split(const char *text, char host[ADDR_HOST], uint16_t *port, const char **why);

/* From a numeric host ("127.0.0.1", "::1") and a port.  0, or -1 with errno EINVAL. */
MUST_CHECK int addr_numeric(struct addr *, const char *host, uint16_t port);

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

/* "127.0.0.1:2100", "[::1]:2100".  Returns out. */
const char *addr_text(const struct addr *, char out[ADDR_TEXT]);

/* The host alone, no brackets.  Returns out. */
const char *addr_host_text(const struct addr *, char out[ADDR_TEXT]);

uint16_t addr_port(const struct addr *);
void addr_set_port(struct addr *, uint16_t port);
bool addr_eq(const struct addr *, const struct addr *);
/* It is an IPv4 or IPv6 address, and as long as one. */
bool addr_is_whole(const struct addr *);
bool addr_is_loopback(const struct addr *);
bool addr_is_wildcard(const struct addr *); /* 0.0.0.0 or :: */
/* Not of 0.0.0.0/8, no multicast, broadcast or reserved address: one host can be there. */
bool addr_is_unicast(const struct addr *);

/* An IPv4-mapped IPv6 address becomes the IPv4 one. */
void addr_unmap(struct addr *);

/* A network "10.0.0.0/8", "::1/128" or a single address. */
struct addr_net {
	int family;
	unsigned bits;
	uint8_t prefix[16];
};

/* 0, or -1 with *why a constant sentence.  Host bits that are set are an error. */
MUST_CHECK int addr_net_parse(struct addr_net *, const char *text, const char **why);

/* An IPv4-mapped IPv6 address counts as the IPv4 one. */
bool addr_in_net(const struct addr *, const struct addr_net *);

#endif
