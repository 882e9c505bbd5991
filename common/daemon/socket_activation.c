/* socket_activation.c - see socket_activation.h. */
#include "socket_activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "net.h"

enum { FIRST = 3, MOST = 64 };

/* Of this process. */
static struct {
	int fd[MOST]; /* -1: taken, or none at all */
	unsigned n;
} given;

/* The number in a variable, which is taken away; -1 where there is none. */
static long
take_number(const char *name)
{
	const char *text = getenv(name);
	long n = -1;
	char *end;

	if (text != NULL && text[0] >= '0' && text[0] <= '9') {
		errno = 0;
		n = strtol(text, &end, 10);
		if (errno != 0 || *end != '\0')
			n = -1;
	}
	(void)unsetenv(name);
	return n;
}

void
socket_activation_open(void)
{
	int saved = errno;
	long pid = take_number("LISTEN_PID"), n = take_number("LISTEN_FDS");

	(void)unsetenv("LISTEN_FDNAMES");
	given.n = 0;
	if (pid != (long)getpid() || n <= 0)
		return;
	if (n > MOST) {
		log_event(LOG_WARN, "too many sockets given", "count=%ld used=%d", n, (int)MOST);
		n = MOST;
	}
	for (; given.n < (unsigned)n; given.n++) {
		int fd = FIRST + (int)given.n;
		given.fd[given.n] = fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd;
	}
	errno = saved;
}

static bool
option_is(int fd, int option, int wanted)
{
	int value;
	socklen_t n = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 && value == wanted;
}

/* What is wrong with it, or NULL: it can be accepted from. */
static const char *
judge(int fd, struct addr *where)
{
	if (!option_is(fd, SO_TYPE, SOCK_STREAM))
		return "not a stream socket";
	if (!option_is(fd, SO_ACCEPTCONN, 1))
		return "not a listening socket";
	if ((!option_is(fd, SO_PROTOCOL, IPPROTO_TCP) && !option_is(fd, SO_DOMAIN, AF_UNIX)) ||
	    net_local(fd, where) < 0)
		return "neither a TCP nor a Unix socket";
	return NULL;
}

static int
take(unsigned i, const struct addr *where)
{
	int fd = given.fd[i], flags = fcntl(fd, F_GETFL);
	char text[ADDR_TEXT];

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		log_errno(LOG_ERROR, "cannot use the socket given", "fd=%d", fd);
		return -1;
	}
	given.fd[i] = -1;
	log_event(LOG_INFO, "listening on the socket given", "fd=%d address=%s", fd,
		  addr_text(where, text));
	return fd;
}

int
socket_activation_listener(const struct addr *wanted, bool alone)
{
	struct addr where;

	for (unsigned i = 0; i < given.n; i++) {
		if (given.fd[i] < 0 || judge(given.fd[i], &where) != NULL)
			continue;
		if ((given.n == 1 && alone) || addr_eq(&where, wanted))
			return take(i, &where);
	}
	return -1;
}

void
socket_activation_end(void)
{
	for (unsigned i = 0; i < given.n; i++) {
		struct addr where;
		const char *why;

		if (given.fd[i] < 0)
			continue;
		why = judge(given.fd[i], &where);
		log_event(LOG_WARN, "a socket given is not used", "fd=%d why=%s", given.fd[i],
			  log_quoted(why != NULL ? why : "it listens elsewhere"));
		(void)close(given.fd[i]);
		given.fd[i] = -1;
	}
	given.n = 0;
}
