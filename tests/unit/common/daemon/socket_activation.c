/* socket_activation: sockets at their places, in a child, as a service manager hands them over. */
#include "socket_activation.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "net_unix.h"

enum { TCP, UNIX, TCP_SILENT, UDP, PIPE };

static int
make(int what)
{
	struct addr a;
	const char *why;
	int p[2];

	cr_assert_eq(addr_numeric(&a, "127.0.0.1", 0), 0);
	switch (what) {
	case TCP: return net_listen(&a, 5);
	case TCP_SILENT: return socket(AF_INET, SOCK_STREAM, 0);
	case UNIX:
		cr_assert_eq(addr_unix(&a, "unix:@activation-test", &why), 0);
		return net_unix_listen(&a, &(struct net_unix_rights){0600, 0, 0}, 5);
	case UDP: return socket(AF_INET, SOCK_DGRAM, 0);
	default: return pipe(p) < 0 ? -1 : p[0];
	}
}

/* In a child whose descriptors from 3 on are of those kinds: where the first of them listens. */
static struct addr
lay(const int *what, int n, const char *pid, const char *fds)
{
	struct addr first = {0};
	char text[16];
	int high[8];

	for (int i = 0; i < n; i++) {
		high[i] = fcntl(make(what[i]), F_DUPFD, 100);
		cr_assert_geq(high[i], 100);
	}
	for (int fd = 3; fd < 100; fd++)
		(void)close(fd);
	for (int i = 0; i < n; i++)
		cr_assert_eq(dup2(high[i], 3 + i), 3 + i);
	for (int i = 0; i < n; i++)
		(void)close(high[i]);
	(void)snprintf(text, sizeof text, "%d", (int)getpid());
	cr_assert_eq(setenv("LISTEN_PID", pid != NULL ? pid : text, 1), 0);
	cr_assert_eq(setenv("LISTEN_FDS", fds, 1), 0);
	cr_assert_eq(setenv("LISTEN_FDNAMES", "x", 1), 0);
	socket_activation_open();
	if (n > 0 && what[0] == TCP)
		cr_assert_eq(net_local(3, &first), 0);
	return first;
}

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A descriptor table of its own; true when f came to its end. */
static int
in_child(void (*f)(void))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		f();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define EXPECT(what)                                                        \
	do {                                                                \
		if (!(what)) {                                              \
			(void)fprintf(stderr, "%d: %s\n", __LINE__, #what); \
			_exit(1);                                           \
		}                                                           \
	} while (0)

static void
single(void)
{
	struct addr other, at = lay((int[]){TCP}, 1, NULL, "1"), got;

	EXPECT(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
	EXPECT(getenv("LISTEN_FDNAMES") == NULL);
	EXPECT(addr_numeric(&other, "127.0.0.1", 1) == 0);
	EXPECT(socket_activation_listener(&other, true) == 3);
	EXPECT(net_local(3, &got) == 0 && addr_eq(&got, &at));
	EXPECT(fcntl(3, F_GETFD) & FD_CLOEXEC);
	EXPECT(fcntl(3, F_GETFL) & O_NONBLOCK);
	EXPECT(socket_activation_listener(&other, true) == -1);
	socket_activation_end();
	EXPECT(is_open(3));
}

Test(inherit, the_only_socket_is_taken_wherever_it_listens)
{
	cr_assert(in_child(single));
}

static void
several(void)
{
	struct addr at = lay((int[]){TCP, TCP, TCP}, 3, NULL, "3"), second, other;

	EXPECT(net_local(4, &second) == 0);
	EXPECT(addr_numeric(&other, "127.0.0.1", 1) == 0);
	EXPECT(socket_activation_listener(&other, true) == -1);
	EXPECT(socket_activation_listener(&second, true) == 4);
	EXPECT(socket_activation_listener(&at, true) == 3);
	socket_activation_end();
	EXPECT(is_open(3) && is_open(4) && !is_open(5));
}

Test(inherit, of_several_the_one_at_the_address_is_taken_and_the_rest_closed)
{
	cr_assert(in_child(several));
}

/* Where several are wanted, the only one is no more than what it is. */
static void
not_alone(void)
{
	struct addr at = lay((int[]){TCP}, 1, NULL, "1"), other;

	EXPECT(addr_numeric(&other, "127.0.0.1", 1) == 0);
	EXPECT(socket_activation_listener(&other, false) == -1);
	EXPECT(socket_activation_listener(&at, false) == 3);
}

static void
of_unix(void)
{
	struct addr at, tcp;
	const char *why;

	(void)lay((int[]){UNIX, TCP}, 2, NULL, "2");
	EXPECT(addr_unix(&at, "unix:@activation-test", &why) == 0);
	EXPECT(addr_numeric(&tcp, "127.0.0.1", 1) == 0);
	EXPECT(socket_activation_listener(&tcp, false) == -1);
	EXPECT(socket_activation_listener(&at, false) == 3);
	socket_activation_end();
	EXPECT(!is_open(4));
}

Test(inherit, unix_sockets_are_found_by_their_name_too)
{
	cr_assert(in_child(not_alone));
	cr_assert(in_child(of_unix));
}

static void
wrong(int what)
{
	struct addr any;

	(void)lay(&what, 1, NULL, "1");
	EXPECT(addr_numeric(&any, "127.0.0.1", 0) == 0);
	EXPECT(socket_activation_listener(&any, true) == -1);
	socket_activation_end();
	EXPECT(!is_open(3));
}

static void
silent(void)
{
	wrong(TCP_SILENT);
}

static void
udp(void)
{
	wrong(UDP);
}

static void
a_pipe(void)
{
	wrong(PIPE);
}

Test(inherit, what_cannot_be_accepted_from_is_closed)
{
	cr_assert(in_child(silent));
	cr_assert(in_child(udp));
	cr_assert(in_child(a_pipe));
}

static void
not_ours(void)
{
	struct addr any;

	(void)lay((int[]){TCP}, 1, "1", "1");
	EXPECT(addr_numeric(&any, "127.0.0.1", 0) == 0);
	EXPECT(getenv("LISTEN_PID") == NULL);
	EXPECT(socket_activation_listener(&any, true) == -1);
	socket_activation_end();
	EXPECT(is_open(3));
}

static void
nonsense(void)
{
	static const char *const fds[] = {"", "-1", "x", "1x", "99999999999999999999", "0"};
	struct addr any;

	EXPECT(addr_numeric(&any, "127.0.0.1", 0) == 0);
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		(void)lay((int[]){TCP}, 1, NULL, fds[i]);
		EXPECT(socket_activation_listener(&any, true) == -1);
	}
	(void)lay((int[]){TCP}, 1, NULL, "5"); /* more than there are */
	socket_activation_end();
}

Test(inherit, sockets_meant_for_another_process_are_left_alone)
{
	cr_assert(in_child(not_ours));
}

Test(inherit, a_number_that_is_none_gives_nothing)
{
	cr_assert(in_child(nonsense));
}
