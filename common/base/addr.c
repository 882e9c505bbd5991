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

/* The decimal digits of text as a number of at most max.  NULL, or one of the two
 * sentences. */
static const char *
parse_number(const char *text, unsigned max, unsigned *out, const char *not_number,
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

static const char *
parse_port(const char *text, uint16_t *port)
{
	unsigned n = 0;
	const char *why = "the port is missing";

	if (*text != '\0')
		why = parse_number(text, UINT16_MAX, &n, "the port is not a number",
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
		*why = parse_port(p, port);
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

/* The address proper, in network order. */
static const void *
bytes_of(const struct addr *a)
{
	return a->u.sa.sa_family == AF_INET6 ? (const void *)&a->u.in6.sin6_addr
					     : (const void *)&a->u.in4.sin_addr;
}

const char *
addr_host_text(const struct addr *a, char out[ADDR_TEXT])
{
	if (addr_is_unix(a))
		return unix_text(a, out);
	if (inet_ntop(a->u.sa.sa_family, bytes_of(a), out, ADDR_TEXT) == NULL)
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
	return memcmp(bytes_of(a), bytes_of(b),
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

/* ---- networks ---- */

enum { V4_BITS = 32, V6_BITS = 128, MAPPED_BITS = V6_BITS - V4_BITS };

/* An address as a network of its own, IPv4-mapped ones as IPv4. */
static struct addr_net
net_of_bytes(int family, const uint8_t *bytes)
{
	struct addr_net n = {.family = family, .bits = family == AF_INET6 ? V6_BITS : V4_BITS};

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)bytes)) {
		n.family = AF_INET;
		n.bits = V4_BITS;
		bytes += MAPPED_BITS / 8;
	}
	memcpy(n.prefix, bytes, n.bits / 8);
	return n;
}

/* Not of a Unix socket's. */
static struct addr_net
net_of(const struct addr *a)
{
	return net_of_bytes(a->u.sa.sa_family, bytes_of(a));
}

/* The first `bits` bits of both are the same. */
static bool
prefix_eq(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* Nothing but zero bits from `bits` on. */
static bool
host_bits_clear(const struct addr_net *n)
{
	uint8_t masked[sizeof n->prefix] = {0};

	memcpy(masked, n->prefix, (n->bits + 7) / 8);
	if (n->bits % 8 != 0)
		masked[n->bits / 8] &= (uint8_t)(0xff00 >> n->bits % 8);
	return memcmp(masked, n->prefix, sizeof masked) == 0;
}

/* Fills n from its two texts; bits is NULL for a single address.  NULL, or what is wrong.
 */
static const char *
parse_net(struct addr_net *n, const char *host, const char *bits)
{
	struct addr a;
	unsigned mapped = 0;
	const char *why;

	if (addr_numeric(&a, host, 0) < 0)
		return "not a numeric IPv4 or IPv6 address";
	*n = net_of(&a);
	if (bits == NULL)
		return NULL;
	if (a.u.sa.sa_family == AF_INET6 && n->family == AF_INET)
		mapped = MAPPED_BITS;
	why = parse_number(bits, mapped + n->bits, &n->bits, "the prefix length is not a number",
			   "the prefix length is larger than the address");
	if (why != NULL)
		return why;
	if (n->bits < mapped)
		return "the prefix of an IPv4-mapped network is at least 96 bits";
	n->bits -= mapped;
	return host_bits_clear(n) ? NULL : "bits beyond the prefix length are set";
}

/* What follows "unix": "" or ":", ":uid=N", ":gid=N". */
static const char *
parse_users(struct addr_net *n, const char *text)
{
	static const char not_one[] = "users of a Unix socket are unix, unix:uid=NUMBER or "
				      "unix:gid=NUMBER",
			  none[] = "no user or group has this number";
	const char *why;
	unsigned number = 0;

	*n = (struct addr_net){.family = AF_UNIX};
	if (text[0] == '\0' || text[1] == '\0')
		return NULL;
	n->group = strncmp(text, ":gid=", 5) == 0;
	if (!n->group && strncmp(text, ":uid=", 5) != 0)
		return not_one;
	why = parse_number(text + 5, ADDR_UID_MAX, &number, not_one, none);
	memcpy(n->prefix, &(uint32_t){number}, sizeof(uint32_t));
	n->bits = 8 * sizeof(uint32_t);
	return why;
}

static bool
is_of_users(const char *text)
{
	return strncmp(text, unix_prefix, UNIX_PREFIX) == 0 ||
	       (strncmp(text, unix_prefix, UNIX_PREFIX - 1) == 0 && text[UNIX_PREFIX - 1] == '\0');
}

int
addr_net_parse(struct addr_net *out, const char *text, const char **why)
{
	char host[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "/");
	struct addr_net net;

	if (is_of_users(text)) {
		*why = parse_users(&net, text + UNIX_PREFIX - 1);
		if (*why == NULL)
			*out = net;
		return *why != NULL ? -1 : 0;
	}
	if (n >= sizeof host) {
		*why = "not a numeric IPv4 or IPv6 address";
		return -1;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	*why = parse_net(&net, host, text[n] == '/' ? text + n + 1 : NULL);
	if (*why != NULL)
		return -1;
	*out = net;
	return 0;
}

bool
addr_net_has(const struct addr_net *net, int family, const uint8_t *bytes)
{
	struct addr_net host = net_of_bytes(family,
					    family == AF_UNIX && net->group ? bytes + 4 : bytes);

	return host.family == net->family && prefix_eq(host.prefix, net->prefix, net->bits);
}

bool
addr_in_net(const struct addr *a, const struct addr_net *net)
{
	return !addr_is_unix(a) && addr_net_has(net, a->u.sa.sa_family, bytes_of(a));
}

bool
addr_is_loopback(const struct addr *a)
{
	struct addr_net host;

	if (addr_is_unix(a))
		return true;
	host = net_of(a);
	if (host.family == AF_INET)
		return host.prefix[0] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
}

bool
addr_is_wildcard(const struct addr *a)
{
	static const uint8_t none[sizeof((struct addr_net *)0)->prefix];
	struct addr_net host;

	if (addr_is_unix(a))
		return false;
	host = net_of(a);
	return memcmp(host.prefix, none, sizeof none) == 0;
}

bool
addr_is_unicast(const struct addr *a)
{
	struct addr_net host;

	if (addr_is_unix(a))
		return true;
	host = net_of(a);
	if (host.family == AF_INET)
		return host.prefix[0] != 0 && host.prefix[0] < 224;
	return !addr_is_wildcard(a) && host.prefix[0] != 0xff;
}

void
addr_unmap(struct addr *a)
{
	struct addr_net host;
	uint16_t port = addr_port(a);

	if (addr_is_unix(a))
		return;
	host = net_of(a);
	if (host.family == a->u.sa.sa_family)
		return;
	*a = (struct addr){.len = sizeof a->u.in4};
	a->u.in4.sin_family = AF_INET;
	memcpy(&a->u.in4.sin_addr, host.prefix, sizeof a->u.in4.sin_addr);
	addr_set_port(a, port);
}
