/* control_socket.c - see control_socket.h. */
#include "control_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { PAUSE_MS = 200 };

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct control_socket *k = arg;

	(void)fd;
	(void)what;
	if (event_add(k->readable, NULL) < 0)
		log_event(LOG_ERROR, "cannot go on accepting on the control socket", NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct control_socket *k = arg;
	struct timeval tv = clock_timeval(PAUSE_MS);
	int accepted = net_accept_unix(fd);

	(void)what;
	if (accepted >= 0) {
		k->accepted(accepted, k->ctx);
	} else if (errno != EAGAIN) {
		log_limited_errno(LOG_WARN, "cannot accept on the control socket", NULL);
		(void)event_del(k->readable);
		(void)event_add(k->pause_over, &tv);
	}
}

/* Listens there, and accepts in the stead of what did before.  0, or -1 with errno. */
static int
listen_there(struct control_socket *k, mode_t mode)
{
	int fd = net_listen_unix(k->path, mode);
	struct event *readable;

	if (fd < 0)
		return -1;
	readable = event_new(k->base, fd, EV_READ | EV_PERSIST, on_readable, k);
	if (readable == NULL || event_add(readable, NULL) < 0) {
		if (readable != NULL)
			event_free(readable);
		(void)close(fd);
		(void)unlink(k->path);
		errno = ENOMEM;
		return -1;
	}
	if (k->readable != NULL)
		event_free(k->readable);
	(void)event_del(k->pause_over);
	if (k->fd >= 0)
		(void)close(k->fd);
	k->readable = readable;
	k->fd = fd;
	net_unix_remember(&k->name, k->path);
	return 0;
}

static int
init(struct control_socket *k, struct event_base *base, const char *path,
     control_socket_fn *accepted, void *ctx)
{
	*k = (struct control_socket){.fd = -1, .base = base, .accepted = accepted, .ctx = ctx};
	k->path = strdup(path);
	k->pause_over = event_new(base, -1, 0, on_pause_over, k);
	if (k->path != NULL && k->pause_over != NULL)
		return 0;
	errno = ENOMEM;
	return -1;
}

int
control_socket_open(struct control_socket *k, struct event_base *base, const char *path,
		    mode_t mode, control_socket_fn *accepted, void *ctx)
{
	return init(k, base, path, accepted, ctx) < 0 ? -1 : listen_there(k, mode);
}

int
control_socket_adopt(struct control_socket *k, struct event_base *base, int fd, const char *path,
		     control_socket_fn *accepted, void *ctx)
{
	if (init(k, base, path, accepted, ctx) < 0)
		return -1;
	k->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, k);
	if (k->readable == NULL) {
		errno = ENOMEM;
		return -1;
	}
	k->fd = fd;
	k->foreign = true;
	return 0;
}

void
control_socket_go(struct control_socket *k)
{
	if (!k->foreign)
		return;
	k->foreign = false;
	net_unix_remember(&k->name, k->path);
	if (net_listen_unix_again(k->fd) < 0 || event_add(k->readable, NULL) < 0)
		log_event(LOG_ERROR, "cannot accept on the control socket", NULL);
}

void
control_socket_hand_over(struct control_socket *k)
{
	k->foreign = true;
	(void)event_del(k->readable);
	(void)event_del(k->pause_over);
}

int
control_socket_restore(struct control_socket *k, mode_t mode)
{
	if (k->foreign || net_unix_is_there(&k->name, k->path))
		return 0;
	return listen_there(k, mode) < 0 ? -1 : 1;
}

void
control_socket_unlink(const struct control_socket *k)
{
	/* Another daemon may serve there, where ours was removed. */
	if (!k->foreign && net_unix_is_there(&k->name, k->path))
		(void)unlink(k->path);
}

void
control_socket_close(struct control_socket *k)
{
	if (k->readable != NULL)
		event_free(k->readable);
	if (k->pause_over != NULL)
		event_free(k->pause_over);
	if (k->fd >= 0)
		(void)close(k->fd);
	free(k->path);
}
