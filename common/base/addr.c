/* addr.c - see addr.h. */
#include "addr.h"

#include "span.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *
addr_number(const char *text, unsigned max, unsigned *out, const char *not_number,
	    const char *too_large)
{
	uint64_t n = 0;

	if (*text == '\0')
		return not_number;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return not_number;
		n = n * 10 + (unsigned)(*p - '0');
		if (n > max)
			return too_large;
	}
	*out = (unsigned)n;
	return NULL;
}

/* What follows "unix:" and is no port was meant for a path. */
static const char *
why_no_port(const struct span *host, const char *port, const char *why)
{
	if (why != NULL && span_eq_str(*host, "unix") && (*port < '0' || *port > '9'))
		return "a Unix socket's path is absolute: unix:/run/x.sock";
	return why;
}

static const char *
parse_port(const char *text, uint16_t *port)
{
	unsigned n = 0;
	const char *why = "the port is missing";

	if (*text != '\0')
		why = addr_number(text, UINT16_MAX, &n, "the port is not a number",
				  "the port is above 65535");
	if (why == NULL)
		*port = (uint16_t)n;
	return why;
}

/* Where text's host stands and where its port begins.  NULL, or what is wrong. */
static const char *
find_parts(const char *text, struct span *host, const char **port)
{
	const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');

	*host = span_of(text, 0);
	*port = text;
	if (*text == '\0')
		return "no address and no port are given";
	if (*text == '[') {
		if (bracket == NULL)
			return "the closing bracket is missing";
		*host = span_of(text + 1, (size_t)(bracket - text - 1));
		if (memchr(host->p, ':', host->n) == NULL)
			return "brackets are for IPv6 addresses";
		*port = bracket + 2;
		return bracket[1] == ':' ? NULL : "a colon and the port are missing";
	}
	if (colon == NULL)
		return NULL;
	*host = span_of(text, (size_t)(colon - text));
	*port = colon + 1;
	if (memchr(host->p, ':', host->n) != NULL)
		return "an IPv6 address needs brackets: [::1]:2100";
	return NULL;
}

int
addr_split(const char *text, char host[ADDR_HOST], uint16_t *port, const char **why)
{
	struct span h;
	const char *p;

	*why = find_parts(text, &h, &p);
	if (*why == NULL && h.n >= ADDR_HOST)
		*why = "the host is too long";
	if (*why == NULL)
		*why = why_no_port(&h, p, parse_port(p, port));
	if (*why != NULL)
		return -1;
	memcpy(host, h.p, h.n);
	host[h.n] = '\0';
	return 0;
}

int
addr_numeric(struct addr *a, const char *host, uint16_t port)
{
	struct addr r = {.len = 0};

	if (inet_pton(AF_INET, host, &r.u.in4.sin_addr) == 1) {
		r.u.in4.sin_family = AF_INET;
		r.len = sizeof r.u.in4;
	} else if (inet_pton(AF_INET6, host, &r.u.in6.sin6_addr) == 1) {
		r.u.in6.sin6_family = AF_INET6;
		r.len = sizeof r.u.in6;
	} else {
		errno = EINVAL;
		return -1;
	}
	addr_set_port(&r, port);
	*a = r;
	return 0;
}

/* ---- Unix sockets ---- */

static const char unix_prefix[] = "unix:";
enum {
	UNIX_PREFIX = sizeof unix_prefix - 1,
	UNIX_NAME = offsetof(struct sockaddr_un, sun_path), /* bytes before it */
	UNIX_ROOM = sizeof(struct sockaddr_un) - UNIX_NAME
};

bool
addr_is_unix(const struct addr *a)
{
	return a->u.sa.sa_family == AF_UNIX;
}

const char *
addr_path(const struct addr *a)
{
	return addr_is_unix(a) && a->len > UNIX_NAME && a->u.un.sun_path[0] != '\0'
		       ? a->u.un.sun_path
		       : NULL;
}

/* A host may be called unix, and have a port. */
bool
addr_is_unix_text(const char *text)
{
	return strncmp(text, unix_prefix, UNIX_PREFIX) == 0 &&
	       (text[UNIX_PREFIX] == '/' || text[UNIX_PREFIX] == '@');
}

/* Nothing that would have to be quoted in a log line, a list or JSON. */
static bool
is_plain(char c)
{
	return c > ' ' && c < 0x7f && strchr("\"'`\\,", c) == NULL;
}

int
addr_unix_path(struct addr *a, const char *path)
{
	size_t n = strlen(path);

	if (n == 0 || n >= UNIX_ROOM) {
		errno = n == 0 ? EINVAL : ENAMETOOLONG;
		return -1;
	}
	*a = (struct addr){.u.un.sun_family = AF_UNIX, .len = (socklen_t)(UNIX_NAME + n + 1)};
	memcpy(a->u.un.sun_path, path, n);
	return 0;
}

int
addr_unix(struct addr *a, const char *text, const char **why)
{
	const char *name = text + UNIX_PREFIX;

	*why = NULL;
	if (!addr_is_unix_text(text))
		*why = "a Unix socket is unix:/PATH or unix:@NAME";
	else if (name[1] == '\0')
		*why = "the name of the Unix socket is missing";
	else if (strlen(name) >= UNIX_ROOM)
		*why = "longer than a Unix socket's address can be, 107 characters";
	for (const char *p = name; *why == NULL && *p != '\0'; p++)
		if (!is_plain(*p))
			*why = "spaces, quotes, backslashes, commas and what is not ASCII can't be "
			       "in a Unix socket's address";
	if (*why != NULL || addr_unix_path(a, name) < 0)
		return -1;
	if (name[0] == '@') { /* no byte ends it */
		a->u.un.sun_path[0] = '\0';
		a->len--;
	}
	return 0;
}

int
addr_parse_host(struct addr *a, const char *host, uint16_t port, const char **why)
{
	if (addr_is_unix_text(host))
		return addr_unix(a, host, why);
	*why = "not a numeric address";
	return addr_numeric(a, host, port);
}

int
addr_parse(struct addr *a, const char *text, const char **why)
{
	char host[ADDR_HOST];
	uint16_t port;

	if (addr_is_unix_text(text))
		return addr_unix(a, text, why);
	return addr_split(text, host, &port, why) < 0 ? -1 : addr_parse_host(a, host, port, why);
}

static const char *
unix_text(const struct addr *a, char out[ADDR_TEXT])
{
	size_t n = a->len > UNIX_NAME ? a->len - UNIX_NAME : 0;
	const char *path = addr_path(a);
	char *p = out + UNIX_PREFIX;

	memcpy(out, unix_prefix, sizeof unix_prefix);
	if (n > UNIX_ROOM)
		n = UNIX_ROOM;
	if (path != NULL)
		n = strnlen(path, n);
	for (size_t i = 0; i < n; i++)
		*p++ = is_plain(a->u.un.sun_path[i]) ? a->u.un.sun_path[i] : '?';
	*p = '\0';
	if (path == NULL && n > 0)
		out[UNIX_PREFIX] = '@';
	return out;
}

static bool
unix_eq(const struct addr *a, const struct addr *b)
{
	return addr_is_unix(b) && a->len == b->len && a->len > UNIX_NAME && a->len <= sizeof a->u &&
	       memcmp(&a->u.un, &b->u.un, a->len) == 0;
}

static bool
unix_is_whole(const struct addr *a)
{
	const char *path = addr_path(a);
	size_t n = a->len > UNIX_NAME ? a->len - UNIX_NAME : 0;

	if (n < 2 || n > UNIX_ROOM)
		return false;
	return path == NULL || memchr(path, '\0', n) == path + n - 1;
}

/* ---- names ---- */

int
addr_resolve_all(struct addr *out, size_t max, const char *host, uint16_t port, const char **why)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	size_t n = 0;
	int error;

	error = getaddrinfo(host, NULL, &hints, &found);
	if (error != 0) {
		*why = error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error);
		return -1;
	}
	for (struct addrinfo *i = found; i != NULL && n < max; i = i->ai_next) {
		if (i->ai_addrlen > sizeof out->u)
			continue;
		out[n] = (struct addr){.len = i->ai_addrlen};
		memcpy(&out[n].u, i->ai_addr, i->ai_addrlen);
		addr_set_port(&out[n++], port);
	}
	freeaddrinfo(found);
	*why = "no IPv4 or IPv6 address";
	return n > 0 ? (int)n : -1;
}

int
addr_resolve(struct addr *a, const char *host, uint16_t port, const char **why)
{
	return addr_resolve_all(a, 1, host, port, why) < 0 ? -1 : 0;
}

const uint8_t *
addr_bytes(const struct addr *a)
{
	return a->u.sa.sa_family == AF_INET6 ? a->u.in6.sin6_addr.s6_addr
					     : (const uint8_t *)&a->u.in4.sin_addr;
}

const char *
addr_host_text(const struct addr *a, char out[ADDR_TEXT])
{
	if (addr_is_unix(a))
		return unix_text(a, out);
	if (inet_ntop(a->u.sa.sa_family, addr_bytes(a), out, ADDR_TEXT) == NULL)
		(void)snprintf(out, ADDR_TEXT, "?"); /* neither IPv4 nor IPv6 */
	return out;
}

const char *
addr_text(const struct addr *a, char out[ADDR_TEXT])
{
	char host[ADDR_TEXT];
	bool v6 = a->u.sa.sa_family == AF_INET6;

	if (addr_is_unix(a))
		return unix_text(a, out);
	(void)addr_host_text(a, host);
	(void)snprintf(out, ADDR_TEXT, "%s%.*s%s:%u", v6 ? "[" : "", INET6_ADDRSTRLEN, host,
		       v6 ? "]" : "", addr_port(a));
	return out;
}

uint16_t
addr_port(const struct addr *a)
{
	if (addr_is_unix(a))
		return 0;
	return ntohs(a->u.sa.sa_family == AF_INET6 ? a->u.in6.sin6_port : a->u.in4.sin_port);
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons(port);
	else if (!addr_is_unix(a))
		a->u.in4.sin_port = htons(port);
}

/* Not memcmp() of the whole: padding and flow labels are no part of an address. */
bool
addr_eq(const struct addr *a, const struct addr *b)
{
	bool v6 = a->u.sa.sa_family == AF_INET6;

	if (addr_is_unix(a))
		return unix_eq(a, b);
	if (a->u.sa.sa_family != b->u.sa.sa_family || addr_port(a) != addr_port(b))
		return false;
	if (v6 && a->u.in6.sin6_scope_id != b->u.in6.sin6_scope_id)
		return false;
	return memcmp(addr_bytes(a), addr_bytes(b),
		      v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr)) == 0;
}

bool
addr_is_whole(const struct addr *a)
{
	sa_family_t family = a->u.sa.sa_family;

	if (family == AF_UNIX)
		return unix_is_whole(a);
	return (family == AF_INET && a->len == sizeof a->u.in4) ||
	       (family == AF_INET6 && a->len == sizeof a->u.in6);
}

/* The four bytes of an IPv4 address, be it mapped; NULL: it is none. */
static const uint8_t *
ipv4_of(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return addr_bytes(a);
	return IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr) ? &a->u.in6.sin6_addr.s6_addr[12] : NULL;
}

bool
addr_is_loopback(const struct addr *a)
{
	const uint8_t *v4;

	if (addr_is_unix(a))
		return true;
	v4 = ipv4_of(a);
	return v4 != NULL ? v4[0] == IN_LOOPBACKNET : IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
}

bool
addr_is_wildcard(const struct addr *a)
{
	static const uint8_t none[4];
	const uint8_t *v4;

	if (addr_is_unix(a))
		return false;
	v4 = ipv4_of(a);
	return v4 != NULL ? memcmp(v4, none, sizeof none) == 0
			  : IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

bool
addr_is_unicast(const struct addr *a)
{
	const uint8_t *v4;

	if (addr_is_unix(a))
		return true;
	v4 = ipv4_of(a);
	if (v4 != NULL)
		return v4[0] != 0 && v4[0] < 224;
	return !addr_is_wildcard(a) && !IN6_IS_ADDR_MULTICAST(&a->u.in6.sin6_addr);
}

void
addr_unmap(struct addr *a)
{
	struct in_addr in;
	uint16_t port;

	if (a->u.sa.sa_family != AF_INET6 || ipv4_of(a) == NULL)
		return;
	memcpy(&in, ipv4_of(a), sizeof in);
	port = addr_port(a);
	*a = (struct addr){.len = sizeof a->u.in4};
	a->u.in4.sin_family = AF_INET;
	a->u.in4.sin_addr = in;
	addr_set_port(a, port);
}
