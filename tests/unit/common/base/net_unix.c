/* net_unix: listening at a Unix socket. */
#include "net_unix.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

enum { PATIENCE = 10000 }; /* ms until a wait counts as failed */

static char dir[] = "/tmp/net-unix-test-XXXXXX";
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

static void
expect_flags(int fd, bool nonblocking)
{
	cr_assert_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	cr_assert_eq((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, nonblocking);
}

/* ---- as the daemons listen ---- */

static const struct net_unix_rights ours = {0660, (uid_t)-1, (gid_t)-1};

static struct addr
named(const char *text)
{
	struct addr a;
	const char *why;

	cr_assert_eq(addr_unix(&a, text, &why), 0, "%s", why);
	return a;
}

static struct addr
at_path(void)
{
	struct addr a;

	cr_assert_eq(addr_unix_path(&a, path), 0);
	return a;
}

static void
expect_connection(int listener, const struct addr *at)
{
	struct addr_peer peer;
	int server, client = net_connect(at);
	char c, text[ADDR_TEXT], wanted[ADDR_TEXT];

	cr_assert_geq(client, 0, "%s", strerror(errno));
	expect_flags(client, true);
	wait_for(client, POLLOUT);
	cr_assert_eq(net_connect_result(client), 0);
	wait_for(listener, POLLIN);
	cr_assert_eq(net_accept(listener, &server, &peer), NET_ACCEPTED);
	expect_flags(server, true);
	cr_assert_eq(write(client, "x", 1), 1);
	cr_assert_eq(read(server, &c, 1), 1);
	(void)snprintf(wanted, sizeof wanted, "unix:uid=%u,pid=%d", (unsigned)getuid(),
		       (int)getpid());
	cr_assert_str_eq(addr_peer_text(&peer, text), wanted);
	cr_assert_eq(net_accept(listener, &server, &peer), NET_NONE);
	(void)close(client);
	(void)close(server);
}

Test(net_unix, who_connects_to_a_path_is_accepted_and_known_by_user, .init = make_dir,
     .fini = remove_dir)
{
	struct addr at = at_path();
	int listener = net_unix_listen(&at, &ours, 16);
	struct stat st;

	cr_assert_geq(listener, 0, "%s", strerror(errno));
	expect_flags(listener, true);
	cr_assert(net_is_listening(listener));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0660);
	expect_connection(listener, &at);
	(void)close(listener);
}

Test(net_unix, an_abstract_name_needs_no_path)
{
	char text[ADDR_TEXT];
	struct addr at, local;
	int listener;

	(void)snprintf(text, sizeof text, "unix:@policypool-test-%d", (int)getpid());
	at = named(text);
	listener = net_unix_listen(&at, &ours, 16);
	cr_assert_geq(listener, 0, "%s", strerror(errno));
	cr_assert_eq(net_local(listener, &local), 0);
	cr_assert(addr_eq(&local, &at));
	expect_connection(listener, &at);
	errno = 0;
	cr_assert_eq(net_unix_listen(&at, &ours, 16), -1);
	cr_assert_eq(errno, EADDRINUSE);
	(void)close(listener);
}

Test(net_unix, the_socket_is_given_to_a_group, .init = make_dir, .fini = remove_dir)
{
	struct net_unix_rights r = ours;
	struct addr at = at_path();
	struct stat st;
	int listener;

	r.group = getgid() == 0 ? 12345 : getgid();
	listener = net_unix_listen(&at, &r, 16);
	cr_assert_geq(listener, 0, "%s", strerror(errno));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_gid, r.group);
	cr_assert_eq(st.st_uid, getuid());
	(void)close(listener);
}

/* Without root's right to give things away.  The exit status. */
static int
give_away(void)
{
	struct net_unix_rights r = ours;
	struct addr at = at_path();

	if (getuid() == 0 && (chown(dir, 12345, 12345) < 0 || setuid(12345) < 0))
		return 1;
	r.owner = 0;
	errno = 0;
	return net_unix_listen(&at, &r, 16) >= 0 || errno != EPERM ? 2 : 0;
}

Test(net_unix, whoever_may_not_give_it_away_leaves_nothing, .init = make_dir, .fini = remove_dir)
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(give_away());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(rmdir(dir), 0, "nothing is left");
}

Test(net_unix, a_full_backlog_is_a_shortage, .init = make_dir, .fini = remove_dir)
{
	struct addr at = at_path();
	int listener = net_unix_listen(&at, &ours, 0), client;

	cr_assert_geq(listener, 0);
	client = net_connect(&at);
	cr_assert_geq(client, 0);
	errno = 0;
	cr_assert_eq(net_connect(&at), -1);
	cr_assert_eq(errno, EAGAIN);
	cr_assert_not_null(net_shortage(errno));
	(void)close(client);
	(void)close(listener);
}

Test(net_unix, one_where_nobody_is_refuses_at_once, .init = make_dir, .fini = remove_dir)
{
	struct addr at = at_path();
	int listener;

	errno = 0;
	cr_assert_eq(net_connect(&at), -1);
	cr_assert_eq(errno, ENOENT);
	listener = net_unix_listen(&at, &ours, 16);
	(void)close(listener);
	errno = 0;
	cr_assert_eq(net_connect(&at), -1);
	cr_assert_eq(errno, ECONNREFUSED);
}

Test(net_unix, one_that_was_shut_down_is_known_and_never_listens_again, .init = make_dir,
     .fini = remove_dir)
{
	struct addr at = at_path();
	int listener = net_unix_listen(&at, &ours, 16), client = net_connect(&at);

	cr_assert(listener >= 0 && client >= 0);
	cr_assert(net_is_listening(listener), "with somebody who waits");
	cr_assert_eq(shutdown(listener, SHUT_RDWR), 0);
	cr_assert_not(net_is_listening(listener));
	errno = 0;
	cr_assert_eq(net_listen_again(listener, &at, 16), -1);
	cr_assert_eq(errno, ESHUTDOWN);
	(void)close(client);
	(void)close(listener);
}

Test(net_unix, what_is_at_a_path_is_known_again, .init = make_dir, .fini = remove_dir)
{
	struct addr at = at_path();
	struct net_unix_name name, none;
	char aside[sizeof path + 8];
	int listener, other;

	(void)snprintf(aside, sizeof aside, "%s.aside", path);
	net_unix_remember(&none, path);
	cr_assert_not(net_unix_is_there(&none, path));
	listener = net_unix_listen(&at, &ours, 16);
	net_unix_remember(&name, path);
	cr_assert(net_unix_is_there(&name, path));
	cr_assert_eq(rename(path, aside), 0);
	cr_assert_not(net_unix_is_there(&name, path));
	other = net_unix_listen(&at, &ours, 16);
	cr_assert_geq(other, 0);
	cr_assert_not(net_unix_is_there(&name, path), "another one's");
	(void)unlink(aside);
	(void)close(other);
	(void)close(listener);
}

Test(net_unix, tcp_is_not_its_to_listen_at)
{
	struct addr at;

	cr_assert_eq(addr_numeric(&at, "127.0.0.1", 0), 0);
	errno = 0;
	cr_assert_eq(net_unix_listen(&at, &ours, 16), -1);
	cr_assert_eq(errno, EINVAL);
	at = named("unix:@x");
	errno = 0;
	cr_assert_eq(net_listen(&at, 16), -1);
	cr_assert_eq(errno, EAFNOSUPPORT);
}

/* ---- a control socket ---- */

Test(net_unix, unix_sockets_connect, .init = make_dir, .fini = remove_dir)
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

Test(net_unix, a_unix_socket_has_the_mode_asked_for, .init = make_dir, .fini = remove_dir)
{
	expect_mode(022, 0600);
	expect_mode(077, 0666);
	expect_mode(0, 0660);
}

Test(net_unix, the_path_of_a_dead_process_is_taken_over, .init = make_dir, .fini = remove_dir)
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

Test(net_unix, the_path_of_a_living_process_is_in_use, .init = make_dir, .fini = remove_dir)
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

Test(net_unix, a_living_process_that_does_not_accept_is_in_use, .init = make_dir,
     .fini = remove_dir)
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

Test(net_unix, the_path_of_a_unix_socket_appears_once_it_listens, .init = make_dir,
     .fini = remove_dir)
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

Test(net_unix, what_is_no_socket_is_left_alone, .init = make_dir, .fini = remove_dir)
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

Test(net_unix, a_link_is_not_followed, .init = make_dir, .fini = remove_dir)
{
	cr_assert_eq(symlink("elsewhere", path), 0);
	errno = 0;
	cr_assert_eq(net_listen_unix(path, 0600), -1);
	cr_assert_eq(errno, ENOTSOCK);
}

Test(net_unix, a_unix_path_must_fit)
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

Test(net_unix, an_empty_unix_path_is_refused)
{
	errno = 0;
	cr_assert_eq(net_listen_unix("", 0600), -1);
	cr_assert_eq(errno, EINVAL);
}

Test(net_unix, unix_failures_keep_no_descriptor, .init = make_dir, .fini = remove_dir)
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
