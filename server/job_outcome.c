/* job_outcome.c - what becomes of jobs: they wait, are answered, given up; who is told of it. */
#include <stdarg.h>
#include <stdio.h>

#include "clock.h"
#include "job_internal.h"
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
	counter_gauge(&d->row->queued, &d->row->queued_max, d->queued);
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
	TAILQ_REMOVE(&d->waiting, t, link);
	t->waits = false;
	d->queued--;
	count_queued(d);
}

/* ---- strikes ---- */

static uint64_t
fingerprint_of(const struct job_dispatch *d, const struct job_task *t)
{
	return job_strikes_fingerprint(d->conf.strikes, span_str(d->conf.policy),
				       t->request.payload);
}

static void
send_strike(struct job_dispatch *d, const struct job_task *t, enum job_end end, bool clear)
{
	struct job_msg m = {.kind = JOB_MSG_STRIKE};
	struct span client = job_task_client(t);

	m.strike.fingerprint = fingerprint_of(d, t);
	m.strike.end = end;
	m.strike.clear = clear;
	(void)snprintf(m.strike.client, sizeof m.strike.client, "%.*s", SPAN_ARG(client));
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
	(void)snprintf(text, sizeof text, "handler: refused unrun: it ended %u handlers",
		       d->conf.handler->strikes);
	job_answer(d, t, &r);
	return true;
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
failed_again(struct job_dispatch *d, const struct job_task *t)
{
	if (!job_breaker_failed(&d->breaker, fingerprint_of(d, t), t->trial, clock_ms(),
				job_chance(d)))
		return;
	log_event(LOG_ERROR, "the handler fails at everything", "failures=%d why=%s",
		  JOB_BREAKER_FAILURES, log_quoted(d->why));
	send_failing(d, true, d->why);
	job_refuse_all(d, PACKET_OVERLOADED, JOB_BREAKER_MIN, JOB_FAILING);
}

void
job_worked(struct job_dispatch *d, const struct job_task *t)
{
	if (t->struck)
		send_strike(d, t, JOB_END_SELF, true);
	if (!job_breaker_fine(&d->breaker))
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
	if (t->trial && (r->outcome == JOB_OUTCOME_BUSY || r->outcome == JOB_OUTCOME_STRUCK))
		job_breaker_untried(&d->breaker);
	if (t->owner != NULL)
		d->ops->done(d->ctx, t, r);
	else
		job_task_free(t);
}

void
job_drop(struct job_dispatch *d, struct job_task *t)
{
	if (t->trial)
		job_breaker_untried(&d->breaker);
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

	while ((t = TAILQ_FIRST(&d->waiting)) != NULL) {
		job_unqueue(d, t);
		job_turn_down(d, t, code, retry_after, why);
	}
}

void
job_fail(struct job_dispatch *d, struct job_task *t, enum job_stats_outcome outcome, bool strike,
	 enum job_end end)
{
	char text[JOB_WHY + sizeof "handler: "];
	const struct job_result r = {.outcome = outcome,
				     .code = outcome == JOB_OUTCOME_TIMEOUT ? PACKET_HANDLER_TIMEOUT
									    : PACKET_HANDLER_FAILED,
				     .why = text};

	(void)snprintf(text, sizeof text, "handler: %s", d->why);
	if (strike)
		send_strike(d, t, end, false);
	failed_again(d, t);
	job_answer(d, t, &r);
}
