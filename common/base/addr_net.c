/* addr_net.c - see addr_net.h. */
#include "addr_net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const char users[] = "unix";
enum { USERS = sizeof users - 1 };
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
	return net_of_bytes(a->u.sa.sa_family, addr_bytes(a));
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

/* Fills n from its two texts; bits is NULL for a single address.  NULL, or what is wrong. */
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
	why = addr_number(bits, mapped + n->bits, &n->bits, "the prefix length is not a number",
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
	why = addr_number(text + 5, ADDR_UID_MAX, &number, not_one, none);
	memcpy(n->prefix, &(uint32_t){number}, sizeof(uint32_t));
	n->bits = 8 * sizeof(uint32_t);
	return why;
}

static bool
is_of_users(const char *text)
{
	return strncmp(text, users, USERS) == 0 && (text[USERS] == ':' || text[USERS] == '\0');
}

int
addr_net_parse(struct addr_net *out, const char *text, const char **why)
{
	char host[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "/");
	struct addr_net net;

	if (is_of_users(text)) {
		*why = parse_users(&net, text + USERS);
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
	return !addr_is_unix(a) && addr_net_has(net, a->u.sa.sa_family, addr_bytes(a));
}
