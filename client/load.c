/* load.c - see load.h.
 *
 * A lane is one connection and its successors.  The requests in flight on it stand in a ring in the
 * order in which they were sent, which is the order of the replies.
 *
 *   CONNECTING -> OPEN       on_open
 *   CONNECTING, OPEN -> PAUSING   lost, and something is left to send
 *   PAUSING    -> CONNECTING the pause is over
 *   any        -> RESTING    lost, and nothing is left to send
 *   any        -> GIVEN_UP   lost too often in a row */
#include "load.h"

#include <assert.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "conn.h"

enum {
	QUEUED_MAX = 256 * 1024, /* bytes in a connection's output that are enough for now */
	PAUSE_MIN = 50,
	PAUSE_MAX = 1000 /* ms before connecting anew */
};

enum lane_state {
	LANE_RESTING,
	LANE_CONNECTING,
	LANE_OPEN,
	LANE_PAUSING,
	LANE_GIVEN_UP,
	LANE_STATES
};

struct flight {
	uint64_t sent_us;  /* clock_us() */
	uint64_t first_us; /* likewise, when it was sent for the first time */
	char digest[DIGEST_HEX];
};

struct lane {
	struct load *load;
	enum lane_state state;
	struct conn *conn;  /* CONNECTING, OPEN; otherwise NULL */
	struct event timer; /* OPEN: a reply is due; PAUSING: the pause is over */
	struct backoff backoff;
	struct flight *ring; /* load->pipeline of them */
	unsigned head, n;    /* oldest in flight; in flight */
};

struct load {
	struct load_conf conf;
	struct template *template;
	const struct load_ops *ops;
	void *ctx;
	struct conn_loop *conns;
	struct lane *lane; /* conf.parallel of them */
	struct flight *flights;
	unsigned in_state[LANE_STATES];
	struct event *over;	    /* the duration's end; NULL: there is none */
	unsigned unsent, in_flight; /* requests */
	unsigned again;		    /* of those unsent: told as sent before */
	uint64_t *since;	    /* ring of their first_us; again of as many as flights */
	unsigned oldest;	    /* of them */
	bool reached;		    /* there has been a connection */
	bool ended;
};

static void lane_connect(struct lane *);
static void lane_fill(struct lane *);

static void
lane_set(struct lane *l, enum lane_state state)
{
	l->load->in_state[l->state]--;
	l->load->in_state[state]++;
	l->state = state;
}

static void
lane_arm(struct lane *l, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	/* Without a timer nothing would ever end: the process has no memory left. */
	if (event_add(&l->timer, &tv) < 0)
		abort();
}

/* ---- the end ---- */

static void
load_quit(struct load *load)
{
	load->ended = true;
	for (unsigned i = 0; i < load->conf.parallel; i++) {
		conn_close(load->lane[i].conn);
		load->lane[i].conn = NULL;
		(void)event_del(&load->lane[i].timer);
	}
	if (load->over != NULL)
		(void)event_del(load->over);
}

static void
load_end(struct load *load, enum load_end end, const char *why)
{
	load_quit(load);
	load->ops->on_end(end, why, load->ctx);
}

/* All that is unsent counts as sent and failed: nobody is left to send it. */
static void
load_give_up(struct load *load, const char *why)
{
	unsigned n = load->unsent;

	load->unsent = 0;
	load->ops->on_send(n - load->again, load->ctx);
	load->again = 0;
	load->ops->on_fail(n, why, load->ctx);
}

/* After every change: is this the end?  why is what befell a lane just now, if anything did. */
static void
load_judge(struct load *load, const char *why)
{
	if (load->ended)
		return;
	if (!load->reached && load->in_state[LANE_CONNECTING] == 0) {
		load_end(load, LOAD_UNREACHABLE, why);
		return;
	}
	if (load->in_state[LANE_GIVEN_UP] + load->in_state[LANE_RESTING] == load->conf.parallel &&
	    load->unsent > 0)
		load_give_up(load, why);
	if (load->unsent == 0 && load->in_flight == 0)
		load_end(load, LOAD_DONE, NULL);
}

/* ---- losing a connection ---- */

static void
lane_fail_flights(struct lane *l, const char *why)
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

/* Back to what is to be sent. */
static void
lane_take_back_flights(struct lane *l, const char *why)
{
	struct load *load = l->load;
	unsigned n = l->n;

	for (; l->n > 0; l->n--) {
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

/* Whoever has nothing to do takes what another could not have answered. */
static void
load_spread(struct load *load)
{
	for (unsigned i = 0; i < load->conf.parallel && load->unsent > 0; i++)
		if (load->lane[i].state == LANE_OPEN && load->conf.keepalive)
			lane_fill(&load->lane[i]);
}

/* how: what becomes of the requests in flight. */
static void
lane_leave(struct lane *l, const char *why, void (*how)(struct lane *, const char *))
{
	struct load *load = l->load;

	conn_close(l->conn);
	l->conn = NULL;
	(void)event_del(&l->timer);
	how(l, why);
	if (load->unsent == 0) {
		lane_set(l, LANE_RESTING);
	} else if (l->backoff.tries >= load->conf.retries) {
		lane_set(l, LANE_GIVEN_UP);
	} else {
		lane_set(l, LANE_PAUSING);
		lane_arm(l, backoff_next(&l->backoff, backoff_random()));
	}
	load_spread(load);
	load_judge(load, why);
}

static void
lane_lost(struct lane *l, const char *why)
{
	lane_leave(l, why, lane_fail_flights);
}

/* Ended or broken: what is unanswered can be asked again, as often in a row as there are tries to
 * connect. */
static void
lane_ended(struct lane *l, const char *why)
{
	lane_leave(l, why,
		   l->backoff.tries < l->load->conf.retries ? lane_take_back_flights
							    : lane_fail_flights);
}

/* ---- sending ---- */

static int
lane_send(struct lane *l)
{
	struct load *load = l->load;
	struct flight *f = &l->ring[(l->head + l->n) % load->conf.pipeline];

	if (template_next(load->template, conn_output(l->conn), f->digest) < 0)
		return -1;
	conn_flush_later(l->conn);
	f->sent_us = f->first_us = clock_us();
	l->n++;
	load->unsent--;
	load->in_flight++;
	if (load->again == 0) {
		load->ops->on_send(1, load->ctx);
		return 0;
	}
	f->first_us = load->since[load->oldest];
	load->oldest = (load->oldest + 1) % load_flights(load);
	load->again--;
	return 0;
}

static void
lane_fill(struct lane *l)
{
	struct load *load = l->load;

	while (l->n < load->conf.pipeline && load->unsent > 0 &&
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

/* ---- what a connection tells ---- */

static void
on_open(struct conn *c, void *ctx)
{
	struct lane *l = ctx;

	(void)c;
	l->load->reached = true;
	lane_set(l, LANE_OPEN);
	lane_fill(l);
}

static void
lane_go_on(struct lane *l)
{
	if (l->load->conf.keepalive) {
		lane_fill(l);
		return;
	}
	conn_close(l->conn);
	l->conn = NULL;
	(void)event_del(&l->timer);
	if (l->load->unsent > 0)
		lane_connect(l);
	else
		lane_set(l, LANE_RESTING);
}

static void
on_packet(struct conn *c, struct span text, void *ctx)
{
	struct lane *l = ctx;
	struct load *load = l->load;
	struct flight *f = &l->ring[l->head];
	struct reply reply;

	(void)c;
	if (l->n == 0) {
		load->ops->on_stray(load->ctx);
		lane_lost(l, "a packet that answers nothing");
		return;
	}
	if (reply_judge(&reply, text, load->template->srcid, span_of(f->digest, DIGEST_HEX)) ==
	    REPLY_BROKEN) {
		lane_lost(l, reply.detail);
		return;
	}
	if (reply.verdict == REPLY_REFUSED && strcmp(reply.code, "shutting-down") == 0) {
		lane_ended(l, reply.detail);
		return;
	}
	l->head = (l->head + 1) % load->conf.pipeline;
	l->n--;
	load->in_flight--;
	backoff_reset(&l->backoff);
	load->ops->on_answer(&reply, clock_us() - f->first_us, load->ctx);
	lane_go_on(l);
	load_judge(load, NULL);
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

static void
on_close(struct conn *c, int error, void *ctx)
{
	struct lane *l = ctx;

	l->conn = NULL;
	lane_ended(l, error == 0 ? "connection closed" : conn_why(c, error));
}

static void
on_drained(struct conn *c, void *ctx)
{
	(void)c;
	lane_fill(ctx);
}

static const struct conn_ops lane_ops = {
	.on_open = on_open,
	.on_packet = on_packet,
	.on_fault = on_fault,
	.on_eof = on_eof,
	.on_close = on_close,
	.on_drained = on_drained,
};

static void
lane_connect(struct lane *l)
{
	const struct load_conf *conf = &l->load->conf;
	const struct conn_tls_peer peer = {
		.creds = conf->tls, .name = conf->tls_name, .handshake_ms = conf->connect_timeout};

	lane_set(l, LANE_CONNECTING);
	l->head = 0;
	l->conn = conn_connect_tls(l->load->conns, &conf->proxy, conf->connect_timeout, &peer,
				   &lane_ops, l);
	if (l->conn == NULL)
		lane_lost(l, strerror(errno));
}

/* ---- the clock of a lane ---- */

static void
lane_check_reply(struct lane *l)
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

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct lane *l = ctx;

	(void)fd;
	(void)what;
	if (l->state == LANE_OPEN)
		lane_check_reply(l);
	else if (l->load->unsent > 0)
		lane_connect(l);
	else
		lane_set(l, LANE_RESTING);
}

/* ---- the clock of all ---- */

/* What was sent is waited for, and sent again if need be; nothing else is sent any more. */
static void
on_over(evutil_socket_t fd, short what, void *ctx)
{
	struct load *load = ctx;

	(void)fd;
	(void)what;
	load->unsent = load->again;
	if (load->reached)
		load_judge(load, NULL);
	else
		load_end(load, LOAD_UNREACHABLE, strerror(ETIMEDOUT));
}

static int
load_set_end(struct load *load)
{
	struct timeval tv = clock_timeval(load->conf.duration);

	return load->over == NULL ? 0 : event_add(load->over, &tv);
}

/* ---- life ---- */

/* No lane shall take what is another's share at the start. */
static unsigned
fair_pipeline(const struct load_conf *c)
{
	unsigned share = c->count / c->parallel + (c->count % c->parallel != 0);

	if (!c->keepalive)
		return 1;
	return c->pipeline < share ? c->pipeline : share;
}

static int
make_lanes(struct load *load, struct event_base *base)
{
	const struct load_conf *c = &load->conf;

	load->lane = calloc(c->parallel, sizeof *load->lane);
	load->flights = calloc((size_t)c->parallel * c->pipeline, sizeof *load->flights);
	load->since = calloc((size_t)c->parallel * c->pipeline, sizeof *load->since);
	if (load->lane == NULL || load->flights == NULL || load->since == NULL)
		return -1;
	for (unsigned i = 0; i < c->parallel; i++) {
		struct lane *l = &load->lane[i];

		l->load = load;
		l->ring = load->flights + (size_t)i * c->pipeline;
		l->backoff = (struct backoff){.min = PAUSE_MIN, .max = PAUSE_MAX};
		if (event_assign(&l->timer, base, -1, 0, on_timer, l) < 0)
			return -1;
	}
	load->in_state[LANE_RESTING] = c->parallel;
	return 0;
}

struct load *
load_new(struct event_base *base, const struct load_conf *conf, struct template *template,
	 const struct load_ops *ops, void *ctx)
{
	struct load *load = calloc(1, sizeof *load);

	assert(conf->count > 0 && conf->parallel > 0 && conf->pipeline > 0);
	if (load == NULL)
		return NULL;
	load->conf = *conf;
	if (conf->parallel > conf->count)
		load->conf.parallel = conf->count;
	load->conf.pipeline = fair_pipeline(&load->conf);
	load->template = template;
	load->ops = ops;
	load->ctx = ctx;
	load->unsent = conf->count;
	load->conns = conn_loop_new(base, conf->max_message);
	if (conf->duration > 0)
		load->over = event_new(base, -1, 0, on_over, load);
	if (load->conns == NULL || (conf->duration > 0 && load->over == NULL) ||
	    make_lanes(load, base) < 0) {
		load->conf.parallel = 0;
		load_free(load);
		return NULL;
	}
	return load;
}

void
load_free(struct load *load)
{
	if (load == NULL)
		return;
	load_quit(load);
	conn_loop_free(load->conns);
	if (load->over != NULL)
		event_free(load->over);
	free(load->lane);
	free(load->flights);
	free(load->since);
	free(load);
}

void
load_start(struct load *load)
{
	if (load_set_end(load) < 0) {
		load_end(load, LOAD_UNREACHABLE, strerror(ENOMEM));
		return;
	}
	for (unsigned i = 0; i < load->conf.parallel && !load->ended; i++)
		lane_connect(&load->lane[i]);
}

void
load_stop(struct load *load, const char *why)
{
	if (load->ended)
		return;
	load_quit(load);
	/* What waits to be sent again was told as sent. */
	if (load->again > 0)
		load->ops->on_fail(load->again, why, load->ctx);
	load->unsent = load->again = 0;
	for (unsigned i = 0; i < load->conf.parallel; i++)
		lane_fail_flights(&load->lane[i], why);
}
