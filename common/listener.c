/* listener.c - see listener.h. */
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "net.h"
#include "share.h"

enum {
	BURST = 64,	/* connections accepted per wake */
	PAUSE_MS = 100, /* when the system is exhausted */
	PASS_MS = 2	/* for another worker to take a connection that was left to it */
};

struct listener {
	int fd;
	unsigned limit, taken;
	listener_fn *on_accept;
	void *ctx;
	struct event *readable;
	struct event *pause_over;
	struct scoreboard *scoreboard; /* NULL: not shared */
	unsigned slot;
	struct share share;
	bool passing; /* held for another worker, until pause_over at the latest */
};

/* What the other workers go by. */
static void
tell(struct listener *l, bool accepting)
{
	if (l->scoreboard != NULL)
		scoreboard_set(&scoreboard_row(l->scoreboard, l->slot)->accepting, accepting);
}

/* Not for now; the others may still leave connections to this one. */
static void
hold(struct listener *l)
{
	(void)event_del(l->readable);
}

static void
stop(struct listener *l)
{
	tell(l, false);
	hold(l);
}

static void
go_on(struct listener *l)
{
	tell(l, true);
	if (event_add(l->readable, NULL) < 0)
		log_event(LOG_ERROR, "cannot go on accepting", NULL);
}

static void
come_back(struct listener *l, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(l->pause_over, &tv) < 0)
		go_on(l);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	l->passing = false;
	if (l->taken < l->limit)
		go_on(l);
}

/* Where connections come and go there is nothing to even out, and the next ones may be waiting
 * already. */
static void
stop_passing(struct listener *l)
{
	l->passing = false;
	(void)event_del(l->pause_over);
	go_on(l);
}

/* Somebody else has fewer. */
static bool
passes(struct listener *l)
{
	uint64_t least;

	if (l->scoreboard == NULL || !scoreboard_least(l->scoreboard, l->slot, &least))
		return false;
	return share_passes(&l->share, l->taken, least);
}

static void
on_readable(evutil_socket_t listen_fd, short what, void *arg)
{
	struct listener *l = arg;
	struct addr peer;
	int fd;

	(void)what;
	for (int i = 0; i < BURST && l->taken < l->limit; i++) {
		if (passes(l)) {
			hold(l);
			l->passing = true;
			come_back(l, PASS_MS);
			return;
		}
		switch (net_accept(listen_fd, &fd, &peer)) {
		case NET_ACCEPTED:
			l->taken++;
			share_took(&l->share);
			l->on_accept(fd, &peer, l->ctx);
			break;
		case NET_NONE: return;
		case NET_EXHAUSTED:
			log_errno(LOG_WARN, "accepting pauses", "connections=%u", l->taken);
			stop(l);
			come_back(l, PAUSE_MS);
			return;
		case NET_FAILED:
			log_errno(LOG_ERROR, "cannot accept", NULL);
			stop(l);
			come_back(l, PAUSE_MS);
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
	tell(l, false);
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
	share_gave_back(&l->share);
	if (l->passing)
		stop_passing(l);
	if (l->taken-- == l->limit && !event_pending(l->pause_over, EV_TIMEOUT, NULL))
		go_on(l);
}

void
listener_share(struct listener *l, struct scoreboard *scoreboard, unsigned slot)
{
	l->scoreboard = scoreboard;
	l->slot = slot;
	tell(l, true);
}
