/* epoll_exclusive.c - see epoll_exclusive.h. */
#include "epoll_exclusive.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

enum { MOST = 1024 }; /* descriptors that are tried: a loop is opened early in a process's life */

/* As libevent has it: by the descriptor it knows whose event that is. */
static struct epoll_event
readable(int fd, uint32_t more)
{
	struct epoll_event ev;

	memset(&ev, 0, sizeof ev);
	ev.events = EPOLLIN | more;
	ev.data.fd = fd;
	return ev;
}

/* What is there is changed to the same; that fails with every other descriptor. */
int
epoll_exclusive_find(struct event_base *base, int fd)
{
	struct epoll_event same = readable(fd, 0);

	if (strcmp(event_base_get_method(base), "epoll") != 0)
		return -1;
	for (int epoll = 0; epoll < MOST; epoll++)
		if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &same) == 0)
			return epoll;
	return -1;
}

/* The flag can't be given to what is there already. */
int
epoll_exclusive_add(int epoll, int fd)
{
	struct epoll_event ev = readable(fd, EPOLLEXCLUSIVE);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	epoll_exclusive_remove(epoll, fd);
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

void
epoll_exclusive_remove(int epoll, int fd)
{
	struct epoll_event none = readable(fd, 0);

	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &none); /* or it is there no more */
}
