/* job_dispatch: jobs go to processes, answers come back, and what goes wrong is blamed on whichever
 * is to blame.  The processes are the test, at the other ends of their pipes; so is the master. The
 * clock stands still unless the test moves it. */
#include "job_dispatch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "job_internal.h"
#include "log.h"

enum { PROCESSES = 4, DONE_MAX = 64, TOLD_MAX = 64, TEXT = 512, MAX_REPLY = 100000 };

/* ---- the clock ---- */

static uint64_t still_us = UINT64_C(1000000000);

int
clock_gettime(clockid_t id, struct timespec *t)
{
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, id, t);
	*t = (struct timespec){.tv_sec = (time_t)(still_us / 1000000),
			       .tv_nsec = (long)(still_us % 1000000 * 1000)};
	return 0;
}

/* ---- the world ---- */

static struct event_base *base;
static struct job_dispatch *d;
static struct job_stats *stats;
static struct job_strikes *strikes;
static struct handler_conf conf = {.processes = 1,
				   .job_timeout = 5000,
				   .start_timeout = 10000,
				   .max_reply = MAX_REPLY,
				   .queue = 8,
				   .strikes = 2,
				   .strike_time = 600000};
static bool ready;
static unsigned idle_told;

/* What became of requests, in the order of their answers. */
static struct done {
	char id[16];
	enum job_stats_outcome outcome;
	enum packet_code code;
	unsigned retry_after;
	bool base64;
	char text[TEXT]; /* payload or reason */
} done[DONE_MAX];
static unsigned dones, dones_seen;

static struct job_msg told[TOLD_MAX];
static unsigned tolds, tolds_seen;

static void
on_done(void *ctx, struct job_task *t, const struct job_result *r)
{
	struct done *o = &done[dones++ % DONE_MAX];
	struct span client = job_task_client(t);

	cr_assert_eq(ctx, &done);
	*o = (struct done){.outcome = r->outcome,
			   .code = r->code,
			   .retry_after = r->retry_after,
			   .base64 = r->base64};
	(void)snprintf(o->id, sizeof o->id, "%.*s", SPAN_ARG(client));
	if (r->outcome == JOB_OUTCOME_DONE)
		(void)snprintf(o->text, sizeof o->text, "%.*s", SPAN_ARG(r->payload));
	else
		(void)snprintf(o->text, sizeof o->text, "%s", r->why);
	job_task_free(t);
}

static void
on_send(void *ctx, const struct job_msg *m)
{
	struct job_msg judged;

	(void)ctx;
	cr_assert(job_msg_read(job_msg_span(m), PROCESSES, &judged));
	told[tolds++ % TOLD_MAX] = judged;
	if (m->kind == JOB_MSG_STRIKE && m->strike.clear)
		(void)job_strikes_clear(strikes, m->strike.fingerprint);
	else if (m->kind == JOB_MSG_STRIKE)
		(void)job_strikes_add(strikes, m->strike.fingerprint, (enum job_end)m->strike.end,
				      m->strike.client, still_us / 1000);
}

static void
on_ready(void *ctx)
{
	(void)ctx;
	cr_assert_not(ready, "told once");
	ready = true;
}

static void
on_idle(void *ctx)
{
	(void)ctx;
	idle_told++;
}

static const struct job_dispatch_ops ops = {
	.done = on_done, .send = on_send, .ready = on_ready, .idle = on_idle};

static void
open_all(void)
{
	static const struct log_options quiet = {.program = "test", .target = "/dev/null"};

	cr_assert_eq(log_open(&quiet), 0);
	(void)signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	stats = job_stats_new(1);
	strikes = job_strikes_new();
	cr_assert(base != NULL && stats != NULL && strikes != NULL);
	conf.known = job_find(span_str("test"));
}

static void
close_all(void)
{
	job_dispatch_free(d);
	event_base_free(base);
	job_stats_free(stats);
	job_strikes_free(strikes);
	log_close();
}

TestSuite(job_dispatch, .init = open_all, .fini = close_all, .timeout = 60);

static void
turn(void)
{
	cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

static void
turns(void)
{
	for (int i = 0; i < 5; i++)
		turn();
}

static void
pass(uint64_t ms)
{
	still_us += ms * 1000;
	turns();
}

/* ---- processes ---- */

static struct fake {
	int in, out; /* -1: closed */
	uint64_t serial, job;
	char line[1 << 20];
	size_t n;
} fake[PROCESSES];

static struct job_msg
about(enum job_msg_kind kind, unsigned i)
{
	return (struct job_msg){.kind = kind, .number = i, .serial = fake[i].serial};
}

static void
spawn(unsigned i)
{
	struct job_msg in, out;
	int to[2], from[2];

	fake[i].serial++;
	in = about(JOB_MSG_STDIN, i);
	out = about(JOB_MSG_STDOUT, i);
	cr_assert(pipe2(to, O_NONBLOCK) == 0 && pipe2(from, O_NONBLOCK) == 0);
	fake[i].in = to[0];
	fake[i].out = from[1];
	fake[i].n = 0;
	job_dispatch_take_pipe(d, &in, to[1]);
	job_dispatch_take_pipe(d, &out, from[0]);
}

static void
close_fake(unsigned i)
{
	if (fake[i].in >= 0)
		(void)close(fake[i].in);
	if (fake[i].out >= 0)
		(void)close(fake[i].out);
	fake[i].in = fake[i].out = -1;
}

static void
say(unsigned i, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t wrote = write(fake[i].out, text, n);

		cr_assert(wrote > 0 || errno == EAGAIN, "%s", strerror(errno));
		if (wrote > 0) {
			text += wrote;
			n -= (size_t)wrote;
		}
		turn();
	}
	turns();
}

static void PRINTF_LIKE(2, 3) sayf(unsigned i, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	say(i, text, strlen(text));
}

/* Reads what there is; true: a line is there, of which the number is known then. */
static bool
hears(unsigned i)
{
	ssize_t got;

	do {
		got = read(fake[i].in, fake[i].line + fake[i].n,
			   sizeof fake[i].line - 1 - fake[i].n);
		if (got > 0)
			fake[i].n += (size_t)got;
		turns();
	} while (got > 0);
	fake[i].line[fake[i].n] = '\0';
	if (fake[i].n == 0 || fake[i].line[fake[i].n - 1] != '\n')
		return false;
	cr_assert_eq(sscanf(fake[i].line, "{\"job\":%ju", (uintmax_t *)&fake[i].job), 1);
	fake[i].n = 0;
	return true;
}

static void
hear(unsigned i, const char *wanted)
{
	cr_assert(hears(i), "process %u has got nothing", i);
	cr_assert_not_null(strstr(fake[i].line, wanted), "%s lacks %s", fake[i].line, wanted);
}

static void
answer_with(unsigned i, const char *payload)
{
	sayf(i, "{\"job\":%ju,\"payload\":\"%s\"}\n", (uintmax_t)fake[i].job, payload);
}

static void
be_ready(unsigned i)
{
	spawn(i);
	hear(i,
	     "{\"job\":0,\"policy\":\"111\",\"srcid\":\"\",\"timeout\":10000,\"payload\":\"\"}\n");
	answer_with(i, "");
}

static void
end_with(unsigned i, int status, enum job_end end)
{
	struct job_msg m = about(JOB_MSG_ENDED, i);

	m.ended.status = status;
	m.ended.end = end;
	job_dispatch_hear(d, &m);
	turns();
}

/* It dies: its pipes close, and the master tells. */
static void
die_of(unsigned i, int sig)
{
	close_fake(i);
	turns();
	end_with(i, sig, JOB_END_SELF);
}

/* With so many processes that are ready. */
static void
open_with(unsigned processes)
{
	const struct job_dispatch_conf c = {
		.handler = &conf, .policy = "111", .stats = stats, .slot = 0, .strikes = strikes};

	conf.processes = processes;
	job_strikes_set(strikes, conf.strikes, conf.strike_time);
	d = job_dispatch_new(base, &c, &ops, &done);
	cr_assert_not_null(d);
	for (unsigned i = 0; i < PROCESSES; i++)
		fake[i].in = fake[i].out = -1;
	for (unsigned i = 0; i < processes; i++)
		be_ready(i);
	tolds_seen = tolds;
}

/* ---- requests ---- */

static int owner;

static struct job_task *
ask_for(const char *id, struct span payload)
{
	char srcid[32];
	struct handler_request r = {.policy = span_str("\"111\""), .payload = payload};
	struct job_task *t;

	(void)snprintf(srcid, sizeof srcid, "\"%s\"", id);
	r.srcid = span_str(srcid);
	t = job_dispatch_task(d, &r, payload.n);
	cr_assert_not_null(t);
	t->owner = &owner;
	job_dispatch_submit(d, t);
	turns();
	return t;
}

static struct job_task *
ask(const char *id)
{
	return ask_for(id, span_str(id));
}

/* The next answer to a peer. */
static struct done *
answered(const char *id, enum job_stats_outcome outcome, const char *text)
{
	struct done *o = &done[dones_seen % DONE_MAX];

	cr_assert_lt(dones_seen, dones, "%s has no answer", id);
	dones_seen++;
	cr_assert_str_eq(o->id, id, "%s: %s", o->id, o->text);
	cr_assert_eq(o->outcome, outcome, "%s: %s: %s", id, job_outcome_text(o->outcome), o->text);
	cr_assert_not_null(strstr(o->text, text), "%s: %s lacks %s", id, o->text, text);
	return o;
}

static void
nobody_answered(void)
{
	cr_assert_eq(dones_seen, dones, "%s: %s", done[dones_seen % DONE_MAX].id,
		     done[dones_seen % DONE_MAX].text);
}

/* The next message to the master. */
static const struct job_msg *
master_hears(enum job_msg_kind kind)
{
	const struct job_msg *m = &told[tolds_seen % TOLD_MAX];

	cr_assert_lt(tolds_seen, tolds, "the master is told nothing");
	tolds_seen++;
	cr_assert_eq(m->kind, kind, "%x", m->kind);
	return m;
}

static void
master_kills(unsigned i, enum job_end end)
{
	const struct job_msg *m = master_hears(JOB_MSG_KILL);

	cr_assert_eq(m->number, i);
	cr_assert_eq(m->serial, fake[i].serial);
	cr_assert_eq(m->kill.end, end, "%s", job_end_text((enum job_end)m->kill.end));
}

static void
master_hears_a_strike(const char *client, enum job_end end)
{
	const struct job_msg *m = master_hears(JOB_MSG_STRIKE);

	cr_assert_str_eq(m->strike.client, client);
	cr_assert(m->strike.end == end && !m->strike.clear && m->strike.fingerprint != 0);
}

static void
master_hears_nothing(void)
{
	cr_assert_eq(tolds_seen, tolds, "%x", told[tolds_seen % TOLD_MAX].kind);
}

static void
never_run(const struct done *o)
{
	cr_assert(o->code == PACKET_OVERLOADED && o->retry_after > 0);
}

/* ---- answers ---- */

Test(job_dispatch, a_job_goes_to_a_process_and_its_answer_back)
{
	open_with(1);
	cr_assert(ready);
	ask("1");
	hear(0, ",\"policy\":\"111\",\"srcid\":\"1\",\"timeout\":5000,\"payload\":\"1\"}\n");
	cr_assert_eq(job_dispatch_busy(d), 1);
	nobody_answered();
	answer_with(0, "one\\u00e9");
	answered("1", JOB_OUTCOME_DONE, "one\xc3\xa9");
	cr_assert(job_dispatch_busy(d) == 0 && idle_told == 1);
	master_hears_nothing();
}

Test(job_dispatch, ready_is_told_once_all_are)
{
	open_with(0);
	job_dispatch_free(d);
	conf.processes = 2;
	const struct job_dispatch_conf c = {
		.handler = &conf, .policy = "111", .stats = stats, .strikes = strikes};
	d = job_dispatch_new(base, &c, &ops, &done);
	be_ready(1);
	cr_assert_not(ready);
	cr_assert_eq(master_hears(JOB_MSG_READY)->number, 1);
	be_ready(0);
	cr_assert(ready);
	cr_assert_eq(master_hears(JOB_MSG_READY)->number, 0);
	die_of(0, SIGSEGV);
	be_ready(0);
}

Test(job_dispatch, an_error_and_busy_are_answers)
{
	struct done *o;

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	sayf(0, "{\"job\":%ju,\"error\":\"no such\\ncard\"}\n", (uintmax_t)fake[0].job);
	o = answered("1", JOB_OUTCOME_REFUSED, "handler: no such card");
	cr_assert_eq(o->code, PACKET_HANDLER_FAILED);
	ask("2");
	hear(0, "\"2\"");
	sayf(0, "{\"job\":%ju,\"busy\":200}\n", (uintmax_t)fake[0].job);
	o = answered("2", JOB_OUTCOME_BUSY, "busy");
	never_run(o);
	cr_assert_eq(o->retry_after, 200);
	master_hears_nothing();
}

Test(job_dispatch, jobs_wait_in_a_queue_that_is_bounded)
{
	conf.queue = 2;
	open_with(2);
	ask("1");
	ask("2");
	ask("3");
	ask("4");
	ask("5");
	never_run(answered("5", JOB_OUTCOME_BUSY, "handler_queue"));
	hear(1, "\"1\"");
	hear(0, "\"2\"");
	answer_with(0, "two");
	hear(0, "\"3\"");
	answer_with(1, "one");
	hear(1, "\"4\"");
	answer_with(0, "three");
	answer_with(1, "four");
	answered("2", JOB_OUTCOME_DONE, "two");
	answered("1", JOB_OUTCOME_DONE, "one");
	answered("3", JOB_OUTCOME_DONE, "three");
	answered("4", JOB_OUTCOME_DONE, "four");
}

Test(job_dispatch, large_jobs_and_answers_go_through_in_parts)
{
	static char payload[300000], reply[MAX_REPLY + 64];
	int n;

	memset(payload, 'x', sizeof payload);
	open_with(1);
	ask_for("1", span_of(payload, sizeof payload));
	hear(0, "xxx\"}\n");
	cr_assert_geq(strlen(fake[0].line), sizeof payload);
	n = snprintf(reply, sizeof reply, "{\"job\":%ju,\"payload\":\"", (uintmax_t)fake[0].job);
	memset(reply + n, 'y', MAX_REPLY);
	memcpy(reply + n + MAX_REPLY, "\"}\n", 4);
	say(0, reply, strlen(reply));
	answered("1", JOB_OUTCOME_DONE, "yyy");
}

Test(job_dispatch, bytes_and_the_jobs_form_are_judged)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	sayf(0, "{\"job\":%ju,\"payload\":\"YQ\\u003d=\",\"encoding\":\"base64\"}\n",
	     (uintmax_t)fake[0].job);
	cr_assert(answered("1", JOB_OUTCOME_DONE, "YQ==")->base64);
	ask("2");
	hear(0, "\"2\"");
	sayf(0, "{\"job\":%ju,\"payload\":\"Y\",\"encoding\":\"base64\"}\n",
	     (uintmax_t)fake[0].job);
	answered("2", JOB_OUTCOME_PROTOCOL, "not base64");
	conf.known = job_find(span_str("sha1"));
	ask("3");
	hear(0, "\"3\"");
	answer_with(0, "abc");
	answered("3", JOB_OUTCOME_PROTOCOL, "form");
	master_hears_nothing();
}

Test(job_dispatch, a_whole_line_with_a_bad_payload_fails_its_job_alone)
{
	static const char *const bad[] = {"\"payload\":\"\xff\"", "\"payload\":\"\\ud800\"",
					  "\"payload\":7", "\"payload\":\"\",\"error\":\"\"",
					  "\"result\":\"\""};

	open_with(1);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ask("1");
		hear(0, "\"1\"");
		sayf(0, "{\"job\":%ju,%s}\n", (uintmax_t)fake[0].job, bad[i]);
		cr_assert_eq(answered("1", JOB_OUTCOME_PROTOCOL, "handler: ")->code,
			     PACKET_HANDLER_FAILED);
	}
	ask("2");
	hear(0, "\"2\"");
	answer_with(0, "fine");
	answered("2", JOB_OUTCOME_DONE, "fine");
	master_hears_nothing();
}

Test(job_dispatch, a_reply_that_is_too_large_is_refused)
{
	static char reply[MAX_REPLY + 8192];
	int n;

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	n = snprintf(reply, sizeof reply, "{\"job\":%ju,\"payload\":\"", (uintmax_t)fake[0].job);
	memset(reply + n, 'y', MAX_REPLY + 1);
	memcpy(reply + n + MAX_REPLY + 1, "\"}\n", 4);
	say(0, reply, strlen(reply));
	answered("1", JOB_OUTCOME_PROTOCOL, "handler_max_reply");
	master_hears_nothing();
	ask("2");
	hear(0, "\"2\"");
	memset(reply, 'y', sizeof reply);
	say(0, reply, sizeof reply);
	answered("2", JOB_OUTCOME_FAILED, "handler_max_reply");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_a_strike("2", JOB_END_PROTOCOL);
}

/* ---- ends ---- */

Test(job_dispatch, a_process_that_ends_costs_its_own_job_alone)
{
	open_with(2);
	ask("1");
	ask("2");
	ask("3");
	hear(1, "\"1\"");
	hear(0, "\"2\"");
	close_fake(1);
	turns();
	nobody_answered();
	end_with(1, SIGSEGV, JOB_END_SELF);
	cr_assert_eq(answered("1", JOB_OUTCOME_FAILED, "signal 11, SIGSEGV")->code,
		     PACKET_HANDLER_FAILED);
	master_hears_a_strike("1", JOB_END_SELF);
	answer_with(0, "two");
	answered("2", JOB_OUTCOME_DONE, "two");
	hear(0, "\"3\"");
	be_ready(1);
	ask("4");
	hear(1, "\"4\"");
	die_of(1, 3 << 8);
	answered("4", JOB_OUTCOME_FAILED, "exited with status 3");
	answer_with(0, "three");
	answered("3", JOB_OUTCOME_DONE, "three");
}

Test(job_dispatch, an_answer_before_the_end_counts)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	{
		char text[64];
		int n = snprintf(text, sizeof text, "{\"job\":%ju,\"payload\":\"one\"}\n",
				 (uintmax_t)fake[0].job);
		cr_assert_eq(write(fake[0].out, text, (size_t)n), n);
	}
	end_with(0, SIGKILL, JOB_END_SELF);
	answered("1", JOB_OUTCOME_DONE, "one");
	master_hears_nothing();
}

Test(job_dispatch, the_end_is_believed_though_a_grandchild_has_the_pipes)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	end_with(0, 0, JOB_END_SELF);
	answered("1", JOB_OUTCOME_FAILED, "exited with status 0");
	ask("2");
	nobody_answered();
	close_fake(0);
	be_ready(0);
	hear(0, "\"2\"");
}

Test(job_dispatch, a_job_that_was_not_read_was_not_run)
{
	open_with(1);
	ask("1");
	die_of(0, SIGKILL);
	nobody_answered();
	be_ready(0);
	hear(0, "\"1\"");
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	while (tolds_seen < tolds)
		cr_assert_neq(told[tolds_seen++].kind, JOB_MSG_STRIKE);
}

Test(job_dispatch, but_it_is_not_given_on_without_end)
{
	open_with(1);
	ask("1");
	for (int i = 0; i < 3; i++) {
		die_of(0, SIGKILL);
		nobody_answered();
		be_ready(0);
	}
	die_of(0, SIGKILL);
	never_run(answered("1", JOB_OUTCOME_BUSY, "end before they take it"));
}

Test(job_dispatch, a_process_that_closes_its_output_and_lives_is_ended)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	(void)close(fake[0].out);
	fake[0].out = -1;
	turns();
	nobody_answered();
	pass(JOB_ENDING_MS + 1);
	answered("1", JOB_OUTCOME_PROTOCOL, "closed its input or output");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_a_strike("1", JOB_END_PROTOCOL);
}

Test(job_dispatch, without_a_process_jobs_wait_for_a_moment)
{
	open_with(1);
	die_of(0, SIGKILL);
	ask("1");
	pass(JOB_DOWN_MS - 1);
	nobody_answered();
	pass(2);
	never_run(answered("1", JOB_OUTCOME_BUSY, "no job process is up"));
	ask("2");
	never_run(answered("2", JOB_OUTCOME_BUSY, "no job process is up"));
	be_ready(0);
	ask("3");
	hear(0, "\"3\"");
}

/* ---- time ---- */

Test(job_dispatch, a_job_that_takes_too_long_is_answered_in_time)
{
	open_with(2);
	ask("1");
	hear(1, "\"1\"");
	pass(3000);
	ask("2");
	hear(0, "\"2\"");
	pass(1999);
	nobody_answered();
	pass(2);
	cr_assert_eq(answered("1", JOB_OUTCOME_TIMEOUT, "job_timeout (5000 ms)")->code,
		     PACKET_HANDLER_TIMEOUT);
	master_kills(1, JOB_END_TIMEOUT);
	master_hears_a_strike("1", JOB_END_TIMEOUT);
	nobody_answered();
	pass(2000);
	nobody_answered();
	pass(1001);
	answered("2", JOB_OUTCOME_TIMEOUT, "job_timeout");
}

Test(job_dispatch, time_in_the_queue_does_not_count)
{
	open_with(1);
	ask("1");
	ask("2");
	hear(0, "\"1\"");
	pass(4900);
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	hear(0, "\"2\"");
	pass(4900);
	answer_with(0, "two");
	answered("2", JOB_OUTCOME_DONE, "two");
}

Test(job_dispatch, a_process_that_stops_reading_is_ended)
{
	static char payload[300000];

	memset(payload, 'x', sizeof payload);
	open_with(2);
	ask_for("1", span_of(payload, sizeof payload));
	cr_assert_eq(read(fake[1].in, fake[1].line, 100), 100);
	ask("2");
	hear(0, "\"2\"");
	pass(5001);
	answered("1", JOB_OUTCOME_TIMEOUT, "job_timeout");
	answered("2", JOB_OUTCOME_TIMEOUT, "job_timeout");
}

Test(job_dispatch, one_that_never_is_ready_is_ended)
{
	open_with(0);
	job_dispatch_free(d);
	conf.processes = 1;
	const struct job_dispatch_conf c = {
		.handler = &conf, .policy = "111", .stats = stats, .strikes = strikes};
	d = job_dispatch_new(base, &c, &ops, &done);
	spawn(0);
	hear(0, "{\"job\":0");
	pass(9999);
	master_hears_nothing();
	pass(2);
	master_kills(0, JOB_END_START);
	close_fake(0);
	spawn(0);
	hear(0, "{\"job\":0");
	sayf(0, "{\"job\":0,\"error\":\"no database\"}\n");
	master_kills(0, JOB_END_START);
	close_fake(0);
	spawn(0);
	hear(0, "{\"job\":0");
	sayf(0, "hello\n");
	master_kills(0, JOB_END_START);
	cr_assert_not(ready);
}

/* ---- the protocol broken ---- */

static void
repeatable_process(unsigned i)
{
	spawn(i);
	hear(i, "{\"job\":0");
	sayf(i, "{\"job\":0,\"repeatable\":true}\n");
	cr_assert_eq(master_hears(JOB_MSG_READY)->ready.repeatable, 1);
}

Test(job_dispatch, garbage_for_an_answer_fails_the_job_that_may_not_be_repeated)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	sayf(0, "Traceback (most recent call last):\n");
	nobody_answered();
	pass(JOB_SETTLE_MS + 1);
	answered("1", JOB_OUTCOME_PROTOCOL, "no answer: not JSON");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_a_strike("1", JOB_END_PROTOCOL);
}

Test(job_dispatch, one_that_may_be_repeated_goes_to_another_process_once)
{
	open_with(0);
	job_dispatch_free(d);
	conf.processes = 2;
	const struct job_dispatch_conf c = {
		.handler = &conf, .policy = "111", .stats = stats, .strikes = strikes};
	d = job_dispatch_new(base, &c, &ops, &done);
	repeatable_process(0);
	repeatable_process(1);
	ask("1");
	hear(1, "\"1\"");
	sayf(1, "{\"job\":%ju,\"payload\":\"\"}\n", (uintmax_t)fake[1].job + 1);
	pass(JOB_SETTLE_MS + 1);
	master_kills(1, JOB_END_PROTOCOL);
	nobody_answered();
	hear(0, "\"1\"");
	sayf(0, "{}\n");
	pass(JOB_SETTLE_MS + 1);
	master_kills(0, JOB_END_PROTOCOL);
	answered("1", JOB_OUTCOME_PROTOCOL, "no job number");
	master_hears_a_strike("1", JOB_END_PROTOCOL);
}

Test(job_dispatch, a_second_answer_harms_nobody)
{
	uint64_t first;

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	first = fake[0].job;
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	ask("2");
	hear(0, "\"2\"");
	sayf(0, "{\"job\":%ju,\"payload\":\"one again\"}\n", (uintmax_t)first);
	nobody_answered();
	answer_with(0, "two");
	answered("2", JOB_OUTCOME_DONE, "two");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_nothing();
}

Test(job_dispatch, what_comes_with_an_answer_or_unasked_ends_the_process)
{
	open_with(3);
	ask("1");
	hear(2, "\"1\"");
	sayf(2, "{\"job\":%ju,\"payload\":\"one\"}\n{\"job\"", (uintmax_t)fake[2].job);
	answered("1", JOB_OUTCOME_DONE, "one");
	master_kills(2, JOB_END_PROTOCOL);
	sayf(1, "hello");
	master_kills(1, JOB_END_PROTOCOL);
	sayf(0, "hello\n");
	master_kills(0, JOB_END_PROTOCOL);
	master_hears_nothing();
}

Test(job_dispatch, a_process_that_writes_unasked_gets_no_job)
{
	open_with(2);
	cr_assert_eq(write(fake[1].out, "{}\n", 3), 3);
	ask("1");
	master_kills(1, JOB_END_PROTOCOL);
	cr_assert_not(hears(1));
	hear(0, "\"1\"");
}

Test(job_dispatch, an_answer_before_the_job_is_read_is_the_last)
{
	static char payload[300000];

	memset(payload, 'x', sizeof payload);
	open_with(1);
	ask_for("1", span_of(payload, sizeof payload));
	cr_assert_eq(read(fake[0].in, fake[0].line, 1000), 1000);
	cr_assert_eq(sscanf(fake[0].line, "{\"job\":%ju", (uintmax_t *)&fake[0].job), 1);
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	master_kills(0, JOB_END_PROTOCOL);
}

/* ---- strikes, the breaker ---- */

Test(job_dispatch, a_payload_that_ended_as_many_as_it_may_is_not_run)
{
	open_with(1);
	for (int i = 0; i < 2; i++) {
		ask_for("1", span_str("sick"));
		hear(0, "\"sick\"");
		die_of(0, SIGSEGV);
		answered("1", JOB_OUTCOME_FAILED, "SIGSEGV");
		be_ready(0);
	}
	ask_for("2", span_str("sick"));
	cr_assert_eq(answered("2", JOB_OUTCOME_STRUCK, "refused unrun: it ended 2 handlers")->code,
		     PACKET_HANDLER_FAILED);
	ask_for("2", span_str("well"));
	hear(0, "\"well\"");
	ask_for("3", span_str("sick"));
	answered("3", JOB_OUTCOME_STRUCK, "refused unrun");
}

Test(job_dispatch, its_answer_makes_strikes_void)
{
	open_with(1);
	ask_for("1", span_str("sick"));
	hear(0, "\"sick\"");
	die_of(0, SIGSEGV);
	be_ready(0);
	ask_for("1", span_str("sick"));
	hear(0, "\"sick\"");
	answer_with(0, "");
	cr_assert(job_strikes_is_empty(strikes));
	ask_for("1", span_str("sick"));
	hear(0, "\"sick\"");
	tolds_seen = tolds;
	answer_with(0, "");
	master_hears_nothing();
}

Test(job_dispatch, a_handler_that_fails_at_everything_is_tried_once_a_pause)
{
	char id[16];

	open_with(1);
	for (int i = 0; i < JOB_BREAKER_FAILURES; i++) {
		(void)snprintf(id, sizeof id, "%d", i);
		ask(id);
		hear(0, id);
		if (i == JOB_BREAKER_FAILURES - 1)
			ask("waits");
		die_of(0, SIGSEGV);
		if (i == JOB_BREAKER_FAILURES - 1)
			never_run(answered("waits", JOB_OUTCOME_BUSY, "fails at everything"));
		answered(id, JOB_OUTCOME_FAILED, "SIGSEGV");
		be_ready(0);
	}
	while (told[tolds_seen].kind != JOB_MSG_FAILING)
		tolds_seen++;
	cr_assert_eq(told[tolds_seen].failing.failing, 1);
	cr_assert_not_null(strstr(told[tolds_seen].failing.why, "SIGSEGV"));
	tolds_seen = tolds;
	ask("a");
	never_run(answered("a", JOB_OUTCOME_BUSY, "fails at everything"));
	pass(JOB_BREAKER_MIN);
	ask("b");
	hear(0, "\"b\"");
	ask("c");
	never_run(answered("c", JOB_OUTCOME_BUSY, "fails at everything"));
	answer_with(0, "fine");
	answered("b", JOB_OUTCOME_DONE, "fine");
	cr_assert_eq(master_hears(JOB_MSG_FAILING)->failing.failing, 0);
	ask("d");
	hear(0, "\"d\"");
}

/* ---- askers that leave, the end ---- */

Test(job_dispatch, what_nobody_waits_for_is_dropped_or_goes_on)
{
	struct job_task *running, *waiting;

	open_with(1);
	running = ask("1");
	waiting = ask("2");
	ask("3");
	job_dispatch_abandon(d, waiting);
	job_dispatch_abandon(d, running);
	hear(0, "\"1\"");
	answer_with(0, "one");
	hear(0, "\"3\"");
	nobody_answered();
	answer_with(0, "three");
	answered("3", JOB_OUTCOME_DONE, "three");
}

Test(job_dispatch, at_the_end_what_waits_is_given_back)
{
	open_with(1);
	ask("1");
	ask("2");
	job_dispatch_shut_down(d);
	cr_assert_eq(answered("2", JOB_OUTCOME_BUSY, "about to stop")->code, PACKET_SHUTTING_DOWN);
	ask("3");
	cr_assert_eq(answered("3", JOB_OUTCOME_BUSY, "about to stop")->code, PACKET_SHUTTING_DOWN);
	hear(0, "\"1\"");
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
}

Test(job_dispatch, a_probe_asks_whether_a_process_is_up)
{
	struct job_result r;

	open_with(1);
	cr_assert(job_dispatch_probe(d, &r));
	ask("1");
	cr_assert(job_dispatch_probe(d, &r), "a busy one will do");
	die_of(0, SIGKILL);
	cr_assert_not(job_dispatch_probe(d, &r));
	cr_assert(r.code == PACKET_OVERLOADED && r.retry_after > 0);
}

/* ---- recycling, other lives ---- */

Test(job_dispatch, a_process_is_recycled_after_its_jobs_one_at_a_time)
{
	conf.max_jobs = 2;
	open_with(2);
	for (int i = 0; i < 2; i++) {
		ask("1");
		hear(1, "\"1\"");
		answer_with(1, "");
	}
	master_kills(1, JOB_END_JOBS);
	for (int i = 0; i < 3; i++) {
		ask("1");
		hear(0, "\"1\"");
		answer_with(0, "");
	}
	master_hears_nothing();
	close_fake(1);
	be_ready(1);
	(void)master_hears(JOB_MSG_READY);
	ask("1");
	ask("2");
	hear(0, "\"2\"");
	answer_with(0, "");
	master_kills(0, JOB_END_JOBS);
}

Test(job_dispatch, one_that_is_to_retire_ends_when_it_has_no_job)
{
	struct job_msg m;

	open_with(2);
	ask("1");
	hear(1, "\"1\"");
	for (unsigned i = 0; i < 2; i++) {
		m = about(JOB_MSG_RETIRE, i);
		m.kill.end = JOB_END_MEMORY;
		job_dispatch_hear(d, &m);
	}
	master_kills(0, JOB_END_MEMORY);
	master_hears_nothing();
	answer_with(1, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
	master_kills(1, JOB_END_MEMORY);
}

Test(job_dispatch, what_is_said_of_a_former_life_is_not_heeded)
{
	struct job_msg m;
	int fd[2];

	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	fake[0].serial--;
	end_with(0, SIGKILL, JOB_END_SELF);
	cr_assert_eq(pipe(fd), 0);
	m = about(JOB_MSG_STDIN, 0);
	job_dispatch_take_pipe(d, &m, fd[0]);
	cr_assert_eq(fcntl(fd[0], F_GETFD), -1, "it is closed");
	fake[0].serial++;
	m = about(JOB_MSG_STDIN, 3);
	job_dispatch_take_pipe(d, &m, fd[1]);
	cr_assert_eq(fcntl(fd[1], F_GETFD), -1, "it is closed");
	answer_with(0, "one");
	answered("1", JOB_OUTCOME_DONE, "one");
}

Test(job_dispatch, a_pipe_that_could_block_is_not_taken)
{
	struct job_msg in, out;
	int to[2], from[2];

	open_with(1);
	fake[0].serial++;
	in = about(JOB_MSG_STDIN, 0);
	out = about(JOB_MSG_STDOUT, 0);
	cr_assert(pipe(to) == 0 && pipe2(from, O_NONBLOCK) == 0);
	job_dispatch_take_pipe(d, &in, to[1]);
	job_dispatch_take_pipe(d, &out, from[0]);
	master_kills(0, JOB_END_START);
	cr_assert(fcntl(to[1], F_GETFD) == -1 && fcntl(from[0], F_GETFD) == -1, "both are closed");
}

Test(job_dispatch, a_new_life_ends_the_former)
{
	open_with(1);
	ask("1");
	hear(0, "\"1\"");
	be_ready(0);
	answered("1", JOB_OUTCOME_FAILED, "replaced");
	ask("2");
	hear(0, "\"2\"");
}

/* ---- many ---- */

Test(job_dispatch, with_answers_at_random_nobody_gets_anothers)
{
	enum { JOBS = 20000 };
	unsigned asked = 0, in_hand[PROCESSES] = {0};
	char id[16], payload[32];

	conf.queue = 16;
	open_with(PROCESSES);
	srand(1);
	while (dones_seen < JOBS) {
		unsigned i = (unsigned)rand() % PROCESSES;

		while (asked < JOBS && asked - dones < PROCESSES + 8) {
			(void)snprintf(id, sizeof id, "%u", asked++);
			ask(id);
		}
		if (hears(i))
			in_hand[i] = 1;
		if (in_hand[i] == 0)
			continue;
		in_hand[i] = 0;
		cr_assert_eq(
			sscanf(strstr(fake[i].line, "\"payload\":\"") + 11, "%15[0-9]", payload),
			1);
		answer_with(i, payload);
		while (dones_seen < dones) {
			const struct done *o = &done[dones_seen++ % DONE_MAX];

			cr_assert_eq(o->outcome, JOB_OUTCOME_DONE);
			cr_assert_str_eq(o->id, o->text);
		}
	}
	master_hears_nothing();
}
