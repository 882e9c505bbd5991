/* A worker's dispatch of jobs (job_dispatch.h): the processes are the test, at the other ends of
 * their pipes; so is the master.  The clock stands still unless the test moves it. */
#ifndef POLICYPOOL_TESTS_JOB_DISPATCH_FIXTURE_H
#define POLICYPOOL_TESTS_JOB_DISPATCH_FIXTURE_H

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

#include "job_dispatch.h"
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
	stats = job_stats_new(2);
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

static unsigned workers = 1; /* of the server; the second of them is no more than its row */

/* With so many processes that are ready. */
static void
open_with(unsigned processes)
{
	const struct job_dispatch_conf c = {.handler = &conf,
					    .policy = "111",
					    .stats = stats,
					    .workers = workers,
					    .siblings = workers > 1,
					    .strikes = strikes};

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
ask_in(const char *id, struct span payload, bool base64)
{
	char srcid[512];
	struct handler_request r = {
		.policy = span_str("\"111\""), .payload = payload, .base64 = base64};
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
ask_for(const char *id, struct span payload)
{
	return ask_in(id, payload, false);
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

#endif
