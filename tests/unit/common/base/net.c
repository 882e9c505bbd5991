/* net: sockets that listen and connect. */
#include "net.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE = 10000 }; /* ms until a wait counts as failed */

static char dir[] = "/tmp/net-test-XXXXXX";
static char path[sizeof dir + sizeof "/socket"];

static void
make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/socket", dir);
}

static void
remove_dir(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

static void
wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	cr_assert_eq(poll(&p, 1, PATIENCE), 1);
}

static int
listen_at(const char *host, struct addr *at)
{
	int fd;

	cr_assert_eq(addr_numeric(at, host, 0), 0);
	fd = net_listen(at, 16);
	if (fd >= 0) {
		cr_assert_eq(net_local(fd, at), 0);
		cr_assert_neq(addr_port(at), 0);
	}
	return fd;
}

static int
connected(const struct addr *to)
{
	int fd = net_connect(to);

	cr_assert_geq(fd, 0);
	wait_for(fd, POLLOUT);
	cr_assert_eq(net_connect_result(fd), 0);
	return fd;
}

static int
accepted(int listener, struct addr *peer)
{
	int fd = -1;

	wait_for(listener, POLLIN);
	cr_assert_eq(net_accept(listener, &fd, peer), NET_ACCEPTED);
	return fd;
}

static bool
has_nodelay(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	return on != 0;
}

static void
expect_flags(int fd, bool nonblocking)
{
	cr_assert_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	cr_assert_eq((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, nonblocking);
}

Test(net, who_connects_is_accepted)
{
	struct addr at, peer, local;
	int listener = listen_at("127.0.0.1", &at);
	int client = connected(&at);
	int server = accepted(listener, &peer);
	char c;

	cr_assert_eq(net_local(client, &local), 0);
	cr_assert(addr_eq(&local, &peer));
	cr_assert_eq(net_local(server, &local), 0);
	cr_assert(addr_eq(&local, &at));
	cr_assert_eq(write(client, "x", 1), 1);
	wait_for(server, POLLIN);
	cr_assert_eq(read(server, &c, 1), 1);
	cr_assert_eq(c, 'x');
	(void)close(server);
	(void)close(client);
	(void)close(listener);
}

Test(net, tcp_sockets_do_not_block_nor_leak_nor_delay)
{
	struct addr at, peer;
	int listener = listen_at("127.0.0.1", &at);
	int client = connected(&at);
	int server = accepted(listener, &peer);

	expect_flags(listener, true);
	expect_flags(client, true);
	expect_flags(server, true);
	cr_assert(has_nodelay(client));
	cr_assert(has_nodelay(server));
	(void)close(server);
	(void)close(client);
	(void)close(listener);
}

Test(net, nobody_waiting_is_none)
{
	struct addr at, peer;
	int fd, listener = listen_at("127.0.0.1", &at);

	cr_assert_eq(net_accept(listener, &fd, &peer), NET_NONE);
	(void)close(listener);
}

Test(net, a_taken_port_is_in_use)
{
	struct addr at;
	int listener = listen_at("127.0.0.1", &at);

	errno = 0;
	cr_assert_eq(net_listen(&at, 16), -1);
	cr_assert_eq(errno, EADDRINUSE);
	(void)close(listener);
}

/* The side that closes first leaves its end of the connection behind in TIME_WAIT. */
Test(net, a_port_can_be_listened_at_again_after_a_restart)
{
	struct addr at, peer;
	int listener = listen_at("127.0.0.1", &at);
	int client = connected(&at);
	char c;

	(void)close(accepted(listener, &peer));
	wait_for(client, POLLIN);
	cr_assert_eq(read(client, &c, 1), 0);
	(void)close(client);
	(void)close(listener);
	listener = net_listen(&at, 16);
	cr_assert_geq(listener, 0, "%s", strerror(errno));
	(void)close(listener);
}

Test(net, an_address_of_nobody_here_cannot_be_listened_at)
{
	struct addr at;

	errno = 0;
	cr_assert_lt(listen_at("192.0.2.1", &at), 0);
	cr_assert_eq(errno, EADDRNOTAVAIL);
}

Test(net, the_ipv6_wildcard_takes_ipv4_too)
{
	struct addr at, v4, peer;
	int listener = listen_at("::", &at), client;

	if (listener < 0)
		cr_skip_test("no IPv6 here");
	cr_assert_eq(addr_numeric(&v4, "127.0.0.1", addr_port(&at)), 0);
	client = connected(&v4);
	(void)close(accepted(listener, &peer));
	cr_assert_eq(peer.u.sa.sa_family, AF_INET6);
	cr_assert(addr_is_loopback(&peer));
	(void)close(client);
	(void)close(listener);
}

Test(net, a_refused_connect_tells_so)
{
	struct addr at;
	int fd, error, listener = listen_at("127.0.0.1", &at);

	(void)close(listener);
	fd = net_connect(&at);
	error = errno;
	if (fd >= 0) {
		wait_for(fd, POLLOUT);
		error = net_connect_result(fd);
		(void)close(fd);
	}
	cr_assert_eq(error, ECONNREFUSED);
}

Test(net, a_connect_that_fails_at_once_keeps_no_descriptor)
{
	struct addr family = {.u.sa.sa_family = AF_MAX, .len = sizeof(struct sockaddr)};
	struct addr cut;
	int next = dup(0);

	(void)close(next);
	errno = 0;
	cr_assert_eq(net_connect(&family), -1);
	cr_assert_eq(errno, EAFNOSUPPORT);
	cr_assert_eq(addr_numeric(&cut, "127.0.0.1", 1), 0);
	cut.len = 1;
	errno = 0;
	cr_assert_eq(net_connect(&cut), -1);
	cr_assert_eq(errno, EINVAL);
	errno = 0;
	cr_assert_eq(net_listen(&cut, 1), -1);
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(dup(0), next);
	(void)close(next);
}

Test(net, the_result_of_no_socket_is_an_error)
{
	cr_assert_eq(net_connect_result(-1), EBADF);
}

Test(net, a_connection_that_was_reset_while_waiting_is_not_fatal)
{
	struct addr at, peer;
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int fd = -1, listener = listen_at("127.0.0.1", &at);
	int client = connected(&at);
	enum net_accepted r;

	cr_assert_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	(void)close(client);
	r = net_accept(listener, &fd, &peer);
	cr_assert(r == NET_ACCEPTED || r == NET_NONE);
	if (r == NET_ACCEPTED)
		(void)close(fd);
	(void)close(listener);
}

Test(net, without_descriptors_accepting_is_exhausted_and_goes_on_later)
{
	struct addr at, peer;
	int fd, listener = listen_at("127.0.0.1", &at);
	int client = connected(&at);
	struct rlimit full, old;

	wait_for(listener, POLLIN);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	full = old;
	full.rlim_cur = (rlim_t)client + 1;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &full), 0);
	while ((fd = dup(client)) >= 0)
		;
	errno = 0;
	cr_assert_eq(net_accept(listener, &fd, &peer), NET_EXHAUSTED);
	cr_assert_eq(errno, EMFILE);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	cr_assert_eq(net_accept(listener, &fd, &peer), NET_ACCEPTED);
	(void)close(fd);
	(void)close(client);
	(void)close(listener);
}

Test(net, a_broken_listener_is_failed)
{
	struct addr at, peer;
	int fd, client, listener = listen_at("127.0.0.1", &at);

	errno = 0;
	cr_assert_eq(net_accept(-1, &fd, &peer), NET_FAILED);
	cr_assert_eq(errno, EBADF);
	client = connected(&at);
	errno = 0;
	cr_assert_eq(net_accept(client, &fd, &peer), NET_FAILED);
	cr_assert_eq(errno, EINVAL);
	(void)close(client);
	(void)close(listener);
}

/* A connection that can't have TCP_NODELAY stands for one that fails right after the
 * accept. */
Test(net, connections_that_fail_at_once_are_skipped, .init = make_dir, .fini = remove_dir)
{
	struct addr peer;
	int fd, listener = net_listen_unix(path, 0600);
	int client = net_connect_unix(path);

	cr_assert(listener >= 0 && client >= 0);
	cr_assert_eq(net_accept(listener, &fd, &peer), NET_NONE);
	cr_assert_eq(fd, -1);
	(void)close(client);
	(void)close(listener);
}

Test(net, unix_sockets_connect, .init = make_dir, .fini = remove_dir)
{
	int server, listener = net_listen_unix(path, 0600);
	int client = net_connect_unix(path);
	char c;

	cr_assert(listener >= 0 && client >= 0);
	wait_for(listener, POLLIN);
	server = net_accept_unix(listener);
	cr_assert_geq(server, 0);
	expect_flags(listener, true);
	expect_flags(server, true);
	expect_flags(client, false);
	cr_assert_eq(write(server, "y", 1), 1);
	cr_assert_eq(read(client, &c, 1), 1);
	cr_assert_eq(c, 'y');
	errno = 0;
	cr_assert_eq(net_accept_unix(listener), -1);
	cr_assert_eq(errno, EAGAIN);
	(void)close(server);
	(void)close(client);
	(void)close(listener);
}

static void
expect_mode(mode_t mask, mode_t mode)
{
	struct stat st;
	int listener;

	(void)umask(mask);
	listener = net_listen_unix(path, mode);
	cr_assert_geq(listener, 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, mode, "%o is not %o", st.st_mode & 07777, mode);
	cr_assert_eq(umask(mask), mask, "the umask was changed");
	(void)close(listener);
	(void)unlink(path);
}

Test(net, a_unix_socket_has_the_mode_asked_for, .init = make_dir, .fini = remove_dir)
{
	expect_mode(022, 0600);
	expect_mode(077, 0666);
	expect_mode(0, 0660);
}

Test(net, the_path_of_a_dead_process_is_taken_over, .init = make_dir, .fini = remove_dir)
{
	int client, listener = net_listen_unix(path, 0666);
	struct stat st;

	cr_assert_geq(listener, 0);
	(void)close(listener);
	cr_assert_eq(stat(path, &st), 0);
	listener = net_listen_unix(path, 0600);
	cr_assert_geq(listener, 0, "%s", strerror(errno));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	client = net_connect_unix(path);
	cr_assert_geq(client, 0);
	(void)close(client);
	(void)close(listener);
}

Test(net, the_path_of_a_living_process_is_in_use, .init = make_dir, .fini = remove_dir)
{
	int client, listener = net_listen_unix(path, 0600);

	errno = 0;
	cr_assert_eq(net_listen_unix(path, 0600), -1);
	cr_assert_eq(errno, EADDRINUSE);
	client = net_connect_unix(path);
	cr_assert_geq(client, 0, "the first one is still there");
	(void)close(client);
	(void)close(listener);
}

Test(net, a_living_process_that_does_not_accept_is_in_use, .init = make_dir, .fini = remove_dir)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, listener = net_listen_unix(path, 0600);

	memcpy(a.sun_path, path, sizeof path);
	do
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	while (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0);
	cr_assert_eq(errno, EAGAIN);
	errno = 0;
	cr_assert_eq(net_listen_unix(path, 0600), -1);
	cr_assert_eq(errno, EADDRINUSE);
	(void)close(listener);
}

/* In place of the C library's: is the path there before the socket listens? */
static bool appeared_early;

int
listen(int fd, int backlog)
{
	struct stat st;

	appeared_early = appeared_early || lstat(path, &st) == 0;
	return (int)syscall(SYS_listen, fd, backlog);
}

Test(net, the_path_of_a_unix_socket_appears_once_it_listens, .init = make_dir, .fini = remove_dir)
{
	char text[sizeof((struct sockaddr_un *)0)->sun_path];
	size_t n = strlen(path);
	int listener = net_listen_unix(path, 0600);

	cr_assert_geq(listener, 0);
	cr_assert_not(appeared_early);
	(void)close(listener);
	/* Another name is not left behind, and not needed where it has no room. */
	cr_assert_eq(unlink(path), 0);
	memset(text, 'p', sizeof text);
	memcpy(text, path, n);
	text[sizeof text - 1] = '\0';
	listener = net_listen_unix(text, 0600);
	cr_assert_geq(listener, 0);
	(void)close(listener);
	cr_assert_eq(unlink(text), 0);
	cr_assert_eq(rmdir(dir), 0);
	cr_assert_eq(mkdir(dir, 0700), 0);
}

Test(net, what_is_no_socket_is_left_alone, .init = make_dir, .fini = remove_dir)
{
	struct stat st;
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	(void)close(fd);
	errno = 0;
	cr_assert_eq(net_listen_unix(path, 0600), -1);
	cr_assert_eq(errno, ENOTSOCK);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(S_ISREG(st.st_mode));
}

Test(net, a_link_is_not_followed, .init = make_dir, .fini = remove_dir)
{
	cr_assert_eq(symlink("elsewhere", path), 0);
	errno = 0;
	cr_assert_eq(net_listen_unix(path, 0600), -1);
	cr_assert_eq(errno, ENOTSOCK);
}

Test(net, a_unix_path_must_fit)
{
	char text[sizeof((struct sockaddr_un *)0)->sun_path + 1];

	memset(text, 'p', sizeof text);
	text[sizeof text - 1] = '\0';
	errno = 0;
	cr_assert_eq(net_listen_unix(text, 0600), -1);
	cr_assert_eq(errno, ENAMETOOLONG);
	errno = 0;
	cr_assert_eq(net_connect_unix(text), -1);
	cr_assert_eq(errno, ENAMETOOLONG);
	text[sizeof text - 2] = '\0';
	errno = 0;
	cr_assert_eq(net_connect_unix(text), -1);
	cr_assert_eq(errno, ENOENT);
}

Test(net, an_empty_unix_path_is_refused)
{
	errno = 0;
	cr_assert_eq(net_listen_unix("", 0600), -1);
	cr_assert_eq(errno, EINVAL);
}

Test(net, unix_failures_keep_no_descriptor, .init = make_dir, .fini = remove_dir)
{
	int next = dup(0);

	(void)close(next);
	errno = 0;
	cr_assert_eq(net_connect_unix(path), -1);
	cr_assert_eq(errno, ENOENT);
	(void)snprintf(path, sizeof path, "%s/no/one", dir);
	errno = 0;
	cr_assert_eq(net_listen_unix(path, 0600), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(dup(0), next);
	(void)close(next);
}

Test(net, the_limit_of_open_files_is_raised_but_never_lowered)
{
	struct rlimit l;
	rlim_t hard;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	hard = l.rlim_max;
	l.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
	cr_assert_eq(net_raise_nofile(100), 100);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	cr_assert_eq(l.rlim_cur, 100);
	cr_assert_eq(net_raise_nofile(10), 100);
	cr_assert_eq(net_raise_nofile(ULONG_MAX), hard);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
	cr_assert(l.rlim_cur == hard && l.rlim_max == hard);
}
