/* listener.c - see listener.h. */
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "net.h"

enum {
	BURST = 64,	/* connections accepted per wake */
	PAUSE_MS = 100, /* when the system is exhausted */
	TELL_MS = 1000, /* between two lines in the log of what is the same */
	PASS_MS = 2,	/* for another worker to take a connection that was left to it */
	OF_LATE_MS = 100
};

/* ---- whether to pass ---- */

enum {
	ROW = 3,     /* taken in a row before the balance of workers counts */
	SPARE = 2,   /* more than the least that a worker may have, ... */
	PART = 16,   /* ... and that part of it */
	VAIN = 12,   /* answers in vain that are counted */
	LEAD = 8,    /* taken more of late than another, ... */
	LATE = 8,    /* ... and that part of it */
	UNHEEDED = 8 /* times that it doubles */
};

/* A busy machine may just not have let the other one run: some are taken, more each time. */
static void
in_vain(struct accept_balance *s)
{
	if (s->vain < VAIN)
		s->vain++;
	s->in_a_row = ROW - (1 << s->vain / 2);
}

bool
accept_balance_passes(struct accept_balance *s, uint64_t mine, uint64_t least)
{
	if (least > s->least)
		s->vain = 0;
	else if (s->passed)
		in_vain(s);
	s->passed = s->in_a_row >= ROW && mine > least + SPARE + least / PART;
	if (s->passed)
		s->least = least;
	return s->passed;
}

bool
accept_balance_leads(const struct accept_balance *s, uint64_t mine, uint64_t least)
{
	return mine > least + ((uint64_t)LEAD << s->unheeded) + least / LATE;
}

void
accept_balance_led(struct accept_balance *s, bool taken)
{
	if (taken)
		s->unheeded = 0;
	else if (s->unheeded < UNHEEDED)
		s->unheeded++;
}

void
accept_balance_took(struct accept_balance *s)
{
	if (s->in_a_row < ROW)
		s->in_a_row++;
}

void
accept_balance_gave_back(struct accept_balance *s)
{
	s->in_a_row = 0;
}

/* ---- the listener ---- */

struct listener {
	int fd;
	unsigned limit, taken;
	listener_fn *on_accept;
	void *ctx;
	struct event_base *base;
	struct event *readable[LISTENER_MOST];
	unsigned sockets;
	struct event *pause_over;
	struct counters *scoreboard; /* NULL: not shared */
	unsigned slot;
	struct accept_balance share;
	enum {
		PASSES_NOT,
		PASSES_COUNT,
		PASSES_LEAD
	} passing;	  /* held for another worker, until
			     pause_over at the latest */
	uint64_t of_late; /* clock_ms(): when that began, and */
	uint64_t *had;	  /* what each worker had accepted by then */
	uint64_t least;	  /* that another has accepted since, as it was seen last */
	uint64_t told;	  /* clock_ms(): the last line in the log about a pause */
};

/* What the other workers go by. */
static void
tell(struct listener *l, enum scoreboard_accepting accepting)
{
	if (l->scoreboard != NULL)
		counter_set(&scoreboard_row(l->scoreboard, l->slot)->accepting, accepting);
}

/* Not for now; the others may still leave connections to this one. */
static void
hold(struct listener *l)
{
	for (unsigned i = 0; i < l->sockets; i++)
		(void)event_del(l->readable[i]);
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
	for (unsigned i = 0; i < l->sockets; i++)
		if (event_add(l->readable[i], NULL) < 0)
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
	for (unsigned i = 0; l->had != NULL && i < l->scoreboard->workers; i++)
		l->had[i] = counter_told(&scoreboard_peek(l->scoreboard, i)->accepted);
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

		accept_balance_led(&l->share, taken);
		if (!taken)
			begin_anew(l, clock_ms());
	}
	stop_passing(l);
}

/* One of its own has ended.  Where connections come and go the open ones are nothing to even out,
 * and the next ones may be waiting already; and an idle worker leaves nothing to others.
 */
static void
judge_passing(struct listener *l)
{
	if (l->passing == PASSES_LEAD && l->taken > 0)
		return;
	(void)event_del(l->pause_over);
	stop_passing(l);
}

/* More of late than another worker, which is to have a chance as long as there is something to do
 * here. */
static bool
leads(struct listener *l)
{
	uint64_t now = clock_ms(), mine;

	if (l->had == NULL || l->taken == 0)
		return false;
	if (now - l->of_late >= OF_LATE_MS)
		begin_anew(l, now);
	mine = counter_told(&scoreboard_peek(l->scoreboard, l->slot)->accepted) - l->had[l->slot];
	l->least = least_of_late(l);
	return l->least != UINT64_MAX && accept_balance_leads(&l->share, mine, l->least);
}

/* Somebody else has fewer. */
static bool
passes(struct listener *l)
{
	uint64_t least;

	if (l->scoreboard == NULL || !scoreboard_least(l->scoreboard, l->slot, &least))
		return false;
	if (accept_balance_passes(&l->share, l->taken, least))
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

/* The socket has nothing to give for a moment; errno says why. */
static void
pause_accepting(struct listener *l, enum log_level level, const char *what)
{
	int error = errno;
	uint64_t now = clock_ms();

	stop(l);
	come_back(l, PAUSE_MS);
	if (l->told != 0 && now < l->told + TELL_MS)
		return;
	l->told = now;
	errno = error;
	log_errno(level, what, "connections=%u", l->taken);
}

static bool
is_unix(int listen_fd)
{
	struct addr at;

	return net_local(listen_fd, &at) == 0 && addr_is_unix(&at);
}

/* A Unix socket was shut down: it never listens again, and is readable for ever. */
static void
drop(struct listener *l, int listen_fd)
{
	unsigned i = 0;

	while (event_get_fd(l->readable[i]) != listen_fd)
		i++;
	event_free(l->readable[i]);
	l->readable[i] = l->readable[--l->sockets];
	log_event(LOG_ERROR, "a listening Unix socket was shut down: it is accepted from no more",
		  NULL);
}

static void
on_readable(evutil_socket_t listen_fd, short what, void *arg)
{
	struct listener *l = arg;
	struct addr_peer peer;
	int fd;

	if ((what & EV_CLOSED) != 0) {
		drop(l, listen_fd);
		return;
	}
	for (int i = 0; i < BURST && l->taken < l->limit; i++) {
		if (passes(l)) {
			pass(l);
			return;
		}
		switch (net_accept(listen_fd, &fd, &peer)) {
		case NET_ACCEPTED:
			l->taken++;
			accept_balance_took(&l->share);
			l->on_accept(fd, &peer, l->ctx);
			break;
		case NET_NONE: return;
		case NET_EXHAUSTED: pause_accepting(l, LOG_WARN, "accepting pauses"); return;
		case NET_FAILED: /* one that listens no more is mended by the master */
			pause_accepting(l, LOG_ERROR, "cannot accept");
			return;
		}
	}
	if (l->taken >= l->limit)
		stop(l);
}

int
listener_add(struct listener *l, int listen_fd)
{
	struct event *readable;

	assert(l->sockets < LISTENER_MOST);
	readable = event_new(l->base, listen_fd,
			     EV_READ | EV_PERSIST | (is_unix(listen_fd) ? EV_CLOSED : 0),
			     on_readable, l);
	if (readable == NULL)
		return -1;
	l->readable[l->sockets++] = readable;
	return event_add(readable, NULL);
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
	l->base = base;
	l->pause_over = event_new(base, -1, 0, on_pause_over, l);
	if (l->pause_over == NULL || listener_add(l, listen_fd) < 0) {
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
	for (unsigned i = 0; i < l->sockets; i++)
		event_free(l->readable[i]);
	if (l->pause_over != NULL)
		event_free(l->pause_over);
	free(l->had);
	free(l);
}

void
listener_give_back(struct listener *l)
{
	assert(l->taken > 0);
	accept_balance_gave_back(&l->share);
	if (l->taken-- == l->limit && !event_pending(l->pause_over, EV_TIMEOUT, NULL))
		go_on(l);
	if (l->passing != PASSES_NOT)
		judge_passing(l);
}

void
listener_share(struct listener *l, struct counters *scoreboard, unsigned slot)
{
	l->scoreboard = scoreboard;
	l->slot = slot;
	l->had = calloc(scoreboard->workers, sizeof *l->had);
	begin_anew(l, clock_ms());
	tell(l, ACCEPTING);
}
