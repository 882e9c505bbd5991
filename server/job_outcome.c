/* job_outcome.c - what becomes of jobs: they wait, are answered, given up; who is told of it. */
#include <stdarg.h>
#include <stdio.h>

#include "clock.h"
#include "digest.h"
#include "job_internal.h"
#include "json_text.h"
#include "log.h"

/* xorshift64* (Vigna, 2016). */
uint32_t
job_chance(struct job_dispatch *d)
{
	d->random ^= d->random >> 12;
	d->random ^= d->random << 25;
	d->random ^= d->random >> 27;
	return (uint32_t)((d->random * UINT64_C(2685821657736338717)) >> 32);
}

/* ---- reasons ---- */

void
job_because(struct job_dispatch *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(d->why, sizeof d->why, fmt, ap);
	va_end(ap);
}

/* As one line, cut between two characters. */
void
job_because_it_says(struct job_dispatch *d, struct span text)
{
	size_t n = text.n < JOB_WHY ? text.n : JOB_WHY - 1;

	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		d->why[i] = (char)((unsigned char)text.p[i] < 0x20 ? ' ' : text.p[i]);
	d->why[n] = '\0';
}

/* ---- the queue ---- */

static void
count_queued(struct job_dispatch *d)
{
	counter_gauge(&d->row->queued, &d->row->queued_max, d->queued + d->held_n);
}

void
job_queue(struct job_dispatch *d, struct job_task *t, bool first)
{
	if (first)
		TAILQ_INSERT_HEAD(&d->waiting, t, link);
	else
		TAILQ_INSERT_TAIL(&d->waiting, t, link);
	t->waits = true;
	d->queued++;
	count_queued(d);
}

void
job_unqueue(struct job_dispatch *d, struct job_task *t)
{
	TAILQ_REMOVE(t->held ? &d->held : &d->waiting, t, link);
	d->queued -= !t->held;
	d->held_n -= t->held;
	t->waits = t->held = false;
	count_queued(d);
}

/* ---- strikes ---- */

/* However it is spelled.  Without memory for that the spelling has to do. */
static struct span
payload_of(const struct job_task *t, struct buf *text, struct buf *bytes)
{
	struct span s = t->request.payload;

	if (memchr(s.p, '\\', s.n) != NULL && json_text_decode(s, text) == 0)
		s = buf_span(text);
	if (t->request.base64 && digest_unbase64(bytes, s) == 0)
		s = buf_span(bytes);
	return s;
}

static uint64_t
fingerprint_of(const struct job_dispatch *d, struct job_task *t)
{
	struct buf text = BUF_INIT, bytes = BUF_INIT;

	if (t->fingerprint == 0)
		t->fingerprint = job_strikes_fingerprint(d->conf.strikes, span_str(d->conf.policy),
							 payload_of(t, &text, &bytes));
	buf_release(&text);
	buf_release(&bytes);
	return t->fingerprint;
}

uint64_t
job_client_print(const struct job_dispatch *d, const struct job_task *t)
{
	return job_strikes_fingerprint(d->conf.strikes, span_of(NULL, 0), job_task_client(t));
}

static void
send_strike(struct job_dispatch *d, struct job_task *t, enum job_end end, bool clear)
{
	struct job_msg m = {.kind = JOB_MSG_STRIKE};

	m.strike.fingerprint = fingerprint_of(d, t);
	m.strike.end = end;
	m.strike.clear = clear;
	(void)job_task_client_text(t, m.strike.client);
	d->ops->send(d->ctx, &m);
}

bool
job_is_struck_out(struct job_dispatch *d, struct job_task *t)
{
	char text[JOB_WHY];
	const struct job_result r = {
		.outcome = JOB_OUTCOME_STRUCK, .code = PACKET_HANDLER_FAILED, .why = text};
	enum job_strikes_standing standing;

	if (job_strikes_is_empty(d->conf.strikes))
		return false;
	standing = job_strikes_standing(d->conf.strikes, fingerprint_of(d, t));
	t->struck = standing == JOB_STRIKES_SOME;
	if (standing != JOB_STRIKES_OUT)
		return false;
	(void)snprintf(
		text, sizeof text,
		"handler: not run: this payload has ended %u job processes; see ppool-ctl strikes",
		d->conf.handler->strikes);
	job_answer(d, t, &r);
	return true;
}

/* ---- how many processes a payload has ---- */

enum {
	UNUSUAL = 8,		/* times the mean of jobs is unusually long */
	UNUSUAL_MIN_MS = 25,	/* and at least so long */
	UNUSUAL_OF_TIMEOUT = 4, /* and at most that part of job_timeout */
	STRUCK = 4,		/* that part of it for a payload with strikes */
	PRINT = 4096,		/* bytes at each end of a payload that tell it from others */
	HELD_MIN_MS = 10,
	HELD_MAX_MS = 5000 /* that a peer is told to wait for it */
};

/* Without strikes payloads are not told apart; and one process has nobody to be left to. */
static bool
shares(const struct job_dispatch *d)
{
	return d->conf.handler->strikes > 0 && d->share.workers * d->share.processes > 1;
}

/* Made of each job, so it costs little: the payload as it stands, of a large one its size and ends.
 */
static uint64_t
print_of(const struct job_dispatch *d, struct job_task *t)
{
	struct span policy = span_str(d->conf.policy), all = t->request.payload, size;
	uint64_t head, tail;

	if (t->print != 0)
		return t->print;
	if (all.n <= (size_t)2 * PRINT) {
		t->print = job_strikes_fingerprint(d->conf.strikes, policy, all);
		return t->print;
	}
	size = span_of((const char *)&all.n, sizeof all.n);
	head = job_strikes_fingerprint(d->conf.strikes, policy, span_of(all.p, PRINT));
	tail = job_strikes_fingerprint(d->conf.strikes, size,
				       span_of(all.p + all.n - PRINT, PRINT));
	t->print = head != tail ? head ^ tail : head;
	return t->print;
}

/* ms after which a job of the payload takes unusually long. */
static uint64_t
patience_with(const struct job_dispatch *d, const struct job_task *t)
{
	uint64_t most = d->conf.handler->job_timeout / UNUSUAL_OF_TIMEOUT;
	uint64_t ms = d->mean_us * UNUSUAL / 1000;

	if (ms < UNUSUAL_MIN_MS)
		ms = UNUSUAL_MIN_MS;
	if (ms > most || d->mean_us == 0)
		ms = most;
	return t->struck ? ms / STRUCK : ms;
}

static void
hold(struct job_dispatch *d, struct job_task *t)
{
	if (d->held_n == 0)
		d->held_look = clock_ms() + JOB_HOLD_MS;
	TAILQ_INSERT_TAIL(&d->held, t, link);
	t->waits = t->held = true;
	d->held_n++;
	count_queued(d);
}

/* age: of the oldest job of its payload, which may well take as long again, but not longer than it
 * may. */
static void
refuse_held(struct job_dispatch *d, struct job_task *t, uint64_t age, const char *why)
{
	uint64_t limit = d->conf.handler->job_timeout, ms = age < limit ? limit - age : 0;

	ms = age < ms ? age : ms;

	ms = ms < HELD_MIN_MS ? HELD_MIN_MS : ms > HELD_MAX_MS ? HELD_MAX_MS : ms;
	job_turn_down(d, t, PACKET_OVERLOADED, (unsigned)ms, why);
}

bool
job_may_run(struct job_dispatch *d, struct job_task *t, const struct job_link *p)
{
	struct job_share_ask ask = {.struck = t->struck};
	enum job_share_verdict v;
	uint64_t age;

	if (!shares(d))
		return true;
	ask.payload = print_of(d, t);
	ask.now = clock_ms();
	ask.patience = patience_with(d, t);
	v = p != NULL ? job_share_take(&d->share, &ask, p->number, &age)
		      : job_share_ask(&d->share, &ask, &age);
	if (v == JOB_SHARE_RUN)
		return true;
	if (v == JOB_SHARE_REFUSE)
		refuse_held(d, t, age, "the same payload is in hand, and takes unusually long");
	else if (d->held_n < d->conf.handler->queue)
		hold(d, t);
	else
		refuse_held(d, t, age, "as many jobs of one payload wait as may: handler_queue");
	return false;
}

/* ---- the circuit breaker ---- */

static void
send_failing(struct job_dispatch *d, bool failing, const char *why)
{
	struct job_msg m = {.kind = JOB_MSG_FAILING};

	m.failing.failing = failing;
	(void)snprintf(m.failing.why, sizeof m.failing.why, "%.*s", (int)sizeof m.failing.why - 1,
		       why);
	d->ops->send(d->ctx, &m);
}

static void
failed_again(struct job_dispatch *d, struct job_task *t)
{
	const struct job_breaker_job j = {fingerprint_of(d, t), job_client_print(d, t)};
	bool opened = job_breaker_failed(&d->breaker, &j, t->trial, clock_ms(), job_chance(d));

	t->trial = JOB_BREAKER_NO_TRIAL;
	if (!opened)
		return;
	log_event(LOG_ERROR, "the handler fails at everything", "failures=%d why=%s",
		  JOB_BREAKER_FAILURES, log_quoted(d->why));
	send_failing(d, true, d->why);
	job_refuse_all(d, PACKET_OVERLOADED, JOB_BREAKER_MIN, JOB_FAILING);
}

bool
job_is_to_blame(struct job_dispatch *d, struct job_task *t)
{
	return job_suspects_again(&d->suspects, print_of(d, t));
}

/* Its process is sound: strikes of its payload are void. */
static void
answered_well(struct job_dispatch *d, struct job_task *t)
{
	if (shares(d))
		job_share_answered(&d->share, print_of(d, t));
	if (d->suspects.n > 0)
		job_suspects_clear(&d->suspects, print_of(d, t));
	if (t->struck)
		send_strike(d, t, JOB_END_SELF, true);
}

static void
strike(struct job_dispatch *d, struct job_task *t, enum job_end end)
{
	job_share_failed(&d->share, print_of(d, t));
	send_strike(d, t, end, false);
}

void
job_worked(struct job_dispatch *d, struct job_task *t, bool clean)
{
	if (clean)
		answered_well(d, t);
	else if (job_is_to_blame(d, t))
		strike(d, t, JOB_END_PROTOCOL);
	t->trial = JOB_BREAKER_NO_TRIAL;
	if (!job_breaker_fine(&d->breaker, clock_ms()))
		return;
	log_event(LOG_INFO, "the handler answers again", NULL);
	send_failing(d, false, "");
}

/* ---- answers ---- */

/* One that has not been run was no trial. */
void
job_answer(struct job_dispatch *d, struct job_task *t, const struct job_result *r)
{
	job_stats_answered(d->row, r->outcome);
	if (r->outcome == JOB_OUTCOME_BUSY || r->outcome == JOB_OUTCOME_STRUCK)
		job_breaker_untried(&d->breaker, t->trial);
	if (t->owner != NULL)
		d->ops->done(d->ctx, t, r);
	else
		job_task_free(t);
}

void
job_drop(struct job_dispatch *d, struct job_task *t)
{
	job_breaker_untried(&d->breaker, t->trial);
	job_task_free(t);
}

void
job_turn_down(struct job_dispatch *d, struct job_task *t, enum packet_code code,
	      unsigned retry_after, const char *why)
{
	const struct job_result r = {
		.outcome = JOB_OUTCOME_BUSY, .code = code, .why = why, .retry_after = retry_after};

	job_answer(d, t, &r);
}

void
job_refuse_all(struct job_dispatch *d, enum packet_code code, unsigned retry_after, const char *why)
{
	struct job_task *t;

	while ((t = TAILQ_FIRST(&d->waiting)) != NULL || (t = TAILQ_FIRST(&d->held)) != NULL) {
		job_unqueue(d, t);
		job_turn_down(d, t, code, retry_after, why);
	}
}

void
job_fail(struct job_dispatch *d, struct job_task *t, enum job_stats_outcome outcome, bool costly,
	 enum job_end end)
{
	char text[JOB_WHY + sizeof "handler: "];
	const struct job_result r = {.outcome = outcome,
				     .code = outcome == JOB_OUTCOME_TIMEOUT ? PACKET_HANDLER_TIMEOUT
									    : PACKET_HANDLER_FAILED,
				     .why = text};

	(void)snprintf(text, sizeof text, "handler: %s", d->why);
	if (costly)
		strike(d, t, end);
	failed_again(d, t);
	job_answer(d, t, &r);
}
