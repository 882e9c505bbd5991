/* channel.c - see channel.h. */
#include "channel.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

int
channel_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd);
}

int
channel_send(int fd, enum channel_tag tag, struct span body)
{
	char first = (char)tag;
	struct iovec part[] = {{&first, 1}, {(void *)(uintptr_t)body.p, body.n}};
	struct msghdr m = {.msg_iov = part, .msg_iovlen = body.n > 0 ? 2 : 1};
	ssize_t n;

	if (body.n > CHANNEL_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

enum channel_result
channel_receive(int fd, char *space, enum channel_tag *tag, struct span *body)
{
	ssize_t n;

	do
		n = recv(fd, space, CHANNEL_MAX + 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return CHANNEL_EMPTY;
	if (n <= 0)
		return CHANNEL_ENDED;
	*tag = (enum channel_tag)space[0];
	*body = span_of(space + 1, (size_t)n - 1);
	return CHANNEL_MESSAGE;
}
