/* channel.c - see channel.h. */
#include "channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int
channel_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd);
}

/* Room for one descriptor beside the bytes. */
union passed {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void
enclose(struct msghdr *m, union passed *u, int passed)
{
	struct cmsghdr *c;

	memset(u, 0, sizeof *u);
	m->msg_control = u->space;
	m->msg_controllen = sizeof u->space;
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof passed);
	memcpy(CMSG_DATA(c), &passed, sizeof passed);
}

int
channel_send_with(int fd, enum channel_tag tag, struct span body, int passed)
{
	char first = (char)tag;
	struct iovec part[] = {{&first, 1}, {(void *)(uintptr_t)body.p, body.n}};
	struct msghdr m = {.msg_iov = part, .msg_iovlen = body.n > 0 ? 2 : 1};
	union passed u;
	ssize_t n;

	if (body.n > CHANNEL_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (passed >= 0)
		enclose(&m, &u, passed);
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int
channel_send(int fd, enum channel_tag tag, struct span body)
{
	return channel_send_with(fd, tag, body, -1);
}

/* A side that ends without having read all is told of as an error once, before what it has sent. */
static bool
may_go_on(void)
{
	return errno == EINTR || errno == ECONNRESET;
}

/* What a system call's result says of a message in space. */
static enum channel_result
received(ssize_t n, const char *space, enum channel_tag *tag, struct span *body)
{
	if (n < 0)
		return errno == EAGAIN || errno == ENOMEM || errno == ENOBUFS ? CHANNEL_EMPTY
									      : CHANNEL_FAILED;
	if (n == 0)
		return CHANNEL_ENDED;
	*tag = (enum channel_tag)space[0];
	*body = span_of(space + 1, (size_t)n - 1);
	return CHANNEL_MESSAGE;
}

/* The descriptor that came with a message, -1: none. */
static int
enclosed(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

enum channel_result
channel_receive_with(int fd, char *space, enum channel_tag *tag, struct span *body, int *passed)
{
	struct iovec part = {space, CHANNEL_MAX + 1};
	union passed u;
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = u.space,
			   .msg_controllen = sizeof u.space};
	ssize_t n;

	*passed = -1;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && may_go_on());
	if (n > 0)
		*passed = enclosed(&m);
	return received(n, space, tag, body);
}

enum channel_result
channel_receive(int fd, char *space, enum channel_tag *tag, struct span *body)
{
	ssize_t n;

	do
		n = recv(fd, space, CHANNEL_MAX + 1, 0);
	while (n < 0 && may_go_on());
	return received(n, space, tag, body);
}

int
channel_identify(int fd)
{
	const int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

static pid_t
sender_of(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct ucred sender;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS ||
	    c->cmsg_len != CMSG_LEN(sizeof sender))
		return 0;
	memcpy(&sender, CMSG_DATA(c), sizeof sender);
	return sender.pid;
}

ssize_t
channel_receive_raw(int fd, void *space, size_t n, pid_t *from)
{
	union {
		char space[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} u;
	struct iovec part = {space, n};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = u.space,
			   .msg_controllen = sizeof u.space};
	ssize_t got;

	do
		got = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*from = got > 0 ? sender_of(&m) : 0;
	return got;
}

enum channel_result
channel_receive_from(int fd, char *space, enum channel_tag *tag, struct span *body, pid_t *from)
{
	ssize_t n;

	do
		n = channel_receive_raw(fd, space, CHANNEL_MAX + 1, from);
	while (n < 0 && may_go_on());
	return received(n, space, tag, body);
}
