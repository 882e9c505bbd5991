/* net.c - see net.h. */
#include "net.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	SKIPS = 64,	  /* transient errors passed over in one net_accept(): none can hold the
			     loop */
	UNIX_BACKLOG = 64 /* callers of a control socket waiting to be accepted */
};

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
tcp_socket(const struct addr *a)
{
	return socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- TCP ---- */

bool
net_is_listening(int fd)
{
	int listens = 0;
	socklen_t n = sizeof listens;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) < 0 || listens != 0;
}

int
net_listen_again(int fd, const struct addr *a, int backlog)
{
	/* EINVAL: it is still bound.  A port that was taken for 0 is not. */
	if (bind(fd, &a->u.sa, a->len) < 0 && errno != EINVAL)
		return -1;
	return listen(fd, backlog);
}

int
net_listen(const struct addr *a, int backlog)
{
	int fd = tcp_socket(a);

	if (fd < 0)
		return -1;
	if (set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
		return close_failed(fd);
	if (a->u.sa.sa_family == AF_INET6 && set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) < 0)
		return close_failed(fd);
	if (bind(fd, &a->u.sa, a->len) < 0 || listen(fd, backlog) < 0)
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

enum net_accepted
net_accept(int listener, int *fd, struct addr *peer)
{
	for (int i = 0; i < SKIPS; i++) {
		*peer = (struct addr){.len = sizeof peer->u};
		*fd = accept4(listener, &peer->u.sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (*fd >= 0) {
			if (set_flag(*fd, IPPROTO_TCP, TCP_NODELAY, 1) == 0)
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
	int fd = tcp_socket(to);

	if (fd < 0)
		return -1;
	if (set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
		return close_failed(fd);
	/* Interrupted, it goes on all the same. */
	if (connect(fd, &to->u.sa, to->len) < 0 && errno != EINPROGRESS && errno != EINTR)
		return close_failed(fd);
	return fd;
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

const char *
net_shortage(int error)
{
	switch (error) {
	case EMFILE: return "out of descriptors here (EMFILE: this process's limit of open files)";
	case ENFILE: return "out of descriptors here (ENFILE: the system's limit of open files)";
	case EADDRNOTAVAIL: return "out of local ports here, or no such address (EADDRNOTAVAIL)";
	case EAGAIN: return "out of local ports here (EAGAIN)";
	case ENOBUFS: return "out of memory for sockets here (ENOBUFS)";
	case ENOMEM: return "out of memory here (ENOMEM)";
	default: return NULL;
	}
}

const char *
net_error_text(int error)
{
	const char *shortage = net_shortage(error);

	return shortage != NULL ? shortage : strerror(error);
}

/* ---- Unix sockets ---- */

static int
unix_address(struct sockaddr_un *a, const char *path)
{
	size_t n = strlen(path);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n == 0 || n >= sizeof a->sun_path) {
		errno = n == 0 ? EINVAL : ENAMETOOLONG;
		return -1;
	}
	memcpy(a->sun_path, path, n + 1);
	return 0;
}

static int
connect_unix(int fd, const struct sockaddr_un *a)
{
	int r;

	do
		r = connect(fd, (const struct sockaddr *)a, sizeof *a);
	while (r < 0 && errno == EINTR);
	return r;
}

/* The path comes into being with its mode: there is no moment at which it is wider. */
static int
bind_unix(int fd, const struct sockaddr_un *a, mode_t mode)
{
	mode_t old = umask(~mode & 0777);
	int r = bind(fd, (const struct sockaddr *)a, sizeof *a);

	(void)umask(old); /* cannot fail, keeps errno */
	return r;
}

/* 0 when somebody listens there, otherwise why a connection was refused. */
static int
probe_unix(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return errno;
	error = connect_unix(fd, a) < 0 ? errno : 0;
	(void)close(fd);
	return error;
}

/* Removes a socket that nobody listens at.  0, or -1 with errno. */
static int
remove_stale(const struct sockaddr_un *a)
{
	struct stat st;
	int error;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return -1;
	}
	error = probe_unix(a);
	if (error == ECONNREFUSED)
		return unlink(a->sun_path) < 0 && errno != ENOENT ? -1 : 0;
	/* Full (EAGAIN) or of another type (EPROTOTYPE) is in use as well. */
	errno = error == 0 || error == EAGAIN || error == EPROTOTYPE ? EADDRINUSE : error;
	return -1;
}

static int
bind_and_listen(int fd, const struct sockaddr_un *a, mode_t mode)
{
	int bound = bind_unix(fd, a, mode);

	if (bound < 0 && errno == EADDRINUSE && remove_stale(a) == 0)
		bound = bind_unix(fd, a, mode);
	return bound < 0 ? -1 : listen(fd, UNIX_BACKLOG);
}

/* Gives a socket its name, which no living one may have.  0, or -1 with errno. */
static int
name_unix(const char *aside, const struct sockaddr_un *a)
{
	int rc = link(aside, a->sun_path);

	if (rc < 0 && errno == EEXIST && remove_stale(a) == 0)
		rc = link(aside, a->sun_path);
	if (rc < 0 && errno == EEXIST)
		errno = EADDRINUSE;
	return rc;
}

int
net_listen_unix(const char *path, mode_t mode)
{
	struct sockaddr_un a, aside;
	char name[sizeof a.sun_path + 16];
	int fd, rc, saved;

	if (unix_address(&a, path) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* It listens under a name of its own first: whoever finds the path is answered.  A path
	 * that leaves no room for that is bound directly. */
	(void)snprintf(name, sizeof name, "%s.%d", path, (int)getpid());
	if (unix_address(&aside, name) < 0)
		return bind_and_listen(fd, &a, mode) < 0 ? close_failed(fd) : fd;
	rc = bind_and_listen(fd, &aside, mode);
	if (rc == 0)
		rc = name_unix(name, &a);
	saved = errno;
	(void)unlink(name);
	errno = saved;
	return rc < 0 ? close_failed(fd) : fd;
}

int
net_listen_unix_again(int fd)
{
	return listen(fd, UNIX_BACKLOG);
}

int
net_accept_unix(int listener)
{
	int fd;

	do
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int
net_connect_unix(const char *path)
{
	const struct timeval limit = {.tv_sec = NET_UNIX_S};
	struct sockaddr_un a;
	int fd;

	if (unix_address(&a, path) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* connect(2) waits so long, too, where the backlog of one that hangs is full. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
	    connect_unix(fd, &a) < 0)
		return close_failed(fd);
	return fd;
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
