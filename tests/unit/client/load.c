/* load: many requests in flight; the client's side of a load.
 * The proxy is a peer in the same loop, on a port of its own, that misbehaves as told. */
#include "load.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "counts.h"
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

/* ---- the peer ---- */

static void
leave(struct conn *c, struct guest *g)
{
	conn_close(c);
	free(g);
}

static void
stop_listening(struct peer *p)
{
	if (p->listener < 0)
		return;
	event_free(p->accepting);
	cr_assert_eq(close(p->listener), 0);
	p->listener = -1;
}

static void
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

static void
say(struct conn *c, const char *text)
{
	cr_assert_eq(conn_write(c, span_str(text)), 0);
}

/* As the kernel does for a process that was killed with input unread. */
static void
reset(struct conn *c, struct guest *g)
{
	const struct linger at_once = {.l_onoff = 1};

	cr_assert_eq(setsockopt(conn_fd(c), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	leave(c, g);
}

static void
lose(evutil_socket_t fd, short what, void *ctx)
{
	struct peer *p = ctx;

	(void)fd;
	(void)what;
	stop_listening(p);
	reset(p->held, p->holder);
}

/* The other connections have taken their answers by then. */
static void
lose_later(struct peer *p)
{
	const struct timeval soon = {.tv_usec = 50000};

	cr_assert_eq(event_base_once(p->base, -1, EV_TIMEOUT, lose, p, &soon), 0);
}

/* True when it was no request to answer. */
static bool
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

static void
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

static void
guest_fault(struct conn *c, int error, void *ctx)
{
	(void)error;
	leave(c, ctx);
}

static void
guest_eof(struct conn *c, bool cut, void *ctx)
{
	cr_assert_not(cut);
	leave(c, ctx);
}

static void
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

static void
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

static void
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

/* ---- the load ---- */

static void
on_send(unsigned n, unsigned place, void *ctx)
{
	struct deferred_cmds *o = ctx;

	o->last_place = place;
	cr_assert_not(o->ended);
	o->sent += n;
	if (o->sent - o->answered - o->failed > o->most_in_flight)
		o->most_in_flight = o->sent - o->answered - o->failed;
}

static void
on_unreachable(unsigned place, const char *why, void *ctx)
{
	struct deferred_cmds *o = ctx;

	(void)place;
	cr_assert_not(o->ended);
	cr_assert_gt(strlen(why), 0);
	o->unreachable++;
}

static void
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

static void
on_fail(unsigned n, const char *why, void *ctx)
{
	struct deferred_cmds *o = ctx;

	cr_assert_not(o->ended);
	o->failed += n;
	counts_add(&o->reasons, span_str(why), n);
}

static void
on_resend(unsigned n, const char *why, void *ctx)
{
	struct deferred_cmds *o = ctx;

	cr_assert_not(o->ended);
	cr_assert_gt(strlen(why), 0);
	o->resent += n;
}

static void
on_stray(void *ctx)
{
	struct deferred_cmds *o = ctx;

	o->stray++;
}

static void
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

static struct load_conf
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

static void
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

static void
close_peer(struct peer *p)
{
	stop_listening(p);
	while (conn_loop_count(p->conns) > 0) /* the load has closed its ends */
		cr_assert_eq(event_base_loop(p->base, EVLOOP_ONCE), 0);
	(void)event_base_loop(p->base, EVLOOP_NONBLOCK);
	conn_loop_free(p->conns);
}

static void
finish(struct event_base *base, struct peer *p, struct deferred_cmds *o)
{
	close_peer(p);
	counts_free(&o->reasons);
	event_base_free(base);
}

/* What a load of conf against such a peer comes to. */
static struct deferred_cmds
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

Test(load, sends_all_and_takes_all_answers)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(1000, 7, 5), &p);

	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_eq(o.correct, 1000);
	cr_assert_eq(o.sent, 1000);
	cr_assert_eq(p.accepted, 7);
	cr_assert_eq(o.most_in_flight, 35);
}

Test(load, has_one_in_flight_where_there_is_no_pipeline)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(100, 1, 1), &p);

	cr_assert_eq(o.correct, 100);
	cr_assert_eq(o.most_in_flight, 1);
	cr_assert_eq(p.accepted, 1);
}

Test(load, makes_no_more_connections_than_it_has_requests)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(3, 100, 10), &p);

	cr_assert_eq(o.correct, 3);
	cr_assert_eq(p.accepted, 3);
}

Test(load, no_connection_takes_the_share_of_another)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS, 0, conf_of(10, 5, 100), &p);

	cr_assert_eq(o.correct, 10);
	cr_assert_eq(p.accepted, 5);
	cr_assert_eq(p.most_on_one, 2);
}

Test(load, can_use_a_connection_for_each_request)
{
	struct peer p;
	struct load_conf conf = conf_of(50, 4, 8);
	struct deferred_cmds o;

	conf.keepalive = false;
	o = against(ANSWERS, 0, conf, &p);
	cr_assert_eq(o.correct, 50);
	cr_assert_eq(p.accepted, 50);
	cr_assert_eq(o.most_in_flight, 4);
}

Test(load, counts_wrong_answers_and_refusals_and_goes_on)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS_WRONG, 0, conf_of(20, 2, 2), &p);

	cr_assert_eq(o.wrong, 20);
	cr_assert_eq(p.accepted, 2);
	o = against(REFUSES, 0, conf_of(20, 2, 2), &p);
	cr_assert_eq(o.refused, 20);
	cr_assert_eq(p.accepted, 2);
}

Test(load, an_answer_too_many_is_no_answer_to_the_next)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS_TWICE, 0, conf_of(1, 1, 1), &p);

	cr_assert_eq(o.correct, 1);
	cr_assert_eq(o.sent, 1);
	/* A second request has another payload: the first one's second answer is wrong for it. */
	o = against(ANSWERS_TWICE, 0, conf_of(10, 1, 1), &p);
	cr_assert_eq(o.sent, 10);
	cr_assert_lt(o.correct, 10);
}

Test(load, tells_of_packets_that_answer_nothing)
{
	struct peer p;
	struct deferred_cmds o = against(ANSWERS_TWICE, 0, conf_of(2, 2, 1), &p);

	cr_assert_eq(o.correct, 2);
	cr_assert_geq(o.stray, 1);
}

Test(load, a_load_without_a_number_fails_what_it_sent_and_no_more)
{
	static const bool keepalive[] = {true, false};
	static const unsigned retries[] = {0, 2};
	struct peer p;

	for (int i = 0; i < 4; i++) {
		struct load_conf conf = conf_of(1000000000, i == 0 ? 1 : 3, 2);
		struct deferred_cmds o;

		conf.duration = 60000;
		conf.keepalive = keepalive[i % 2];
		conf.retries = retries[i / 2];
		o = against(VANISHES_AFTER, 50, conf, &p);
		cr_assert_eq(o.end, LOAD_DONE);
		cr_assert_geq(o.correct, 40); /* answers on their way were lost */
		cr_assert_geq(o.failed, 1, "it ended before its time");
		cr_assert_leq(o.sent, 50 + 6 + 1);
	}
}

Test(load, silence_fails_what_is_in_flight_in_time)
{
	struct peer p;
	struct load_conf conf = conf_of(6, 1, 3);
	uint64_t began = clock_ms();
	struct deferred_cmds o;

	conf.timeout = 30;
	o = against(SAYS_NOTHING, 0, conf, &p);
	cr_assert_eq(o.failed, 6);
	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_str_eq(o.why, "no reply in time");
	cr_assert_eq(p.accepted, 2, "a timed-out connection is not used again");
	cr_assert_geq(clock_ms() - began, 60);
}

Test(load, sends_again_what_a_connection_ended_in_order_left_unanswered)
{
	struct peer p;
	struct deferred_cmds o = against(CLOSES_AFTER, 3, conf_of(12, 1, 1), &p);

	cr_assert_eq(o.sent, 12);
	cr_assert_eq(o.correct, 12);
	cr_assert_eq(o.resent, 3);
	cr_assert_eq(p.accepted, 4);
}

Test(load, sends_all_of_it_again)
{
	struct peer p;
	struct deferred_cmds o = against(CLOSES_AFTER, 2, conf_of(12, 1, 6), &p);

	cr_assert_eq(o.sent, 12, "told once each");
	cr_assert_eq(o.correct, 12);
	cr_assert_geq(o.resent, 4);
	cr_assert_eq(p.accepted, 6);
}

Test(load, gives_up_where_connections_end_before_any_answer)
{
	struct peer p;
	struct deferred_cmds o = against(CLOSES_AFTER, 0, conf_of(5, 1, 2), &p);

	cr_assert_eq(o.sent, 5);
	cr_assert_eq(o.failed, 5);
	cr_assert_eq(o.resent, 2);
	cr_assert_eq(p.accepted, 2, "one try, and one more");
}

Test(load, tells_a_reply_that_was_cut)
{
	struct peer p;
	struct deferred_cmds o = against(CUTS_AFTER, 0, conf_of(2, 1, 2), &p);

	cr_assert_eq(o.failed, 2);
	cr_assert_eq(o.resent, 2, "one try, and one more");
	cr_assert_str_eq(o.why, "connection closed within a reply");
}

Test(load, sends_again_what_a_broken_connection_left_unanswered)
{
	struct peer p;
	struct deferred_cmds o = against(CUTS_AFTER, 1, conf_of(6, 2, 3), &p);

	cr_assert_eq(o.correct, 6);
	cr_assert_eq(o.sent, 6, "told once each");
	cr_assert_geq(o.resent, 4);
	o = against(RESETS_AFTER, 2, conf_of(20, 2, 1), &p);
	cr_assert_eq(o.correct, 20);
	cr_assert_geq(o.resent, 8);
}

Test(load, what_may_not_run_twice_is_not_sent_again)
{
	struct load_conf conf = conf_of(5, 1, 1);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(RESETS_AFTER, 1, conf, &p);
	cr_assert_eq(o.resent, 0);
	cr_assert_eq(o.correct, 3);
	cr_assert_eq(o.failed, 2);
	cr_assert_not_null(strstr(o.why, "; it may have run"), "%s", o.why);
	o = against(CLOSES_AFTER, 1, conf, &p);
	cr_assert_eq(o.resent, 0);
	cr_assert_eq(o.failed, 2);
	cr_assert_str_eq(o.why, "connection closed before the reply; it may have run");
}

Test(load, what_was_declined_is_sent_again_for_it_has_not_run)
{
	struct load_conf conf = conf_of(8, 1, 2);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(DECLINES_AFTER, 1, conf, &p);
	cr_assert_geq(o.resent, 1, "the one that was declined");
	cr_assert_eq(o.correct + o.failed, 8);
	cr_assert_geq(o.failed, 1, "the one behind it");
	conf.pipeline = 1;
	o = against(DECLINES_AFTER, 1, conf, &p);
	cr_assert_eq(o.correct, 8);
	cr_assert_eq(o.resent, 7);
}

Test(load, what_is_behind_a_declined_one_is_waited_for_on_its_connection)
{
	struct load_conf conf = conf_of(12, 1, 4);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(DECLINES_REST, 2, conf, &p);
	cr_assert(o.correct == 12 && o.failed == 0 && o.stray == 0 && o.sent == 12);
	cr_assert_geq(o.resent, 4, "those that were under way");
	cr_assert_eq(p.accepted, 6);
	conf = conf_of(40, 3, 4);
	o = against(DECLINES_REST, 5, conf, &p);
	cr_assert(o.correct == 40 && o.failed == 0 && o.stray == 0);
}

Test(load, nothing_is_sent_to_a_connection_that_has_ended_in_a_pause)
{
	struct load_conf conf = conf_of(9, 1, 1);
	struct deferred_cmds o;
	struct peer p;

	conf.resend = false;
	o = against(LEAVES_AFTER, 3, conf, &p);
	cr_assert(o.correct == 9 && o.failed == 0 && o.resent == 0, "%s", o.why);
	cr_assert_eq(p.accepted, 3);
}

Test(load, latency_counts_from_the_first_time)
{
	struct peer p;
	struct deferred_cmds o = against(RESETS_AFTER, 1, conf_of(2, 1, 1), &p);

	cr_assert_eq(o.correct, 2);
	cr_assert_geq(o.longest_us, 20000, "at least half of the shortest pause");
}

Test(load, what_one_connection_left_is_taken_by_another)
{
	struct peer p;
	struct deferred_cmds o = against(LOSES_ONE, 3, conf_of(4, 2, 1), &p);

	cr_assert_eq(o.correct, 4);
	cr_assert_eq(o.resent, 1);
}

Test(load, ends_when_nobody_is_left_for_what_is_to_be_sent_again)
{
	struct peer p;
	struct load_conf conf = conf_of(2, 2, 1);
	struct deferred_cmds o;

	conf.keepalive = false;
	o = against(LOSES_ONE, 1, conf, &p);
	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_eq(o.correct, 1);
	cr_assert_eq(o.failed, 1);
}

Test(load, stops_sending_when_its_time_is_over)
{
	struct peer p;
	struct load_conf conf = conf_of(1000000000, 3, 2);
	uint64_t began = clock_ms();
	struct deferred_cmds o;

	conf.duration = 200;
	o = against(ANSWERS, 0, conf, &p);
	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_gt(o.correct, 10);
	cr_assert_eq(o.failed, 0, "what was sent is waited for");
	cr_assert_geq(clock_ms() - began, 190);
}

Test(load, believes_nothing_on_a_stream_that_cannot_be_followed)
{
	struct peer p;
	struct deferred_cmds o = against(TALKS_NONSENSE, 0, conf_of(2, 1, 2), &p);

	cr_assert_eq(o.failed, 2);
	cr_assert_str_eq(o.why, "reply is no packet");
	o = against(TALKS_BROKEN_JSON, 0, conf_of(2, 1, 2), &p);
	cr_assert_eq(o.failed, 2);
}

Test(load, ends_when_the_proxy_is_gone_for_good)
{
	struct peer p;
	struct deferred_cmds o = against(VANISHES_AFTER, 10, conf_of(1000, 4, 2), &p);

	cr_assert_eq(o.end, LOAD_DONE);
	cr_assert_eq(o.sent, 1000, "what could not be sent counts as well");
	cr_assert_eq(o.correct + o.failed, 1000);
	cr_assert_eq(o.correct, 10);
}

Test(load, gives_up_at_once_without_retries)
{
	struct peer p;
	struct load_conf conf = conf_of(10, 1, 1);
	struct deferred_cmds o;

	conf.retries = 0;
	o = against(CLOSES_AFTER, 3, conf, &p);
	cr_assert_eq(o.sent, 10);
	cr_assert_eq(o.correct, 3);
	cr_assert_eq(o.failed, 7);
	cr_assert_eq(p.accepted, 1);
}

Test(load, says_when_the_proxy_cannot_be_reached_at_all)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(10, 3, 1);
	struct deferred_cmds o = {.sent = 0};
	struct peer p;

	open_peer(&p, base, ANSWERS, 0);
	conf.proxies = only(&p.addr);
	stop_listening(&p);
	drive(base, &conf, &o);
	cr_assert(o.ended);
	cr_assert_eq(o.end, LOAD_UNREACHABLE);
	cr_assert_str_eq(o.why, "Connection refused");
	cr_assert_eq(o.sent, 0);
	finish(base, &p, &o);
}

Test(load, tries_each_address_of_the_proxy)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(10, 3, 1);
	struct deferred_cmds o = {.sent = 0};
	struct addr nobody, other;
	struct peer p;

	conf.retries = 0;
	open_peer(&p, base, ANSWERS, 0);
	cr_assert_eq(addr_numeric(&nobody, "127.0.0.9", addr_port(&p.addr)), 0);
	cr_assert_eq(addr_numeric(&other, "127.0.0.10", addr_port(&p.addr)), 0);
	conf.proxies = several((const struct addr *[]){&nobody, &other, &p.addr}, 3);
	drive(base, &conf, &o);
	cr_assert(o.ended);
	cr_assert_eq(o.correct, 10);
	cr_assert_eq(o.unreachable, 2 * 3, "two by each connection");
	cr_assert_eq(o.last_place, 2);
	finish(base, &p, &o);
}

/* A round has an end: each that answers nothing is tried once before the pause. */
Test(load, goes_on_at_the_next_proxy_without_a_pause_and_stays_there)
{
	static const enum habit lost[] = {CLOSES_AFTER, CUTS_AFTER, RESETS_AFTER, DECLINES_AFTER,
					  VANISHES_AFTER};

	for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
		struct event_base *base = event_base_new();
		struct load_conf conf = conf_of(40, 2, 4);
		struct deferred_cmds o = {.sent = 0};
		struct peer bad, good;

		conf.retries = 0; /* a pause would be the end */
		open_peer(&bad, base, lost[i], lost[i] == VANISHES_AFTER ? 5 : 0);
		open_peer(&good, base, ANSWERS, 0);
		conf.proxies = several((const struct addr *[]){&bad.addr, &good.addr}, 2);
		drive(base, &conf, &o);
		cr_expect(o.ended && o.end == LOAD_DONE, "%zu", i);
		cr_expect_eq(o.correct, 40, "%zu: %u", i, (unsigned)o.correct);
		cr_expect_gt(o.resent, 0);
		cr_expect_eq(o.last_place, 1);
		cr_expect_leq(good.accepted, 2, "it stays");
		close_peer(&bad);
		finish(base, &good, &o);
	}
}

Test(load, what_may_have_run_at_one_proxy_is_not_asked_at_another)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(10, 1, 4);
	struct deferred_cmds o = {.sent = 0};
	struct peer bad, good;
	char at[ADDR_TEXT];

	conf.resend = false;
	open_peer(&bad, base, RESETS_AFTER, 0);
	open_peer(&good, base, ANSWERS, 0);
	conf.proxies = several((const struct addr *[]){&bad.addr, &good.addr}, 2);
	drive(base, &conf, &o);
	cr_assert(o.ended && o.end == LOAD_DONE);
	cr_assert(o.resent == 0 && o.failed == 4 && o.correct == 6);
	cr_assert_not_null(strstr(o.reasons.entry[0].text, "it may have run"));
	cr_assert_not_null(strstr(o.reasons.entry[0].text, addr_text(&bad.addr, at)), "%s",
			   o.reasons.entry[0].text);
	close_peer(&bad);
	finish(base, &good, &o);
}

Test(load, a_connection_that_ended_after_answers_is_made_anew_at_the_same_proxy)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(20, 1, 1);
	struct deferred_cmds o = {.sent = 0};
	struct peer first, second;

	conf.retries = 0;
	open_peer(&first, base, CLOSES_AFTER, 5);
	open_peer(&second, base, ANSWERS, 0);
	conf.proxies = several((const struct addr *[]){&first.addr, &second.addr}, 2);
	drive(base, &conf, &o);
	cr_assert(o.ended && o.correct == 20);
	cr_assert_eq(second.accepted, 0, "the other was never asked");
	close_peer(&first);
	finish(base, &second, &o);
}

Test(load, can_be_stopped)
{
	struct event_base *base = event_base_new();
	struct load_conf conf = conf_of(1000000, 2, 4);
	struct deferred_cmds o = {.stop_at = 100};
	struct peer p;

	open_peer(&p, base, ANSWERS, 0);
	conf.proxies = only(&p.addr);
	drive(base, &conf, &o);
	cr_assert_not(o.ended, "who stops knows");
	cr_assert_eq(o.correct, 100);
	cr_assert_leq(o.failed, 8);
	cr_assert_gt(o.failed, 0);
	cr_assert_str_eq(o.reasons.entry[0].text, "stopped");
	finish(base, &p, &o);
}
