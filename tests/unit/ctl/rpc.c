/* rpc: what a daemon that ends has not read is asked anew, and nothing is ordered twice. */
#include "rpc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_unix.h"

enum { PATIENCE_MS = 30000 };

static char folder[] = "/tmp/policypool-call-XXXXXX";
static char path[64];
static int listener;

static void
await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (poll(&p, 1, PATIENCE_MS) != 1)
		_exit(1);
}

static void
read_request(int fd)
{
	char text[512] = "";
	size_t n = 0;

	while (strstr(text, "]}") == NULL) {
		ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
		if (got <= 0)
			_exit(1);
		n += (size_t)got;
	}
}

/* One connection.  c: closed at once.  u: closed with the request unread.  h: with half of it
 * unread.  f: refused with the request unread.  r: read and closed.  p: with a part of the answer.
 * a: answered. */
static void
serve_one(char how)
{
	static const char answer[] = "{\"ok\":true,\"data\":7}\n";
	static const char full[] = "{\"ok\":false,\"error\":\"full\"}\n";
	char half[10];
	int fd;

	await(listener);
	fd = net_accept_unix(listener);
	if (fd < 0)
		_exit(1);
	if (how != 'c')
		await(fd);
	if (how == 'h' && recv(fd, half, sizeof half, 0) != sizeof half)
		_exit(1);
	if (how == 'f' && send(fd, full, sizeof full - 1, 0) < 0)
		_exit(1);
	if (how == 'p' && send(fd, answer, 4, 0) != 4)
		_exit(1);
	if (how == 'r' || how == 'a')
		read_request(fd);
	if (how == 'a' && send(fd, answer, sizeof answer - 1, 0) < 0)
		_exit(1);
	(void)close(fd);
}

/* What comes of an order to a daemon whose connections go like that, all of which are to be made
 * and no other. */
static enum rpc_result
order(const char *connections, char why[RPC_WHY])
{
	char *args[] = {NULL};
	struct json_object *data;
	enum rpc_result result;
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		for (; *connections != '\0'; connections++)
			serve_one(*connections);
		_exit(0);
	}
	result = rpc_daemon(path, "stop", args, RPC_LIMIT, &data, why);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "fewer connections than expected");
	cr_assert_eq(net_accept_unix(listener), -1, "more connections than expected");
	cr_assert_eq(data != NULL, result == RPC_ANSWERED);
	if (data != NULL)
		cr_assert_eq(json_object_get_int(data), 7);
	(void)json_object_put(data);
	return result;
}

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/sock", folder);
	listener = net_listen_unix(path, 0600);
	cr_assert_geq(listener, 0);
}

static void
tear_down(void)
{
	cr_assert_eq(close(listener), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(rmdir(folder), 0);
}

TestSuite(call, .init = set_up, .fini = tear_down);

Test(call, takes_the_word_of_one_that_has_no_room)
{
	char why[RPC_WHY];

	cr_assert_eq(order("f", why), RPC_REFUSED);
	cr_assert_str_eq(why, "full");
}

Test(call, takes_the_answer)
{
	char why[RPC_WHY];

	cr_assert_eq(order("a", why), RPC_ANSWERED);
}

Test(call, a_request_that_was_not_read_is_asked_anew)
{
	char why[RPC_WHY];

	cr_assert_eq(order("ua", why), RPC_ANSWERED);
	cr_assert_eq(order("ca", why), RPC_ANSWERED);
	cr_assert_eq(order("ha", why), RPC_ANSWERED);
	cr_assert_eq(order("ucuca", why), RPC_ANSWERED);
}

Test(call, asks_anew_a_few_times_only)
{
	char why[RPC_WHY];

	cr_assert_eq(order("uuuuu", why), RPC_UNREACHED);
	cr_assert_not_null(strstr(why, strerror(ECONNRESET)), "%s", why);
}

Test(call, an_order_that_was_read_is_not_given_twice)
{
	char why[RPC_WHY];

	cr_assert_eq(order("r", why), RPC_UNREACHED);
	cr_assert_not_null(strstr(why, strerror(ECONNRESET)), "%s", why);
	cr_assert_eq(order("p", why), RPC_UNREACHED);
}
