/* load_lane.c - the connections of a load, each with its requests in flight.
 *
 * A lane is one connection and its successors.  The requests in flight on it stand in a ring in the
 * order in which they were sent, which is the order of the replies.
 *
 *   CONNECTING -> OPEN       on_open
 *   CONNECTING, OPEN -> CONNECTING   lost, and something is left to send: at the next address
 *   CONNECTING, OPEN -> PAUSING   so at the last one of a round
 *   PAUSING    -> CONNECTING the pause is over
 *   any        -> RESTING    lost, and nothing is left to send
 *   any        -> GIVEN_UP   lost too often in a row */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "counts.h"
#include "load_state.h"
#include "net.h"

enum {
	QUEUED_MAX = 256 * 1024, /* bytes in a connection's output that are enough for now */
	PAUSED_US = 20000	 /* without a request: the proxy may have closed meanwhile */
};

static void
lane_set(struct load_lane *l, enum lane_state state)
{
	l->load->in_state[l->state]--;
	l->load->in_state[state]++;
	l->state = state;
}

static void
lane_arm(struct load_lane *l, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	/* Without a timer nothing would ever end: the process has no memory left. */
	if (event_add(&l->timer, &tv) < 0)
		abort();
}

void
load_lane_fail_flights(struct load_lane *l, const char *why)
{
	unsigned n = l->n;

	l->n = 0;
	l->load->in_flight -= n;
	if (n > 0)
		l->load->ops->on_fail(n, why, l->load->ctx);
}

/* The most that is in flight or to be sent again: what is new waits for what is old. */
static unsigned
load_flights(const struct load *load)
{
	return load->conf.parallel * load->conf.pipeline;
}

/* The first n in flight, back to what is to be sent. */
static void
lane_take_back(struct load_lane *l, unsigned n, const char *why)
{
	struct load *load = l->load;

	for (unsigned i = 0; i < n; i++, l->n--) {
		assert(load->again < load_flights(load));
		load->since[(load->oldest + load->again) % load_flights(load)] = l->ring[l->head]
											 .first_us;
		l->head = (l->head + 1) % load->conf.pipeline;
		load->again++;
	}
	load->in_flight -= n;
	load->unsent += n;
	if (n > 0)
		load->ops->on_resend(n, why, load->ctx);
}

static void
lane_take_back_flights(struct load_lane *l, const char *why)
{
	lane_take_back(l, l->n, why);
}

/* The proxy may have sent them on. */
static void
lane_fail_unknown(struct load_lane *l, const char *why)
{
	char text[COUNTS_TEXT];

	(void)snprintf(text, sizeof text, "%.80s; it may have run", why);
	load_lane_fail_flights(l, text);
}

static const struct proxies_place *
lane_place(const struct load_lane *l)
{
	return &l->load->conf.proxies->place[proxies_choice_at(&l->choice)];
}

/* Where there are several, with the place in front. */
static const char *
lane_named(const struct load_lane *l, const char *why, char text[COUNTS_TEXT])
{
	char at[ADDR_TEXT];

	if (l->load->conf.proxies->n == 1)
		return why;
	(void)snprintf(text, COUNTS_TEXT, "%.64s: %.60s", addr_text(&lane_place(l)->at, at), why);
	return text;
}

static bool
lane_may_go_on(const struct load_lane *l)
{
	return proxies_choice_may_fail(&l->choice, l->load->conf.retries);
}

/* Something is left to send.  A place that has answered on this connection is asked first: where a
 * worker or a whole proxy was replaced, its successor is there already. */
static void
lane_go_on_elsewhere(struct load_lane *l)
{
	bool last = !proxies_choice_may_fail(&l->choice, l->load->conf.retries);

	if (l->answered && l->load->conf.proxies->n > 1) {
		load_lane_connect(l);
	} else if (proxies_choice_failed(&l->choice)) {
		load_lane_connect(l);
	} else if (last) {
		lane_set(l, LANE_GIVEN_UP);
	} else {
		lane_set(l, LANE_PAUSING);
		lane_arm(l, proxies_choice_pause(&l->choice, backoff_random()));
	}
}

/* how: what becomes of the requests in flight. */
static void
lane_leave(struct load_lane *l, const char *why, void (*how)(struct load_lane *, const char *))
{
	struct load *load = l->load;
	char text[COUNTS_TEXT];

	why = lane_named(l, why, text);
	conn_close(l->conn);
	l->conn = NULL;
	(void)event_del(&l->timer);
	how(l, why);
	if (load->unsent == 0)
		lane_set(l, LANE_RESTING);
	else
		lane_go_on_elsewhere(l);
	load_spread(load);
	load_update(load, why);
}

static void
lane_lost(struct load_lane *l, const char *why)
{
	l->answered = false; /* not again at once: it answers wrongly, or late */
	lane_leave(l, why, load_lane_fail_flights);
}

/* Ended or broken: what is unanswered can be asked again if that does no harm, as often in a row as
 * there are tries to connect. */
static void
lane_ended(struct load_lane *l, const char *why)
{
	if (!l->load->conf.resend)
		lane_leave(l, why, lane_fail_unknown);
	else if (lane_may_go_on(l))
		lane_leave(l, why, lane_take_back_flights);
	else
		lane_leave(l, why, load_lane_fail_flights);
}

/* Another one has its answer, on a connection that is to end. */
static void
lane_leave_when_answered(struct load_lane *l, const char *why)
{
	if (l->n == 0)
		lane_leave(l, why, lane_fail_unknown);
	else
		load_update(l->load, NULL);
}

/* The first in flight was answered `shutting-down`: it did not run.  Those behind it have answers
 * of their own to come. */
static void
lane_declined(struct load_lane *l, const char *why)
{
	char text[COUNTS_TEXT];

	if (!lane_may_go_on(l)) {
		lane_ended(l, why);
		return;
	}
	l->leaving = true;
	lane_take_back(l, 1, lane_named(l, why, text));
	load_spread(l->load);
	lane_leave_when_answered(l, why);
}

static int
lane_send(struct load_lane *l)
{
	struct load *load = l->load;
	struct load_flight *f = &l->ring[(l->head + l->n) % load->conf.pipeline];

	if (template_next(load->template, conn_output(l->conn), f->digest) < 0)
		return -1;
	conn_flush_later(l->conn);
	f->sent_us = f->first_us = l->sent_us = clock_us();
	l->n++;
	load->unsent--;
	load->in_flight++;
	if (load->again == 0) {
		load->ops->on_send(1, proxies_choice_at(&l->choice), load->ctx);
		return 0;
	}
	f->first_us = load->since[load->oldest];
	load->oldest = (load->oldest + 1) % load_flights(load);
	load->again--;
	return 0;
}

/* A request that goes out to a connection which has ended by then is lost. */
static bool
has_ended(const struct load_lane *l)
{
	return l->sent_us != 0 && clock_us() > l->sent_us + PAUSED_US && conn_has_end(l->conn);
}

void
load_lane_fill(struct load_lane *l)
{
	struct load *load = l->load;

	l->leaving = l->leaving || has_ended(l);
	while (!l->leaving && l->n < load->conf.pipeline && load->unsent > 0 &&
	       conn_queued(l->conn) < QUEUED_MAX) {
		if (lane_send(l) < 0) {
			lane_lost(l, strerror(ENOMEM));
			return;
		}
	}
	/* A timer that still runs is for an earlier request, and early enough. */
	if (l->n > 0 && !event_pending(&l->timer, EV_TIMEOUT, NULL))
		lane_arm(l, load->conf.timeout);
}

static void
on_open(struct conn *c, void *ctx)
{
	struct load_lane *l = ctx;

	(void)c;
	l->load->reached = true;
	lane_set(l, LANE_OPEN);
	load_lane_fill(l);
}

static void
lane_go_on(struct load_lane *l)
{
	if (l->load->conf.keepalive) {
		load_lane_fill(l);
		return;
	}
	conn_close(l->conn);
	l->conn = NULL;
	(void)event_del(&l->timer);
	if (l->load->unsent > 0)
		load_lane_connect(l);
	else
		lane_set(l, LANE_RESTING);
}

static void
on_packet(struct conn *c, struct span text, void *ctx)
{
	struct load_lane *l = ctx;
	struct load *load = l->load;
	struct load_flight *f = &l->ring[l->head];
	struct reply reply;

	(void)c;
	if (l->n == 0) {
		load->ops->on_stray(load->ctx);
		lane_lost(l, "a packet that answers nothing");
		return;
	}
	if (reply_parse(&reply, text, load->template->srcid, load->conf.expect,
			span_of(f->digest, expect_digits(load->conf.expect))) == REPLY_BROKEN) {
		lane_lost(l, reply.detail);
		return;
	}
	if (reply.verdict == REPLY_REFUSED && strcmp(reply.code, "shutting-down") == 0) {
		lane_declined(l, reply.detail);
		return;
	}
	l->head = (l->head + 1) % load->conf.pipeline;
	l->n--;
	load->in_flight--;
	l->answered = true;
	proxies_choice_worked(&l->choice);
	load->ops->on_answer(&reply, clock_us() - f->first_us, load->ctx);
	if (l->leaving) {
		lane_leave_when_answered(l, "the connection was to end");
		return;
	}
	lane_go_on(l);
	load_update(load, NULL);
}

static void
on_fault(struct conn *c, int error, void *ctx)
{
	(void)c;
	lane_lost(ctx, error == EMSGSIZE ? "reply too large" : "reply is no packet");
}

static void
on_eof(struct conn *c, bool cut, void *ctx)
{
	(void)c;
	lane_ended(ctx,
		   cut ? "connection closed within a reply" : "connection closed before the reply");
}

/* Nothing is in flight. */
static void
lane_unreachable(struct load_lane *l, const char *why)
{
	l->load->ops->on_unreachable(proxies_choice_at(&l->choice), why, l->load->ctx);
	lane_leave(l, why, load_lane_fail_flights);
}

static void
on_close(struct conn *c, int error, void *ctx)
{
	struct load_lane *l = ctx;

	const char *why = error == 0 ? "connection closed" : conn_why(c, error);

	l->conn = NULL;
	if (l->state == LANE_CONNECTING)
		lane_unreachable(l, why);
	else
		lane_ended(l, why);
}

static void
on_drained(struct conn *c, void *ctx)
{
	(void)c;
	load_lane_fill(ctx);
}

static const struct conn_ops lane_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
	.on_drained = on_drained,
};

void
load_lane_connect(struct load_lane *l)
{
	const struct load_conf *conf = &l->load->conf;
	const struct proxies_place *place = lane_place(l);
	const struct conn_tls_peer peer = {.creds = conf->tls,
					   .name = conf->tls_name != NULL ? conf->tls_name
									  : place->name,
					   .handshake_ms = conf->connect_timeout};

	lane_set(l, LANE_CONNECTING);
	l->head = 0;
	l->sent_us = 0;
	l->leaving = l->answered = false;
	l->conn = conn_connect_tls(l->load->conns, &place->at, conf->connect_timeout, &peer,
				   &lane_ops, l);
	if (l->conn == NULL)
		lane_unreachable(l, net_error_text(errno));
}

static void
lane_check_reply(struct load_lane *l)
{
	uint64_t timeout = l->load->conf.timeout * 1000, waited;

	if (l->n == 0)
		return;
	waited = clock_us() - l->ring[l->head].sent_us;
	if (waited >= timeout)
		lane_lost(l, "no reply in time");
	else
		lane_arm(l, (timeout - waited + 999) / 1000);
}

void
load_lane_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct load_lane *l = ctx;

	(void)fd;
	(void)what;
	if (l->state == LANE_OPEN)
		lane_check_reply(l);
	else if (l->load->unsent > 0)
		load_lane_connect(l);
	else
		lane_set(l, LANE_RESTING);
}
