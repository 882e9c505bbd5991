/* job_link.c - a job process as its worker knows it: its states, what it says, what becomes of the
 * job in its hand; see job_dispatch.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "job_internal.h"
#include "log.h"

enum {
	RETURNS_MAX = 3,   /* times a job is given on unread */
	MEAN = 8,	   /* jobs over which the mean of their times runs */
	RETIRE_EVERY = 64, /* jobs over handler_max_jobs, between two words to the master */
	SHOWN = 80	   /* bytes of a line that is no answer */
};

/* ---- states ---- */

static bool
serves(enum job_link_state s)
{
	return s == LINK_IDLE || s == LINK_BUSY;
}

static void
set_state(struct job_link *p, enum job_link_state s)
{
	struct job_dispatch *d = p->dispatch;

	if (p->state == LINK_IDLE)
		LIST_REMOVE(p, link);
	d->serving += (unsigned)serves(s) - (unsigned)serves(p->state);
	d->idle_n += (unsigned)(s == LINK_IDLE) - (unsigned)(p->state == LINK_IDLE);
	p->state = s;
	if (s == LINK_IDLE)
		LIST_INSERT_HEAD(&d->idle, p, link);
	if (s == LINK_BUSY) /* not IDLE: one that ends before it gets a job is of no use */
		d->down_since = 0;
	else if (d->serving == 0 && d->down_since == 0)
		d->down_since = clock_ms();
	job_yield_tell(d);
}

void
job_link_close(struct job_link *p, enum job_link_state s)
{
	job_pipe_close(&p->pipe);
	for (int i = 0; i < 2; i++) {
		if (p->given[i] >= 0)
			(void)close(p->given[i]);
		p->given[i] = -1;
	}
	set_state(p, s);
}

static void
send_to_master(struct job_link *p, enum job_msg_kind kind, enum job_end end, const char *why)
{
	struct job_msg m = {.kind = kind, .number = p->number, .serial = p->serial};

	if (kind == JOB_MSG_READY) {
		m.ready.repeatable = p->repeatable;
	} else {
		m.kill.end = end;
		(void)snprintf(m.kill.why, sizeof m.kill.why, "%s", why);
	}
	p->dispatch->ops->send(p->dispatch->ctx, &m);
}

static void
end_because(struct job_link *p, enum job_end end, const char *why)
{
	wait_end(&p->clock);
	job_link_close(p, LINK_DOWN);
	send_to_master(p, JOB_MSG_KILL, end, why);
}

static void
end_process(struct job_link *p, enum job_end end)
{
	end_because(p, end, "");
}

static bool
has_not_read(const struct job_link *p)
{
	return p->state == LINK_ENDING ? p->unread
				       : p->state == LINK_BUSY && job_pipe_is_unread(&p->pipe);
}

/* ---- the job in hand ---- */

static struct job_stats_cell *
cell_of(const struct job_link *p)
{
	return job_stats_cell(p->dispatch->conf.stats, p->dispatch->conf.slot, p->number);
}

/* By chance, so that one that answers before it is asked does not hit the next job. */
static uint64_t
next_number(struct job_dispatch *d)
{
	d->number = (d->number + 1 + (job_chance(d) & 0xfff)) & JOB_LINE_NUMBER_MAX;
	if (d->number == 0) /* that asks whether it is ready */
		d->number = 1;
	return d->number;
}

void
job_link_give(struct job_link *p, struct job_task *t)
{
	struct job_dispatch *d = p->dispatch;
	char client[PACKET_ID_MAX + 1];

	p->task = t;
	p->job = next_number(d);
	p->began = clock_us();
	t->process = (int)p->number;
	d->busy++;
	set_state(p, LINK_BUSY);
	job_stats_begin(cell_of(p), span_str(job_task_client_text(t, client)), p->began / 1000);
	wait_begin(&d->running, &p->clock, p, p->began / 1000);
	if (job_pipe_write(&p->pipe, p->job, t->rest) < 0)
		job_link_closed(p);
}

/* It is in hand no more.  NULL where there is none. */
static struct job_task *
take_away(struct job_link *p)
{
	struct job_dispatch *d = p->dispatch;
	struct job_task *t = p->task;
	uint64_t us;

	wait_end(&p->clock);
	if (t == NULL)
		return NULL;
	us = clock_us() - p->began;
	p->task = NULL;
	job_stats_end(cell_of(p));
	job_share_give_back(&d->share, p->number);
	d->held_look = 0;
	job_stats_took(d->row, us);
	if (--d->busy == 0)
		d->ops->idle(d->ctx);
	return t;
}

/* The process will give no answer to the job in hand, for the reason in d->why: what becomes of the
 * job?  unread: it has not been run.  Words that are no answer may be due to a job before: the
 * payload in hand is to blame only where they come of two processes, of one job or of two. */
static void
decide(struct job_link *p, bool unread, enum job_stats_outcome outcome, enum job_end end)
{
	struct job_dispatch *d = p->dispatch;
	struct job_task *t = take_away(p);
	bool spoke = outcome == JOB_OUTCOME_PROTOCOL && p->accused != NULL;
	bool again = spoke && p->repeatable && t != NULL && !t->repeated;

	if (t == NULL)
		return;
	if (!unread && !again) {
		job_fail(d, t, outcome, !spoke || t->repeated || job_is_to_blame(d, t), end);
	} else if (t->owner == NULL) {
		job_drop(d, t);
	} else if (unread && ++t->returned > RETURNS_MAX) {
		job_turn_down(d, t, PACKET_OVERLOADED, JOB_DOWN_MS,
			      "job processes end before they take it");
	} else {
		t->repeated |= !unread;
		job_queue(d, t, true);
	}
}

/* ---- accusations ---- */

static void
accuse(struct job_link *p, const char *why, struct span line)
{
	if (p->accused != NULL)
		return;
	log_limited(LOG_WARN, "job process breaks the protocol", "process=%u why=%s line=%s",
		    p->number, log_quoted(why), log_quoted_n(line.p, line.n));
	p->accused = why;
}

/* What it said is no answer of the job in hand.  That may come yet: then the job before was meant,
 * or nobody. */
static void
suspect(struct job_link *p, const char *why, struct span line)
{
	if (p->accused == NULL)
		wait_begin(&p->dispatch->settling, &p->clock, p, clock_ms());
	accuse(p, why, line);
}

void
job_link_unasked(struct job_link *p, struct span line)
{
	accuse(p, "it writes unasked", line);
	end_process(p, JOB_END_PROTOCOL);
}

/* ---- starting ---- */

void
job_link_start(struct job_link *p)
{
	struct job_dispatch *d = p->dispatch;
	size_t max_line = d->conf.handler->max_reply + JOB_LINE_EXTRA;
	int in = p->given[0], out = p->given[1];

	p->given[0] = p->given[1] = -1;
	p->accused = NULL;
	p->retire = JOB_END_SELF;
	p->jobs = 0;
	job_stats_fresh(cell_of(p));
	set_state(p, LINK_STARTING);
	if (job_pipe_open(&p->pipe, d->base, in, out, max_line, &d->read, &job_link_ops, p) < 0) {
		job_link_unready(p, JOB_END_PROTOCOL, strerror(errno));
		return;
	}
	wait_begin(&d->starting, &p->clock, p, clock_ms());
	if (job_pipe_write(&p->pipe, 0, buf_span(&d->hello)) < 0)
		job_link_closed(p);
}

void
job_link_unready(struct job_link *p, enum job_end end, const char *why)
{
	log_limited(LOG_WARN, "job process is not ready", "process=%u why=%s", p->number,
		    log_quoted(why));
	end_because(p, end, why);
}

static bool
is_repeatable(const struct job_link *p, bool said)
{
	int conf = p->dispatch->conf.handler->repeatable;

	return conf == HANDLER_REPEATABLE_YES || (conf == HANDLER_REPEATABLE_AUTO && said);
}

/* Fewer by chance, so that those that began together are not recycled together. */
static unsigned
jobs_max(struct job_dispatch *d)
{
	unsigned max = d->conf.handler->max_jobs;

	return max == 0 ? 0 : max - job_chance(d) % (max / 8 + 1);
}

/* A program that prints before it answers is known by what it prints. */
static const char *
with_line(struct job_dispatch *d, const char *why, struct span line)
{
	job_because(d, "%s: it wrote %s", why,
		    log_quoted_n(line.p, line.n < SHOWN ? line.n : SHOWN));
	return d->why;
}

static void
started(struct job_link *p, struct span line, bool more)
{
	struct job_dispatch *d = p->dispatch;
	bool repeatable;
	enum job_end end;
	const char *why = job_check_ready(d, line, more, &repeatable, &end);

	if (why != NULL) {
		job_link_unready(p, end, end == JOB_END_PROTOCOL ? with_line(d, why, line) : why);
		return;
	}
	wait_end(&p->clock);
	p->repeatable = is_repeatable(p, repeatable);
	p->jobs_max = jobs_max(d);
	set_state(p, LINK_IDLE);
	send_to_master(p, JOB_MSG_READY, JOB_END_SELF, "");
	if (d->ready || d->serving < d->conf.handler->processes)
		return;
	d->ready = true;
	d->ops->ready(d->ctx);
}

/* ---- answers ---- */

static void
answered_with_error(struct job_dispatch *d, struct job_task *t, struct span why)
{
	char text[JOB_WHY + sizeof "handler: "];
	const struct job_result r = {
		.outcome = JOB_OUTCOME_REFUSED, .code = PACKET_HANDLER_FAILED, .why = text};

	job_because_it_says(d, why);
	(void)snprintf(text, sizeof text, "handler: %s", d->why);
	job_answer(d, t, &r);
}

/* The line has the number of the job in hand; wrong: what is wrong with it, or NULL. */
static void
answered(struct job_link *p, const struct job_answer *a, const char *wrong)
{
	struct job_dispatch *d = p->dispatch;
	uint64_t us = clock_us() - p->began;
	struct job_task *t = take_away(p);
	struct job_result r = {.outcome = JOB_OUTCOME_DONE, .base64 = a->base64};

	/* One that hangs says nothing of how long jobs take. */
	d->mean_us += us / MEAN - d->mean_us / MEAN;

	p->jobs++;
	if (wrong == NULL && a->kind != JOB_ANSWER_BUSY)
		wrong = job_check_reply(d, a, &r.payload);
	if (wrong != NULL) {
		job_because(d, "%s", wrong);
		job_fail(d, t, JOB_OUTCOME_PROTOCOL, false, JOB_END_PROTOCOL);
		return;
	}
	if (a->kind == JOB_ANSWER_BUSY) {
		job_turn_down(d, t, PACKET_OVERLOADED, a->busy > 0 ? (unsigned)a->busy : 1,
			      "the handler is busy");
		return;
	}
	job_worked(d, t, p->accused == NULL);
	if (a->kind == JOB_ANSWER_ERROR)
		answered_with_error(d, t, r.payload);
	else
		job_answer(d, t, &r);
}

/* One process at a time is recycled: the others are up. */
static enum job_end
end_of_life(struct job_link *p)
{
	if (p->accused != NULL)
		return JOB_END_PROTOCOL;
	/* The master retires one of the server's at a time.  More than once: it may not hear it. */
	if (p->jobs_max > 0 && p->jobs >= p->jobs_max &&
	    (p->jobs - p->jobs_max) % RETIRE_EVERY == 0)
		send_to_master(p, JOB_MSG_RETIRE, JOB_END_JOBS, "");
	return p->retire;
}

static void
line_of_busy(struct job_link *p, struct span line, bool more)
{
	struct job_answer a;
	const char *wrong = job_line_read(line, &a);
	enum job_end end;

	if (a.number != p->job) {
		suspect(p, wrong != NULL ? wrong : "it answered another job", line);
		return;
	}
	if (job_pipe_is_writing(&p->pipe))
		accuse(p, "it answered before it had read the job", line);
	else if (more)
		accuse(p, "it wrote more than its answer", line);
	answered(p, &a, wrong);
	end = end_of_life(p);
	if (end != JOB_END_SELF)
		end_process(p, end);
	else
		set_state(p, LINK_IDLE);
}

void
job_link_line(struct job_link *p, struct span line, bool more)
{
	if (p->state == LINK_STARTING)
		started(p, line, more);
	else if (p->state == LINK_BUSY)
		line_of_busy(p, line, more);
	else
		job_link_unasked(p, line);
}

void
job_link_retire(struct job_link *p, enum job_end end)
{
	if (p->state == LINK_IDLE)
		end_process(p, end);
	else
		p->retire = end;
}

/* ---- ends ---- */

/* Another process would most likely say the same. */
void
job_link_too_long(struct job_link *p)
{
	struct job_dispatch *d = p->dispatch;
	bool unread = has_not_read(p);

	if (p->state == LINK_STARTING) {
		job_link_unready(p, JOB_END_PROTOCOL, "it writes without end");
		return;
	}
	job_because(d, "the reply is larger than handler_max_reply");
	log_limited(LOG_WARN, "job process breaks the protocol", "process=%u why=%s", p->number,
		    "\"a line without end\"");
	end_process(p, JOB_END_PROTOCOL);
	decide(p, unread, JOB_OUTCOME_FAILED, JOB_END_PROTOCOL);
}

/* Has it ended, and how?  The master will tell in a moment. */
void
job_link_closed(struct job_link *p)
{
	p->unread = has_not_read(p);
	job_link_close(p, LINK_ENDING);
	wait_begin(&p->dispatch->ending, &p->clock, p, clock_ms());
}

static void
because_of_status(struct job_dispatch *d, int status, enum job_end end)
{
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

	if (end != JOB_END_SELF)
		job_because(d, "its process was ended: %s", job_end_text(end));
	else if (WIFSIGNALED(status))
		job_because(d, "its process was ended by signal %d%s%s", WTERMSIG(status),
			    name != NULL ? ", SIG" : "", name != NULL ? name : "");
	else
		job_because(d, "its process exited with status %d", WEXITSTATUS(status));
}

/* An answer may have been written before the end. */
void
job_link_ended(struct job_link *p, const struct job_msg *m)
{
	struct job_dispatch *d = p->dispatch;
	enum job_end end = (enum job_end)m->ended.end;
	bool unread;

	if (job_pipe_is_open(&p->pipe))
		job_pipe_drain(&p->pipe);
	if (p->state == LINK_DOWN)
		return;
	because_of_status(d, m->ended.status, end);
	if (p->state == LINK_STARTING)
		log_limited(LOG_WARN, "job process is not ready", "process=%u why=%s", p->number,
			    log_quoted(d->why));
	unread = has_not_read(p);
	job_link_close(p, LINK_DOWN);
	decide(p, unread, p->accused != NULL ? JOB_OUTCOME_PROTOCOL : JOB_OUTCOME_FAILED, end);
}

void
job_link_forget(struct job_link *p)
{
	bool unread = has_not_read(p);

	job_link_close(p, LINK_DOWN);
	decide(p, unread, JOB_OUTCOME_FAILED, JOB_END_SELF);
}

void
job_link_overtime(struct job_link *p)
{
	struct job_dispatch *d = p->dispatch;
	bool unread = has_not_read(p);

	job_because(d, "no answer within job_timeout (%ju ms)",
		    (uintmax_t)d->conf.handler->job_timeout);
	end_process(p, JOB_END_TIMEOUT);
	decide(p, unread, JOB_OUTCOME_TIMEOUT, JOB_END_TIMEOUT);
}

void
job_link_unsettled(struct job_link *p)
{
	bool unread = has_not_read(p);

	if (p->accused != NULL)
		job_because(p->dispatch, "its process wrote what is no answer: %s", p->accused);
	else
		job_because(p->dispatch, "its process closed its input or output");
	end_process(p, JOB_END_PROTOCOL);
	decide(p, unread, JOB_OUTCOME_PROTOCOL, JOB_END_PROTOCOL);
}
