/* addr_peer.c - see addr_peer.h. */
#include "addr_peer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(struct addr_peer) == 24, "one is kept with each connection");

void
addr_peer_of(struct addr_peer *p, const struct addr *a)
{
	static const struct addr_peer_creds nobody = {(uid_t)-1, (gid_t)-1, 0};

	if (addr_is_unix(a)) {
		addr_peer_of_user(p, &nobody);
		return;
	}
	*p = (struct addr_peer){.family = a->u.sa.sa_family, .port = addr_port(a)};
	if (p->family == AF_INET6) {
		p->scope = a->u.in6.sin6_scope_id;
		memcpy(p->u.bytes, &a->u.in6.sin6_addr, sizeof p->u.bytes);
	} else {
		memcpy(p->u.bytes, &a->u.in4.sin_addr, sizeof a->u.in4.sin_addr);
	}
}

void
addr_peer_of_user(struct addr_peer *p, const struct addr_peer_creds *creds)
{
	*p = (struct addr_peer){.family = AF_UNIX};
	p->u.creds = *creds;
}

bool
addr_peer_is_unix(const struct addr_peer *p)
{
	return p->family == AF_UNIX;
}

void
addr_peer_addr(const struct addr_peer *p, struct addr *a)
{
	*a = (struct addr){.len = sizeof a->u.in4};
	if (p->family == AF_INET6) {
		a->len = sizeof a->u.in6;
		a->u.in6.sin6_family = AF_INET6;
		a->u.in6.sin6_scope_id = p->scope;
		memcpy(&a->u.in6.sin6_addr, p->u.bytes, sizeof p->u.bytes);
	} else {
		a->u.in4.sin_family = AF_INET;
		memcpy(&a->u.in4.sin_addr, p->u.bytes, sizeof a->u.in4.sin_addr);
	}
	if (p->family == AF_UNIX)
		a->u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr_set_port(a, p->port);
}

const char *
addr_peer_text(const struct addr_peer *p, char out[ADDR_TEXT])
{
	struct addr a;

	if (p->family == AF_UNIX) {
		(void)snprintf(out, ADDR_TEXT, "unix:uid=%u,pid=%d", (unsigned)p->u.creds.uid,
			       (int)p->u.creds.pid);
		return out;
	}
	addr_peer_addr(p, &a);
	return addr_text(&a, out);
}

const char *
addr_peer_host_text(const struct addr_peer *p, char out[ADDR_TEXT])
{
	struct addr a;

	if (p->family == AF_UNIX) {
		(void)snprintf(out, ADDR_TEXT, "unix:uid=%u", (unsigned)p->u.creds.uid);
		return out;
	}
	addr_peer_addr(p, &a);
	return addr_host_text(&a, out);
}

bool
addr_peer_is_whole(const struct addr_peer *p)
{
	return p->family == AF_INET || p->family == AF_INET6 || p->family == AF_UNIX;
}

bool
addr_peer_is_same_host(const struct addr_peer *a, const struct addr_peer *b)
{
	if (a->family != b->family || a->scope != b->scope)
		return false;
	if (a->family == AF_UNIX)
		return a->u.creds.uid == b->u.creds.uid;
	return memcmp(a->u.bytes, b->u.bytes, a->family == AF_INET6 ? 16 : 4) == 0;
}

bool
addr_peer_is_loopback(const struct addr_peer *p)
{
	struct addr a;

	addr_peer_addr(p, &a);
	return addr_is_loopback(&a);
}

bool
addr_peer_in_net(const struct addr_peer *p, const struct addr_net *net)
{
	return addr_net_has(net, p->family, p->u.bytes);
}

struct span
addr_peer_key(const struct addr_peer *p, char space[16])
{
	const uint8_t *bytes = p->u.bytes;
	size_t n = 4;

	if (p->family == AF_UNIX) {
		space[0] = 'u';
		memcpy(space + 1, &p->u.creds.uid, sizeof p->u.creds.uid);
		return span_of(space, 1 + sizeof p->u.creds.uid);
	}
	if (p->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)p->u.bytes))
		bytes += 12;
	else if (p->family == AF_INET6)
		n = 8;
	memcpy(space, bytes, n);
	return span_of(space, n);
}
