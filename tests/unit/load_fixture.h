/* load_fixture.h - a load that counts what it is told, and the proxy that it is sent to, which
 * has habits. */
#ifndef POLICYPOOL_TESTS_LOAD_FIXTURE_H
#define POLICYPOOL_TESTS_LOAD_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "counts.h"
#include "load.h"
#include "net.h"
#include "packet.h"

enum habit {
	ANSWERS,
	REFUSES,
	ANSWERS_WRONG,
	ANSWERS_TWICE,
	SAYS_NOTHING,
	CLOSES_AFTER,	/* so many answers on a connection */
	CUTS_AFTER,	/* likewise, in the middle of the next */
	RESETS_AFTER,	/* likewise, at once */
	DECLINES_AFTER, /* likewise, with a word */
	DECLINES_REST,	/* the same word for each further request, and it does not close */
	LEAVES_AFTER,	/* so many answers on a connection, the last one late: ends it with that */
	LOSES_ONE,	/* leaves the first request unanswered, and resets its connection a while
			   after so many answers in all; it listens no more then */
	TALKS_NONSENSE,
	TALKS_BROKEN_JSON,
	VANISHES_AFTER /* so many answers in all: stops listening and closes each at its next
			  request */
};

struct peer {
	enum habit habit;
	unsigned after;
	struct event_base *base;
	struct conn_loop *conns;
	int listener;
	struct event *accepting;
	struct addr addr;
	unsigned accepted, answered;
	unsigned most_on_one; /* answers on one connection */
	struct conn *held;    /* LOSES_ONE */
	struct guest *holder;
};

struct guest {
	struct peer *peer;
	unsigned answered;
};

struct deferred_cmds {
	struct event_base *base;
	uint64_t sent, answered, correct, wrong, refused, failed, stray, resent;
	uint64_t most_in_flight, longest_us;
	struct counts reasons;
	bool ended;
	enum load_end end;
	char why[100];
	unsigned unreachable, last_place;
	struct load *load;
	uint64_t stop_at; /* answers; 0: never */
};

static inline void
leave(struct conn *c, struct guest *g)
{
	conn_close(c);
	free(g);
}

static inline void
stop_listening(struct peer *p)
{
	if (p->listener < 0)
		return;
	event_free(p->accepting);
	cr_assert_eq(close(p->listener), 0);
	p->listener = -1;
}

static inline void
answer(struct conn *c, const struct packet *request, bool right)
{
	struct buf scratch = BUF_INIT;
	struct span payload;
	char digest[DIGEST_HEX + 1];

	cr_assert_eq(packet_payload(request, &scratch, &payload), 0);
	digest_sha1_hex(payload, digest);
	if (!right)
		digest[0] = digest[0] == 'a' ? 'b' : 'a';
	cr_assert_eq(packet_reply(conn_output(c), request, "100", span_str(digest)), 0);
	conn_flush_later(c);
	buf_release(&scratch);
}

static inline void
say(struct conn *c, const char *text)
{
	cr_assert_eq(conn_write(c, span_str(text)), 0);
}

/* As the kernel does for a process that was killed with input unread. */
static inline void
reset(struct conn *c, struct guest *g)
{
	const struct linger at_once = {.l_onoff = 1};

	cr_assert_eq(setsockopt(conn_fd(c), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	leave(c, g);
}

static inline void
lose(evutil_socket_t fd, short what, void *ctx)
{
	struct peer *p = ctx;

	(void)fd;
	(void)what;
	stop_listening(p);
	reset(p->held, p->holder);
}

/* The other connections have taken their answers by then. */
static inline void
lose_later(struct peer *p)
{
	const struct timeval soon = {.tv_usec = 50000};

	cr_assert_eq(event_base_once(p->base, -1, EV_TIMEOUT, lose, p, &soon), 0);
}

/* True when it was no request to answer. */
static inline bool
misbehave(struct conn *c, struct guest *g, const struct packet *request)
{
	struct peer *p = g->peer;

	switch (p->habit) {
	case ANSWERS: answer(c, request, true); break;
	case ANSWERS_WRONG: answer(c, request, false); break;
	case ANSWERS_TWICE:
		answer(c, request, true);
		answer(c, request, true);
		break;
	case REFUSES:
		cr_assert_eq(
			packet_error(conn_output(c), request, "p", PACKET_NO_SERVER, "nobody", 0),
			0);
		conn_flush_later(c);
		break;
	case SAYS_NOTHING: break;
	case TALKS_NONSENSE: say(c, "nonsense"); break;
	case TALKS_BROKEN_JSON: say(c, "{\"type\":2,]}"); break;
	case CLOSES_AFTER:
		if (g->answered == p->after) {
			conn_finish(c);
			return true;
		}
		answer(c, request, true);
		break;
	case CUTS_AFTER:
		if (g->answered == p->after) {
			say(c, "{\"type\":2,");
			conn_finish(c);
			return true;
		}
		answer(c, request, true);
		break;
	case RESETS_AFTER:
		if (g->answered == p->after) {
			reset(c, g);
			return true;
		}
		answer(c, request, true);
		break;
	case DECLINES_AFTER:
		if (g->answered == p->after) {
			cr_assert_eq(packet_error(conn_output(c), request, "p",
						  PACKET_SHUTTING_DOWN, "not run", 0),
				     0);
			conn_finish(c);
			return true;
		}
		answer(c, request, true);
		break;
	case LEAVES_AFTER:
		if (g->answered + 1 == p->after)
			(void)poll(NULL, 0, 30);
		answer(c, request, true);
		if (g->answered + 1 == p->after)
			conn_finish(c);
		break;
	case DECLINES_REST:
		if (g->answered >= p->after) {
			cr_assert_eq(packet_error(conn_output(c), request, "p",
						  PACKET_SHUTTING_DOWN, "not run", 0),
				     0);
			conn_flush_later(c);
			return true;
		}
		answer(c, request, true);
		break;
	case LOSES_ONE:
		if (p->held != NULL) {
			answer(c, request, true);
			break;
		}
		p->held = c;
		p->holder = g;
		return true;
	case VANISHES_AFTER:
		if (p->answered >= p->after) {
			stop_listening(p);
			conn_finish(c);
			return true;
		}
		answer(c, request, true);
		break;
	}
	return false;
}

static inline void
guest_packet(struct conn *c, struct span text, void *ctx)
{
	struct guest *g = ctx;
	struct packet request;
	struct packet_fault fault;

	cr_assert_eq(packet_parse(&request, text, &fault), 0);
	cr_assert_eq(request.type, PACKET_REQUEST);
	if (misbehave(c, g, &request))
		return;
	g->answered++;
	if (++g->peer->answered == g->peer->after && g->peer->held != NULL)
		lose_later(g->peer);
	if (g->answered > g->peer->most_on_one)
		g->peer->most_on_one = g->answered;
}

static inline void
guest_fault(struct conn *c, int error, void *ctx)
{
	(void)error;
	leave(c, ctx);
}

static inline void
guest_eof(struct conn *c, bool cut, void *ctx)
{
	cr_assert_not(cut);
	leave(c, ctx);
}

static inline void
guest_close(struct conn *c, int error, void *ctx)
{
	(void)c;
	(void)error;
	free(ctx);
}

static const struct conn_ops guest_ops = {.on_packet = guest_packet,
					  .on_fault = guest_fault,
					  .on_eof = guest_eof,
					  .on_close = guest_close};

static inline void
accept_guest(evutil_socket_t fd, short what, void *ctx)
{
	struct peer *p = ctx;
	struct guest *g = calloc(1, sizeof *g);
	struct addr_peer from;
	int s;

	(void)what;
	cr_assert_not_null(g);
	cr_assert_eq(net_accept(fd, &s, &from), NET_ACCEPTED);
	g->peer = p;
	p->accepted++;
	cr_assert_not_null(conn_new(p->conns, s, 0, &guest_ops, g));
}

static inline void
open_peer(struct peer *p, struct event_base *base, enum habit habit, unsigned after)
{
	*p = (struct peer){.habit = habit, .after = after, .base = base};
	p->conns = conn_loop_new(base, 1 << 20);
	cr_assert_not_null(p->conns);
	cr_assert_eq(addr_numeric(&p->addr, "127.0.0.1", 0), 0);
	p->listener = net_listen(&p->addr, 128);
	cr_assert_geq(p->listener, 0);
	cr_assert_eq(net_local(p->listener, &p->addr), 0);
	p->accepting = event_new(base, p->listener, EV_READ | EV_PERSIST, accept_guest, p);
	cr_assert_eq(event_add(p->accepting, NULL), 0);
}

static inline void
on_send(unsigned n, unsigned place, void *ctx)
{
	struct deferred_cmds *o = ctx;

	o->last_place = place;
	cr_assert_not(o->ended);
	o->sent += n;
	if (o->sent - o->answered - o->failed > o->most_in_flight)
		o->most_in_flight = o->sent - o->answered - o->failed;
}

static inline void
on_unreachable(unsigned place, const char *why, void *ctx)
{
	struct deferred_cmds *o = ctx;

	(void)place;
	cr_assert_not(o->ended);
	cr_assert_gt(strlen(why), 0);
	o->unreachable++;
}

static inline void
on_answer(const struct reply *r, uint64_t latency_us, void *ctx)
{
	struct deferred_cmds *o = ctx;

	cr_assert_not(o->ended);
	if (latency_us > o->longest_us)
		o->longest_us = latency_us;
	o->answered++;
	o->correct += r->verdict == REPLY_CORRECT;
	o->wrong += r->verdict == REPLY_WRONG;
	o->refused += r->verdict == REPLY_REFUSED;
	if (o->answered == o->stop_at) {
		load_stop(o->load, "stopped");
		(void)event_base_loopbreak(o->base);
	}
}

static inline void
on_fail(unsigned n, const char *why, void *ctx)
{
	struct deferred_cmds *o = ctx;

	cr_assert_not(o->ended);
	o->failed += n;
	counts_add(&o->reasons, span_str(why), n);
}

static inline void
on_resend(unsigned n, const char *why, void *ctx)
{
	struct deferred_cmds *o = ctx;

	cr_assert_not(o->ended);
	cr_assert_gt(strlen(why), 0);
	o->resent += n;
}

static inline void
on_stray(void *ctx)
{
	struct deferred_cmds *o = ctx;

	o->stray++;
}

static inline void
on_end(enum load_end end, const char *why, void *ctx)
{
	struct deferred_cmds *o = ctx;

	cr_assert_not(o->ended);
	o->ended = true;
	o->end = end;
	(void)snprintf(o->why, sizeof o->why, "%s", why != NULL ? why : "");
	(void)event_base_loopbreak(o->base);
}

static const struct load_ops ops = {.on_send = on_send,
				    .on_unreachable = on_unreachable,
				    .on_answer = on_answer,
				    .on_resend = on_resend,
				    .on_fail = on_fail,
				    .on_stray = on_stray,
				    .on_end = on_end};

/* Each a proxy of its own. */
static const struct proxies *
several(const struct addr *const at[], unsigned n)
{
	static struct proxies all;

	all.n = 0;
	for (unsigned i = 0; i < n; i++)
		cr_assert(proxies_add(&all, i, at[i], "localhost"));
	return &all;
}

static const struct proxies *
only(const struct addr *at)
{
	return several(&at, 1);
}

static inline struct load_conf
conf_of(unsigned count, unsigned parallel, unsigned pipeline)
{
	static struct expect sha1;

	sha1 = expect_of("sha1");
	return (struct load_conf){.count = count,
				  .parallel = parallel,
				  .pipeline = pipeline,
				  .retries = 1,
				  .keepalive = true,
				  .resend = true,
				  .expect = &sha1,
				  .timeout = 30000,
				  .connect_timeout = 5000,
				  .max_message = 4096};
}

static inline void
drive(struct event_base *base, struct load_conf *conf, struct deferred_cmds *o)
{
	struct template_conf tc = {.id = "7",
				   .policy = "111",
				   .kind = TEMPLATE_RANDOM,
				   .size = 100,
				   .max = 4096,
				   .job = job_at(0)};
	struct template t;
	char why[TEMPLATE_WHY];

	(void)alarm(60); /* a load that never ends is a failure */
	tc.vary = true;
	cr_assert_eq(template_init(&t, &tc, why), 0);
	o->base = base;
	counts_init(&o->reasons, 8);
	o->load = load_new(base, conf, &t, &ops, o);
	cr_assert_not_null(o->load);
	load_start(o->load);
	if (!o->ended)
		cr_assert_eq(event_base_dispatch(base), 0);
	cr_assert_eq(o->sent, o->correct + o->wrong + o->refused + o->failed);
	load_free(o->load);
	template_free(&t);
}

static inline void
close_peer(struct peer *p)
{
	stop_listening(p);
	while (conn_loop_count(p->conns) > 0) /* the load has closed its ends */
		cr_assert_eq(event_base_loop(p->base, EVLOOP_ONCE), 0);
	(void)event_base_loop(p->base, EVLOOP_NONBLOCK);
	conn_loop_free(p->conns);
}

static inline void
finish(struct event_base *base, struct peer *p, struct deferred_cmds *o)
{
	close_peer(p);
	counts_free(&o->reasons);
	event_base_free(base);
}

/* What a load of conf against such a peer comes to. */
static inline struct deferred_cmds
against(enum habit habit, unsigned after, struct load_conf conf, struct peer *p)
{
	struct event_base *base = event_base_new();
	struct deferred_cmds o = {.sent = 0};

	open_peer(p, base, habit, after);
	conf.proxies = only(&p->addr);
	drive(base, &conf, &o);
	cr_assert(o.ended);
	if (o.reasons.n > 0)
		(void)snprintf(o.why, sizeof o.why, "%.99s", o.reasons.entry[0].text);
	finish(base, p, &o);
	return o;
}

#endif
