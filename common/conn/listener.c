/* listener.c - see listener.h. */
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "clock.h"
#include "epoll_exclusive.h"
#include "log.h"
#include "net.h"

enum {
	BURST = 64,	/* connections accepted per wake */
	PAUSE_MS = 100, /* when the system is exhausted */
	TELL_MS = 1000, /* between two lines in the log of what is the same */
	PASS_MS = 2,	/* for another worker to take connections that are left to it */
	LOOK_MS = 500,	/* for what a worker was woken for that could not take it any more */
	OF_LATE_MS = 100,
	AT_THE_HEAD = 8 /* connections that a worker takes before others are woken first */
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
	int epoll; /* that waits for them exclusively; -1: it is libevent's alone */
	bool held; /* nothing is accepted now */
	unsigned at_the_head;
	struct event *pause_over, *look;
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
	uint64_t others;  /* all that they had accepted when it was left to them */
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
		if (l->epoll >= 0)
			epoll_exclusive_remove(l->epoll, event_get_fd(l->readable[i]));
		else
			(void)event_del(l->readable[i]);
	l->held = true;
}

static void
stop(struct listener *l)
{
	tell(l, ACCEPTING_NOT);
	hold(l);
}

static int
watch(const struct listener *l, struct event *readable)
{
	return l->epoll >= 0 ? epoll_exclusive_add(l->epoll, event_get_fd(readable))
			     : event_add(readable, NULL);
}

static void
go_on(struct listener *l)
{
	tell(l, ACCEPTING);
	l->held = false;
	for (unsigned i = 0; i < l->sockets; i++)
		if (watch(l, l->readable[i]) < 0)
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

static uint64_t
accepted_by_others(const struct listener *l)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < l->scoreboard->workers; i++)
		if (i != l->slot)
			all += counter_told(&scoreboard_peek(l->scoreboard, i)->accepted);
	return all;
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
		bool taken = accepted_by_others(l) != l->others;

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
	uint64_t now = clock_ms(), mine, least;

	if (l->had == NULL || l->taken == 0)
		return false;
	if (now - l->of_late >= OF_LATE_MS)
		begin_anew(l, now);
	mine = counter_told(&scoreboard_peek(l->scoreboard, l->slot)->accepted) - l->had[l->slot];
	least = least_of_late(l);
	return least != UINT64_MAX && accept_balance_leads(&l->share, mine, least);
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
	if (l->passing == PASSES_LEAD) {
		l->others = accepted_by_others(l);
		tell(l, ACCEPTING_LATER);
	}
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

/* Of those that sleep, the first is woken. */
static void
go_to_the_end(struct listener *l, int listen_fd)
{
	if (l->epoll < 0 || l->held || ++l->at_the_head < AT_THE_HEAD)
		return;
	l->at_the_head = 0;
	epoll_exclusive_remove(l->epoll, listen_fd);
	if (epoll_exclusive_add(l->epoll, listen_fd) < 0)
		log_event(LOG_ERROR, "cannot go on accepting", NULL);
}

/* One at least is taken by whoever is woken for it: what is left to others are those to come.
 * False when there was none. */
static bool
take(struct listener *l, int listen_fd)
{
	struct addr_peer peer;
	bool some = false;
	int fd;

	if (l->held) /* another socket of the same turn came before */
		return true;
	for (int i = 0; i < BURST && l->taken < l->limit; i++) {
		switch (net_accept(listen_fd, &fd, &peer)) {
		case NET_ACCEPTED:
			some = true;
			l->taken++;
			accept_balance_took(&l->share);
			l->on_accept(fd, &peer, l->ctx);
			go_to_the_end(l, listen_fd);
			break;
		case NET_NONE: return some;
		case NET_EXHAUSTED: pause_accepting(l, LOG_WARN, "accepting pauses"); return true;
		case NET_FAILED: /* one that listens no more is mended by the master */
			pause_accepting(l, LOG_ERROR, "cannot accept");
			return true;
		}
		if (l->taken < l->limit && passes(l)) {
			pass(l);
			return true;
		}
	}
	if (l->taken >= l->limit)
		stop(l);
	return true;
}

static void
on_readable(evutil_socket_t listen_fd, short what, void *arg)
{
	(void)what;
	(void)take(arg, listen_fd);
}

/* accept(2) finds nothing at one that was shut down. */
static void
on_unix_readable(evutil_socket_t listen_fd, short what, void *arg)
{
	struct pollfd p = {.fd = listen_fd, .events = POLLRDHUP};

	(void)what;
	if (!take(arg, listen_fd) && poll(&p, 1, 0) == 1 && (p.revents & POLLRDHUP) != 0)
		drop(arg, listen_fd);
}

static bool
is_unix(int listen_fd)
{
	struct addr at;

	return net_local(listen_fd, &at) == 0 && addr_is_unix(&at);
}

/* A worker that was woken may have died, be out of descriptors, or drain. */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct pollfd p[LISTENER_MOST];
	nfds_t n = l->sockets;

	(void)fd;
	(void)what;
	for (nfds_t i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = event_get_fd(l->readable[i]), .events = POLLIN};
	if (l->held || poll(p, n, 0) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++)
		if (p[i].revents != 0)
			(void)take(l, p[i].fd);
}

int
listener_add(struct listener *l, int listen_fd)
{
	struct event *readable;

	assert(l->sockets < LISTENER_MOST);
	readable = event_new(l->base, listen_fd, EV_READ | EV_PERSIST,
			     is_unix(listen_fd) ? on_unix_readable : on_readable, l);
	if (readable == NULL)
		return -1;
	l->readable[l->sockets++] = readable;
	if (event_add(readable, NULL) < 0)
		return -1;
	return l->epoll >= 0 ? watch(l, readable) : 0;
}

/* The other workers need not wake for each connection. */
static int
be_exclusive(struct listener *l)
{
	struct timeval tv = clock_timeval(LOOK_MS);

	l->epoll = epoll_exclusive_find(l->base, event_get_fd(l->readable[0]));
	if (l->epoll < 0)
		return 0;
	l->look = event_new(l->base, -1, EV_PERSIST, on_look, l);
	if (l->look == NULL || event_add(l->look, &tv) < 0)
		return -1;
	return watch(l, l->readable[0]);
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
	l->epoll = -1;
	l->pause_over = event_new(base, -1, 0, on_pause_over, l);
	if (l->pause_over == NULL || listener_add(l, listen_fd) < 0 || be_exclusive(l) < 0) {
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
	if (l->look != NULL)
		event_free(l->look);
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
