/* ends.c - see ends.h. */
#include "ends.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { EVENTS = 256, CHUNK = 65536, BACKLOG = 4096, FILES = 19000 };

static struct {
	const struct ends_ops *ops;
	int epoll, listener;
	struct end *changed;
} loop;

/* At the end of the turn something is to be done with it. */
static void
list(struct end *e)
{
	if (e->listed)
		return;
	e->listed = true;
	e->next = loop.changed;
	loop.changed = e;
}

static void
control(int op, struct end *e, int fd, bool write)
{
	struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = e};

	if (epoll_ctl(loop.epoll, op, fd, &ev) < 0)
		abort();
}

static struct end *
end_new(int fd)
{
	struct end *e = calloc(1, sizeof *e);

	if (e == NULL)
		abort();
	e->fd = fd;
	control(EPOLL_CTL_ADD, e, fd, false);
	return e;
}

struct end *
end_connect(const struct addr *to)
{
	int fd = net_connect(to);

	return fd < 0 ? NULL : end_new(fd);
}

void
end_put(struct end *e, struct span s)
{
	if (e->fd < 0)
		return;
	if (buf_append_span(&e->out, s) < 0)
		abort();
	list(e);
}

void
end_close(struct end *e)
{
	if (e->fd < 0)
		return;
	(void)close(e->fd);
	e->fd = -1;
	list(e);
}

static void
lose(struct end *e)
{
	end_close(e);
	loop.ops->on_close(e);
}

static void
end_write(struct end *e)
{
	bool blocked = false;

	while (buf_len(&e->out) > 0 && !blocked) {
		struct span s = buf_span(&e->out);
		ssize_t n = send(e->fd, s.p, s.n, MSG_NOSIGNAL);

		blocked = n < 0 && errno == EAGAIN;
		if (n < 0 && !blocked) {
			lose(e);
			return;
		}
		buf_consume(&e->out, blocked ? 0 : (size_t)n);
	}
	if (blocked != e->wants_write)
		control(EPOLL_CTL_MOD, e, e->fd, blocked);
	e->wants_write = blocked;
}

static void
end_read(struct end *e)
{
	char *room = buf_reserve(&e->in, CHUNK);
	ssize_t n;

	if (room == NULL)
		abort();
	n = recv(e->fd, room, CHUNK, 0);
	if (n > 0) {
		buf_commit(&e->in, (size_t)n);
		loop.ops->on_bytes(e);
	} else if (n == 0 || errno != EAGAIN) {
		lose(e);
	}
}

static void
accept_all(void)
{
	int fd, on = 1;

	while ((fd = accept4(loop.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
			abort();
		loop.ops->on_accept(end_new(fd));
	}
}

static void
settle(void)
{
	while (loop.changed != NULL) {
		struct end *e = loop.changed;

		loop.changed = e->next;
		e->listed = false;
		if (e->fd >= 0) {
			end_write(e);
		} else {
			buf_release(&e->in);
			buf_release(&e->out);
			free(e);
		}
	}
}

int
ends_begin(const struct ends_ops *ops)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct addr any;

	loop.ops = ops;
	(void)net_raise_nofile(FILES);
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop.epoll < 0 || addr_numeric(&any, "127.0.0.1", 0) < 0)
		return -1;
	loop.listener = net_listen(&any, BACKLOG);
	if (loop.listener < 0 || net_local(loop.listener, &any) < 0 ||
	    epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.listener, &ev) < 0)
		return -1;
	return printf("%u\n", (unsigned)addr_port(&any)) < 0 || fflush(stdout) == EOF ? -1 : 0;
}

int
ends_run(void)
{
	struct epoll_event ev[EVENTS];

	for (;;) {
		int n = epoll_wait(loop.epoll, ev, EVENTS, -1);

		if (n < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < n; i++) {
			struct end *e = ev[i].data.ptr;

			if (e == NULL)
				accept_all();
			else if (e->fd >= 0 && (ev[i].events & ~(unsigned)EPOLLOUT))
				end_read(e);
			else if (e->fd >= 0)
				end_write(e);
		}
		settle();
	}
}
