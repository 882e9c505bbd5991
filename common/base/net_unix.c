/* net_unix.c - see net_unix.h. */
#include "net_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { CONTROL_BACKLOG = 64 }; /* callers of a control socket waiting to be accepted */

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
connect_to(int fd, const struct addr *a)
{
	int r;

	do
		r = connect(fd, &a->u.sa, a->len);
	while (r < 0 && errno == EINTR);
	return r;
}

/* ---- listening ---- */

/* 0 when somebody listens there, otherwise why a connection was refused. */
static int
probe(const struct addr *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return errno;
	error = connect_to(fd, a) < 0 ? errno : 0;
	(void)close(fd);
	return error;
}

int
net_unix_remove_stale(const struct addr *a)
{
	const char *path = addr_path(a);
	struct stat st;
	int error;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return -1;
	}
	error = probe(a);
	if (error == ECONNREFUSED)
		return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
	/* Full (EAGAIN) or of another type (EPROTOTYPE) is in use as well. */
	errno = error == 0 || error == EAGAIN || error == EPROTOTYPE ? EADDRINUSE : error;
	return -1;
}

/* The path comes into being with its mode: there is no moment at which it is wider. */
static int
bind_to(int fd, const struct addr *a, mode_t mode)
{
	mode_t old = umask(~mode & 0777);
	int r = bind(fd, &a->u.sa, a->len);

	(void)umask(old); /* cannot fail, keeps errno */
	return r;
}

static int
give_to(const char *path, const struct net_unix_rights *r)
{
	if (r->owner == (uid_t)-1 && r->group == (gid_t)-1)
		return 0;
	return lchown(path, r->owner, r->group);
}

int
net_unix_set_rights(const char *path, const struct net_unix_rights *r)
{
	uid_t owner = r->owner != (uid_t)-1 ? r->owner : geteuid();
	gid_t group = r->group != (gid_t)-1 ? r->group : getegid();

	if (lchown(path, owner, group) < 0)
		return -1;
	return fchmodat(AT_FDCWD, path, r->mode, AT_SYMLINK_NOFOLLOW);
}

/* At a path that it can't get, nothing is left. */
static int
bind_and_listen(int fd, const struct addr *a, const struct net_unix_rights *r, int backlog)
{
	int bound = bind_to(fd, a, r->mode), saved;

	if (bound < 0 && errno == EADDRINUSE && net_unix_remove_stale(a) == 0)
		bound = bind_to(fd, a, r->mode);
	if (bound < 0)
		return -1;
	if (give_to(addr_path(a), r) == 0 && listen(fd, backlog) == 0)
		return 0;
	saved = errno;
	(void)unlink(addr_path(a));
	errno = saved;
	return -1;
}

/* Gives a socket its name, which no living one may have.  0, or -1 with errno. */
static int
name_it(const char *aside, const struct addr *a)
{
	int rc = link(aside, addr_path(a));

	if (rc < 0 && errno == EEXIST && net_unix_remove_stale(a) == 0)
		rc = link(aside, addr_path(a));
	if (rc < 0 && errno == EEXIST)
		errno = EADDRINUSE;
	return rc;
}

/* It listens under a name of its own first: whoever finds the path is answered.  A path that leaves
 * no room for that is bound directly. */
static int
listen_at_path(int fd, const struct addr *a, const struct net_unix_rights *r, int backlog)
{
	char name[sizeof a->u.un.sun_path + 16];
	struct addr aside;
	int rc, saved;

	(void)snprintf(name, sizeof name, "%s.%d", addr_path(a), (int)getpid());
	if (addr_unix_path(&aside, name) < 0)
		return bind_and_listen(fd, a, r, backlog);
	rc = bind_and_listen(fd, &aside, r, backlog);
	if (rc < 0)
		return -1;
	rc = name_it(name, a);
	saved = errno;
	(void)unlink(name);
	errno = saved;
	return rc;
}

int
net_unix_listen(const struct addr *a, const struct net_unix_rights *r, int backlog)
{
	int fd, rc;

	if (!addr_is_unix(a) || !addr_is_whole(a)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (addr_path(a) != NULL)
		rc = listen_at_path(fd, a, r, backlog);
	else
		rc = bind(fd, &a->u.sa, a->len) < 0 ? -1 : listen(fd, backlog);
	return rc < 0 ? close_failed(fd) : fd;
}

int
net_listen_unix(const char *path, mode_t mode)
{
	const struct net_unix_rights r = {mode, (uid_t)-1, (gid_t)-1};
	struct addr a;

	return addr_unix_path(&a, path) < 0 ? -1 : net_unix_listen(&a, &r, CONTROL_BACKLOG);
}

int
net_listen_unix_again(int fd)
{
	return listen(fd, CONTROL_BACKLOG);
}

/* ---- its name ---- */

void
net_unix_remember(struct net_unix_name *name, const char *path)
{
	struct stat st;

	*name = (struct net_unix_name){0};
	if (lstat(path, &st) == 0)
		*name = (struct net_unix_name){st.st_dev, st.st_ino};
}

bool
net_unix_is_there(const struct net_unix_name *name, const char *path)
{
	struct net_unix_name now;

	net_unix_remember(&now, path);
	return now.inode != 0 && now.inode == name->inode && now.device == name->device;
}

/* ---- a control socket's connections ---- */

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
	struct addr a;
	int fd;

	if (addr_unix_path(&a, path) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* connect(2) waits so long, too, where the backlog of one that hangs is full. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
	    connect_to(fd, &a) < 0)
		return close_failed(fd);
	return fd;
}
