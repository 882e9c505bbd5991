/* net.c - see net.h. */
#include "net.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SKIPS = 64 }; /* transient errors passed over in one net_accept(): none can hold the loop */

static int
set_flag(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* -1, with errno as it was. */
static int
close_failed(int fd)
{
	int error = errno;

	(void)close(fd);
	errno = error;
	return -1;
}

static int
stream_socket(const struct addr *a)
{
	return socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

bool
net_is_missing(int error)
{
	return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
}

bool
net_is_listening(int fd)
{
	struct pollfd state = {.fd = fd, .events = POLLRDHUP};
	int listens = 0;
	socklen_t n = sizeof listens;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens == 0)
		return false;
	/* Of a Unix socket only this tells. */
	return poll(&state, 1, 0) <= 0 || (state.revents & (POLLRDHUP | POLLHUP)) == 0;
}

int
net_listen_again(int fd, const struct addr *a, int backlog)
{
	if (addr_is_unix(a)) { /* the kernel never takes the end of it back */
		errno = ESHUTDOWN;
		return -1;
	}
	/* EINVAL: it is still bound.  A port that was taken for 0 is not. */
	if (bind(fd, &a->u.sa, a->len) < 0 && errno != EINVAL)
		return -1;
	return listen(fd, backlog);
}

int
net_listen(const struct addr *a, int backlog)
{
	int fd;

	if (addr_is_unix(a)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	fd = stream_socket(a);
	if (fd < 0)
		return -1;
	if (set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
		return close_failed(fd);
	if (a->u.sa.sa_family == AF_INET6 && set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) < 0)
		return close_failed(fd);
	if (bind(fd, &a->u.sa, a->len) < 0 || set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0 ||
	    listen(fd, backlog) < 0)
		return close_failed(fd);
	return fd;
}

int
net_local(int fd, struct addr *a)
{
	*a = (struct addr){.len = sizeof a->u};
	return getsockname(fd, &a->u.sa, &a->len);
}

static bool
has_address(const struct ifaddrs *i, struct addr host)
{
	struct addr own = {.len = sizeof own.u.in6};

	if (i->ifa_addr == NULL || i->ifa_addr->sa_family != host.u.sa.sa_family)
		return false;
	if (host.u.sa.sa_family == AF_INET)
		own.len = sizeof own.u.in4;
	memcpy(&own.u, i->ifa_addr, own.len);
	addr_set_port(&own, 0);
	addr_set_port(&host, 0);
	if (host.u.sa.sa_family == AF_INET6)
		own.u.in6.sin6_scope_id = host.u.in6.sin6_scope_id;
	return addr_eq(&own, &host);
}

bool
net_is_own(const struct addr *a)
{
	struct ifaddrs *list, *i;
	struct addr host = *a;

	addr_unmap(&host);
	if (getifaddrs(&list) < 0)
		return false;
	for (i = list; i != NULL && !has_address(i, host); i = i->ifa_next)
		;
	freeifaddrs(list);
	return i != NULL;
}

/* An error that says something about the one connection or the network, not about the
 * listener. */
static bool
is_transient(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case ECONNRESET:
	case EPROTO:
	case EPERM: /* a firewall's word */
	case ETIMEDOUT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case ENOPROTOOPT: return true;
	default: return false;
	}
}

static enum net_accepted
judge_accept_error(int error)
{
	switch (error) {
	case EAGAIN: return NET_NONE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM: return NET_EXHAUSTED;
	default: return NET_FAILED;
	}
}

/* 0, or -1 with errno. */
static int
know_peer(int fd, const struct addr *from, struct addr_peer *peer)
{
	struct ucred user;
	struct addr_peer_creds creds;
	socklen_t n = sizeof user;

	if (!addr_is_unix(from)) {
		addr_peer_of(peer, from);
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &n) < 0)
		return -1;
	creds = (struct addr_peer_creds){user.uid, user.gid, user.pid};
	addr_peer_of_user(peer, &creds);
	return 0;
}

int
net_accept_undelayed(int listener)
{
	struct addr at;

	if (net_local(listener, &at) < 0)
		return -1;
	return addr_is_unix(&at) ? 0 : set_flag(listener, IPPROTO_TCP, TCP_NODELAY, 1);
}

enum net_accepted
net_accept(int listener, int *fd, struct addr_peer *peer)
{
	struct addr from;

	for (int i = 0; i < SKIPS; i++) {
		from.len = sizeof from.u;
		*fd = accept4(listener, &from.u.sa, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (*fd >= 0) {
			if (know_peer(*fd, &from, peer) == 0)
				return NET_ACCEPTED;
			(void)close(*fd);
		} else if (!is_transient(errno)) {
			return judge_accept_error(errno);
		}
	}
	return NET_NONE;
}

int
net_connect(const struct addr *to)
{
	int fd = stream_socket(to);

	if (fd < 0)
		return -1;
	if (!addr_is_unix(to) && set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
		return close_failed(fd);
	/* Interrupted, it goes on all the same. */
	if (connect(fd, &to->u.sa, to->len) == 0 || errno == EINPROGRESS || errno == EINTR)
		return fd;
	if (errno == EPROTOTYPE) /* which stands for TLS that is missing, elsewhere */
		errno = ESOCKTNOSUPPORT;
	return close_failed(fd);
}

/* Over the loopback interface the other side has answered before connect(2) returns, which says
 * EINPROGRESS all the same; asked once more it knows. */
int
net_connect_decided(int fd, const struct addr *to)
{
	if (addr_is_unix(to))
		return 0;
	if (!addr_is_loopback(to))
		return EINPROGRESS;
	if (connect(fd, &to->u.sa, to->len) == 0 || errno == EISCONN)
		return 0;
	return errno == EALREADY || errno == EINTR ? EINPROGRESS : errno;
}

bool
net_listener_is_of(int fd, uid_t user)
{
	struct ucred listener;
	socklen_t n = sizeof listener;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &n) == 0 && listener.uid == user;
}

int
net_connect_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

unsigned
net_round_trip_ms(int fd)
{
	struct tcp_info info = {.tcpi_rtt = 0};
	socklen_t n = sizeof info;

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
		return 0;
	return (info.tcpi_rtt + 999) / 1000;
}

const char *
net_shortage(int error)
{
	switch (error) {
	case EMFILE: return "out of descriptors here (EMFILE: this process's limit of open files)";
	case ENFILE: return "out of descriptors here (ENFILE: the system's limit of open files)";
	case EADDRNOTAVAIL: return "out of local ports here, or no such address (EADDRNOTAVAIL)";
	case EAGAIN:
		return "out of local ports here, or the Unix socket's backlog is full (EAGAIN)";
	case ENOBUFS: return "out of memory for sockets here (ENOBUFS)";
	case ENOMEM: return "out of memory here (ENOMEM)";
	default: return NULL;
	}
}

const char *
net_error_text(int error)
{
	const char *shortage = net_shortage(error);

	if (shortage != NULL)
		return shortage;
	switch (error) {
	case ENOENT: return "no such socket (ENOENT): nothing has listened there yet, or elsewhere";
	case EACCES:
		return "not permitted (EACCES): by the mode or owner of the Unix socket or of a "
		       "folder above it, or by a firewall";
	case ESOCKTNOSUPPORT: return "the Unix socket there is no stream socket";
	default: return strerror(error);
	}
}

/* ---- limits ---- */

unsigned long
net_raise_nofile(unsigned long wanted)
{
	struct rlimit l, raised;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return 0;
	raised = l;
	raised.rlim_cur = wanted < l.rlim_max ? wanted : l.rlim_max;
	if (l.rlim_cur < raised.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0)
		return raised.rlim_cur;
	return l.rlim_cur;
}
