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
	PASS_MS = 2,	/* for another worker to take a connection that was left to it */
	OF_LATE_MS = 100
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
	enum {
		PASSES_NOT,
		PASSES_COUNT,
		PASSES_LEAD
	} passing;	  /* held for another worker, until
			     pause_over at the latest */
	uint64_t of_late; /* clock_ms(): when that began, and */
	uint64_t *had;	  /* what each worker had accepted by then */
	uint64_t least;	  /* that another has accepted since, as it was seen last */
};

/* What the other workers go by. */
static void
tell(struct listener *l, enum scoreboard_accepting accepting)
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
	tell(l, ACCEPTING_NOT);
	hold(l);
}

static void
go_on(struct listener *l)
{
	tell(l, ACCEPTING);
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

/* What counts as of late begins now. */
static void
begin_anew(struct listener *l, uint64_t now)
{
	l->of_late = now;
	for (unsigned i = 0; l->had != NULL && i < scoreboard_rows(l->scoreboard); i++)
		l->had[i] = scoreboard_get(&scoreboard_row(l->scoreboard, i)->accepted);
}

static uint64_t
least_of_late(const struct listener *l)
{
	uint64_t least = 0;

	return scoreboard_least_accepted(l->scoreboard, l->slot, l->had, &least) ? least
										 : UINT64_MAX;
}

static void
stop_passing(struct listener *l)
{
	l->passing = PASSES_NOT;
	if (l->taken < l->limit)
		go_on(l);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	if (l->passing == PASSES_LEAD) {
		bool taken = least_of_late(l) > l->least;

		share_led(&l->share, taken);
		if (!taken)
			begin_anew(l, clock_ms());
	}
	stop_passing(l);
}

/* One of its own has ended.  Where connections come and go the open ones are nothing to even out,
 * and the next ones may be waiting already; and whoever has nothing to do leaves nothing to others.
 */
static void
judge_passing(struct listener *l)
{
	if (l->passing == PASSES_LEAD && l->taken > 0)
		return;
	(void)event_del(l->pause_over);
	stop_passing(l);
}

/* More of late than another, who is to have a chance as long as there is something to do here. */
static bool
leads(struct listener *l)
{
	uint64_t now = clock_ms(), mine;

	if (l->had == NULL || l->taken == 0)
		return false;
	if (now - l->of_late >= OF_LATE_MS)
		begin_anew(l, now);
	mine = scoreboard_get(&scoreboard_row(l->scoreboard, l->slot)->accepted) - l->had[l->slot];
	l->least = least_of_late(l);
	return l->least != UINT64_MAX && share_leads(&l->share, mine, l->least);
}

/* Somebody else has fewer. */
static bool
passes(struct listener *l)
{
	uint64_t least;

	if (l->scoreboard == NULL || !scoreboard_least(l->scoreboard, l->slot, &least))
		return false;
	if (share_passes(&l->share, l->taken, least))
		l->passing = PASSES_COUNT;
	else if (leads(l))
		l->passing = PASSES_LEAD;
	return l->passing != PASSES_NOT;
}

/* Two that lead, each by its own count, must not wait for each other. */
static void
pass(struct listener *l)
{
	if (l->passing == PASSES_LEAD)
		tell(l, ACCEPTING_LATER);
	hold(l);
	come_back(l, PASS_MS);
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
			pass(l);
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
	tell(l, ACCEPTING_NOT);
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->pause_over != NULL)
		event_free(l->pause_over);
	free(l->had);
	free(l);
}

void
listener_give_back(struct listener *l)
{
	assert(l->taken > 0);
	share_gave_back(&l->share);
	if (l->taken-- == l->limit && !event_pending(l->pause_over, EV_TIMEOUT, NULL))
		go_on(l);
	if (l->passing != PASSES_NOT)
		judge_passing(l);
}

void
listener_share(struct listener *l, struct scoreboard *scoreboard, unsigned slot)
{
	l->scoreboard = scoreboard;
	l->slot = slot;
	l->had = calloc(scoreboard_rows(scoreboard), sizeof *l->had);
	begin_anew(l, clock_ms());
	tell(l, ACCEPTING);
}
