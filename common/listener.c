/* listener.c - see listener.h. */
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "net.h"

enum {
	BURST = 64,    /* connections accepted per wake */
	PAUSE_MS = 100 /* when the system is exhausted */
};

struct listener {
	int fd;
	unsigned limit, taken;
	listener_fn *on_accept;
	void *ctx;
	struct event *readable;
	struct event *pause_over;
};

static void
stop(struct listener *l)
{
	(void)event_del(l->readable);
}

static void
go_on(struct listener *l)
{
	if (event_add(l->readable, NULL) < 0)
		log_event(LOG_ERROR, "cannot go on accepting", NULL);
}

static void
pause_accepting(struct listener *l)
{
	struct timeval tv = clock_timeval(PAUSE_MS);

	stop(l);
	if (event_add(l->pause_over, &tv) < 0)
		go_on(l);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	if (l->taken < l->limit)
		go_on(l);
}

static void
on_readable(evutil_socket_t listen_fd, short what, void *arg)
{
	struct listener *l = arg;
	struct addr peer;
	int fd;

	(void)what;
	for (int i = 0; i < BURST && l->taken < l->limit; i++) {
		switch (net_accept(listen_fd, &fd, &peer)) {
		case NET_ACCEPTED:
			l->taken++;
			l->on_accept(fd, &peer, l->ctx);
			break;
		case NET_NONE: return;
		case NET_EXHAUSTED:
			log_errno(LOG_WARN, "accepting pauses", "connections=%u", l->taken);
			pause_accepting(l);
			return;
		case NET_FAILED:
			log_errno(LOG_ERROR, "cannot accept", NULL);
			pause_accepting(l);
			return;
		}
	}
	if (l->taken >= l->limit)
		stop(l);
}

struct listener *
listener_new(struct event_base *base, int listen_fd, unsigned limit, listener_fn *fn, void *ctx)
{
	struct listener *l = calloc(1, sizeof *l);

	assert(limit > 0);
	if (l == NULL)
		return NULL;
	l->fd = listen_fd;
	l->limit = limit;
	l->on_accept = fn;
	l->ctx = ctx;
	l->readable = event_new(base, listen_fd, EV_READ | EV_PERSIST, on_readable, l);
	l->pause_over = event_new(base, -1, 0, on_pause_over, l);
	if (l->readable == NULL || l->pause_over == NULL || event_add(l->readable, NULL) < 0) {
		listener_free(l);
		errno = ENOMEM;
		return NULL;
	}
	return l;
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->pause_over != NULL)
		event_free(l->pause_over);
	free(l);
}

void
listener_give_back(struct listener *l)
{
	assert(l->taken > 0);
	if (l->taken-- == l->limit && !event_pending(l->pause_over, EV_TIMEOUT, NULL))
		go_on(l);
}
