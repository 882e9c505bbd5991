/* net: sockets that listen and connect. */
#include "net.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATIENCE = 10000 }; /* ms until a wait counts as failed */

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
accepted(int listener, struct addr_peer *peer)
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
	struct addr_peer peer, own;
	struct addr at, local;
	int listener = listen_at("127.0.0.1", &at);
	int client = connected(&at);
	int server = accepted(listener, &peer);
	char c;

	cr_assert_eq(net_local(client, &local), 0);
	addr_peer_of(&own, &local);
	cr_assert(addr_peer_is_same_host(&own, &peer) && own.port == peer.port);
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
	struct addr_peer peer;
	struct addr at;
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
	struct addr_peer peer;
	struct addr at;
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
	struct addr_peer peer;
	struct addr at;
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
	struct addr_peer peer;
	struct addr at, v4;
	int listener = listen_at("::", &at), client;

	if (listener < 0)
		cr_skip_test("no IPv6 here");
	cr_assert_eq(addr_numeric(&v4, "127.0.0.1", addr_port(&at)), 0);
	client = connected(&v4);
	(void)close(accepted(listener, &peer));
	cr_assert_eq(peer.family, AF_INET6);
	cr_assert(addr_peer_is_loopback(&peer));
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

Test(net, over_loopback_a_connect_is_decided_when_it_is_asked_once_more)
{
	struct addr at;
	int listener = listen_at("127.0.0.1", &at), fd;

	fd = net_connect(&at);
	cr_assert_geq(fd, 0);
	cr_assert_eq(net_connect_decided(fd, &at), 0);
	(void)close(fd);
	(void)close(listener);
	fd = net_connect(&at);
	if (fd < 0) /* that is as good */
		return;
	cr_assert_eq(net_connect_decided(fd, &at), ECONNREFUSED);
	(void)close(fd);
}

Test(net, the_result_of_no_socket_is_an_error)
{
	cr_assert_eq(net_connect_result(-1), EBADF);
}

Test(net, a_connection_that_was_reset_while_waiting_is_not_fatal)
{
	struct addr_peer peer;
	struct addr at;
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
	struct addr_peer peer;
	struct addr at;
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
	struct addr_peer peer;
	struct addr at;
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

/* In place of the C library's. */
static bool options_fail;

int
getsockopt(int fd, int level, int option, void *value, socklen_t *n)
{
	if (!options_fail)
		return (int)syscall(SYS_getsockopt, fd, level, option, value, n);
	errno = ECONNRESET;
	return -1;
}

/* Of an address that the kernel chooses. */
static int
listen_raw(sa_family_t family, struct addr *at)
{
	const struct sockaddr any = {.sa_family = family};
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, &any, family == AF_UNIX ? sizeof family : sizeof any), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(net_local(fd, at), 0);
	return fd;
}

Test(net, connections_that_fail_right_after_the_accept_are_skipped)
{
	struct addr_peer peer;
	struct addr at;
	int fd, listener = listen_raw(AF_UNIX, &at), client = connected(&at);

	wait_for(listener, POLLIN);
	options_fail = true;
	cr_assert_eq(net_accept(listener, &fd, &peer), NET_NONE);
	cr_assert_eq(fd, -1);
	(void)close(client);
	(void)close(listener);
}

Test(net, a_listener_of_somebody_else_is_told_not_to_delay)
{
	struct addr_peer peer;
	struct addr at;
	int listener = listen_raw(AF_INET, &at), client, server;

	cr_assert_eq(net_accept_undelayed(listener), 0);
	client = connected(&at);
	server = accepted(listener, &peer);
	cr_assert(has_nodelay(server));
	(void)close(server);
	(void)close(client);
	(void)close(listener);
	listener = listen_raw(AF_UNIX, &at);
	cr_assert_eq(net_accept_undelayed(listener), 0, "nothing delays there");
	(void)close(listener);
	cr_assert_eq(net_accept_undelayed(listener), -1);
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

/* ---- Unix sockets ---- */

Test(net, who_listens_at_a_unix_socket_is_known_to_whoever_connects)
{
	struct addr at;
	char name[64];
	const char *why;
	int server, client;

	(void)snprintf(name, sizeof name, "unix:@net-test-%d", (int)getpid());
	cr_assert_eq(addr_unix(&at, name, &why), 0);
	server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(server, &at.u.sa, at.len), 0);
	cr_assert_eq(listen(server, 5), 0);
	client = net_connect(&at);
	cr_assert_geq(client, 0);
	cr_assert(net_listener_is_of(client, geteuid()));
	cr_assert_not(net_listener_is_of(client, geteuid() + 1));
	cr_assert_not(net_listener_is_of(-1, geteuid()));
	(void)close(client);
	(void)close(server);
}

Test(net, what_keeps_it_from_a_unix_socket_is_told_with_the_way_out)
{
	struct addr at;
	char name[64];
	const char *why;
	int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(name, sizeof name, "unix:/tmp/net-test-%d", (int)getpid());
	cr_assert_eq(addr_unix(&at, name, &why), 0);
	cr_assert_eq(bind(server, &at.u.sa, at.len), 0);
	cr_assert_eq(net_connect(&at), -1);
	cr_assert_eq(errno, ESOCKTNOSUPPORT);
	cr_assert_not_null(strstr(net_error_text(errno), "no stream socket"));
	cr_assert_not_null(strstr(net_error_text(ENOENT), "ENOENT"));
	cr_assert_not_null(strstr(net_error_text(EACCES), "mode or owner"));
	cr_assert_not_null(strstr(net_error_text(EAGAIN), "backlog is full"));
	(void)unlink(addr_path(&at));
	(void)close(server);
}

Test(net, a_round_trip_is_known_of_a_tcp_connection_alone)
{
	struct addr at;
	struct addr_peer peer;
	int listener = listen_at("127.0.0.1", &at), fd = connected(&at);
	int other = accepted(listener, &peer);

	cr_assert_gt(net_round_trip_ms(fd), 0);
	cr_assert_lt(net_round_trip_ms(fd), PATIENCE);
	cr_assert_eq(net_round_trip_ms(-1), 0);
	(void)close(other);
	(void)close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(net_round_trip_ms(fd), 0);
	(void)close(fd);
	(void)close(listener);
}
