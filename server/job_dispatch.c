/* job_dispatch.c - see job_dispatch.h. */
#include "job_dispatch.h"

#include <stdlib.h>
#include <unistd.h>

#include "backoff.h"
#include "clock.h"
#include "job_internal.h"
#include "json_text.h"
#include "log.h"

enum { RETRY_MIN_MS = 10, RETRY_MAX_MS = 5000 /* that a peer is told to wait for the queue */ };

/* ---- the clock ---- */

static void
sooner(uint64_t *due, uint64_t at)
{
	if (*due == 0 || at < *due)
		*due = at;
}

/* When the first of a list is overdue. */
static void
sooner_of(uint64_t *due, const struct timeout_list *l)
{
	if (!timeout_list_empty(l))
		sooner(due, TAILQ_FIRST(&l->waits)->since + l->limit + 1);
}

/* Set again only for what is due earlier: with jobs that come one after the other it fires once in
 * a job_timeout. */
static void
arm(struct job_dispatch *d)
{
	uint64_t due = 0, at, now;
	struct timeval tv;

	sooner_of(&due, &d->starting);
	sooner_of(&due, &d->running);
	sooner_of(&due, &d->settling);
	sooner_of(&due, &d->ending);
	if (d->held_n > 0)
		sooner(&due, d->held_look > 0 ? d->held_look : 1);
	if (d->down_since != 0 && d->queued > 0)
		sooner(&due, d->down_since + JOB_DOWN_MS);
	at = job_yield_at(d);
	if (at != 0)
		sooner(&due, at > d->yield_look ? at : d->yield_look);
	if (due == 0 || (d->due != 0 && d->due <= due))
		return;
	now = clock_ms();
	tv = clock_timeval(due > now ? due - now : 0);
	d->due = due;
	if (event_add(d->tick, &tv) == 0)
		return;
	d->due = 0;
	log_event(LOG_ERROR, "cannot arm the clock of jobs", NULL);
}

/* NULL: none is idle. */
static struct job_link *
idle_process(struct job_dispatch *d)
{
	struct job_link *p;

	while ((p = LIST_FIRST(&d->idle)) != NULL && job_pipe_has_input(&p->pipe))
		job_link_unasked(p, span_of(NULL, 0));
	return p;
}

/* Each is given to a process, held on, or answered. */
static void
look_at_held(struct job_dispatch *d)
{
	uint64_t now = clock_ms();
	unsigned n = d->held_n;
	struct job_task *t;
	struct job_link *p;

	if (n == 0 || now < d->held_look)
		return;
	d->held_look = now + JOB_HOLD_MS;
	for (; n > 0 && (t = TAILQ_FIRST(&d->held)) != NULL; n--) {
		p = idle_process(d);
		job_unqueue(d, t);
		if (job_is_struck_out(d, t) || !job_may_run(d, t, p))
			continue;
		if (p != NULL)
			job_link_give(p, t);
		else
			job_queue(d, t, true);
	}
}

static void
yield(struct job_dispatch *d)
{
	uint64_t now = clock_ms();

	if (d->queued == 0 || !LIST_EMPTY(&d->idle))
		return;
	d->yield_look = now + JOB_HOLD_MS;
	if (job_yields(d, now))
		job_refuse_all(d, PACKET_OVERLOADED, JOB_YIELD_MS, JOB_YIELDS);
}

/* Whatever has happened: jobs that wait go to processes that are idle. */
static void
go_on(struct job_dispatch *d)
{
	struct job_task *t;
	struct job_link *p;

	look_at_held(d);
	while ((t = TAILQ_FIRST(&d->waiting)) != NULL && (p = idle_process(d)) != NULL) {
		job_unqueue(d, t);
		if (!job_is_struck_out(d, t) && job_may_run(d, t, p))
			job_link_give(p, t);
	}
	if (!LIST_EMPTY(&d->idle))
		d->down_since = 0;
	yield(d);
	arm(d);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct job_dispatch *d = arg;
	uint64_t now = clock_ms();
	struct job_link *p;

	(void)fd;
	(void)what;
	d->due = 0;
	while ((p = timeout_list_overdue(&d->starting, now)) != NULL)
		job_link_unready(p, JOB_END_START,
				 "no answer to job 0 within handler_start_timeout");
	while ((p = timeout_list_overdue(&d->running, now)) != NULL)
		job_link_overtime(p);
	while ((p = timeout_list_overdue(&d->settling, now)) != NULL)
		job_link_unsettled(p);
	while ((p = timeout_list_overdue(&d->ending, now)) != NULL)
		job_link_unsettled(p);
	if (d->down_since != 0 && now >= d->down_since + JOB_DOWN_MS)
		job_refuse_all(d, PACKET_OVERLOADED, JOB_DOWN_MS, "no job process is up");
	go_on(d);
}

/* ---- from processes ---- */

static void
on_line(void *arg, struct span line, bool more)
{
	struct job_link *p = arg;

	job_link_line(p, line, more);
	go_on(p->dispatch);
}

static void
on_part(void *arg)
{
	struct job_link *p = arg;

	if (p->state != LINK_IDLE)
		return;
	job_link_unasked(p, buf_span(&p->pipe.part));
	go_on(p->dispatch);
}

static void
on_end(void *arg, enum job_pipe_end end)
{
	struct job_link *p = arg;

	if (end == JOB_PIPE_TOO_LONG)
		job_link_too_long(p);
	else
		job_link_closed(p);
	go_on(p->dispatch);
}

const struct job_pipe_ops job_link_ops = {.on_line = on_line, .on_part = on_part, .on_end = on_end};

/* ---- from the master ---- */

static struct job_link *
link_of(struct job_dispatch *d, const struct job_msg *m)
{
	return m->number < d->conf.handler->processes ? &d->links[m->number] : NULL;
}

void
job_dispatch_take_pipe(struct job_dispatch *d, const struct job_msg *m, int fd)
{
	struct job_link *p = link_of(d, m);
	int which = m->kind == JOB_MSG_STDOUT;

	if (p == NULL || m->serial < p->serial ||
	    (m->serial == p->serial && (p->state != LINK_DOWN || p->given[which] >= 0))) {
		(void)close(fd);
		return;
	}
	if (m->serial > p->serial) {
		job_because(d, "its process was replaced");
		job_link_forget(p);
		p->serial = m->serial;
	}
	p->given[which] = fd;
	if (p->given[0] >= 0 && p->given[1] >= 0)
		job_link_start(p);
	go_on(d);
}

void
job_dispatch_hear(struct job_dispatch *d, const struct job_msg *m)
{
	struct job_link *p = link_of(d, m);

	if (p == NULL || m->serial != p->serial)
		return;
	if (m->kind == JOB_MSG_ENDED)
		job_link_ended(p, m);
	else if (m->kind == JOB_MSG_RETIRE)
		job_link_retire(p, (enum job_end)m->kill.end);
	go_on(d);
}

/* ---- requests ---- */

struct job_task *
job_dispatch_task(struct job_dispatch *d, const struct handler_request *r, size_t payload)
{
	return job_task_new(r, payload, d->conf.handler->job_timeout, &d->line);
}

/* How long until the queue is likely to be shorter. */
static unsigned
queue_wait(const struct job_dispatch *d)
{
	uint64_t ms = d->mean_us * (d->queued + 1) / d->conf.handler->processes / 1000;

	return ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms > RETRY_MAX_MS ? RETRY_MAX_MS : (unsigned)ms;
}

/* NULL, or why none can be run, with the code of the error and the time to wait. */
static const char *
why_none(const struct job_dispatch *d, uint64_t patience, enum packet_code *code, unsigned *wait)
{
	*code = d->shut ? PACKET_SHUTTING_DOWN : PACKET_OVERLOADED;
	*wait = d->shut ? 0 : JOB_DOWN_MS;
	if (d->shut)
		return "this server is about to stop";
	if (d->down_since != 0 && clock_ms() - d->down_since >= patience)
		return "no job process is up";
	return NULL;
}

/* NULL, or why this one is not taken. */
static const char *
why_not(struct job_dispatch *d, struct job_task *t, enum packet_code *code, unsigned *wait)
{
	const char *why = why_none(d, JOB_DOWN_MS, code, wait);

	if (why != NULL)
		return why;
	if (LIST_EMPTY(&d->idle) && d->queued >= d->conf.handler->queue) {
		*wait = queue_wait(d);
		return "as many jobs wait as may: handler_queue";
	}
	return job_breaker_ask(&d->breaker, job_client_print(d, t), clock_ms(), &t->trial, wait)
		       ? NULL
		       : JOB_FAILING;
}

void
job_dispatch_submit(struct job_dispatch *d, struct job_task *t)
{
	enum packet_code code;
	unsigned wait;
	const char *why;

	if (job_is_struck_out(d, t))
		return;
	why = why_not(d, t, &code, &wait);
	if (why != NULL) {
		job_turn_down(d, t, code, wait, why);
		return;
	}
	if (!LIST_EMPTY(&d->idle) || job_may_run(d, t, NULL))
		job_queue(d, t, false);
	go_on(d);
}

bool
job_dispatch_probe(struct job_dispatch *d, struct job_result *r)
{
	*r = (struct job_result){.outcome = JOB_OUTCOME_BUSY};
	r->why = why_none(d, 0, &r->code, &r->retry_after);
	if (r->why == NULL && d->breaker.open)
		r->why = JOB_FAILING;
	return r->why == NULL;
}

void
job_dispatch_abandon(struct job_dispatch *d, struct job_task *t)
{
	t->owner = NULL;
	if (!t->waits)
		return;
	job_unqueue(d, t);
	job_drop(d, t);
}

void
job_dispatch_shut_down(struct job_dispatch *d)
{
	d->shut = true;
	job_yield_tell(d);
	job_refuse_all(d, PACKET_SHUTTING_DOWN, 0, "this server is about to stop");
}

bool
job_dispatch_is_repeatable(const struct job_dispatch *d)
{
	for (unsigned i = 0; i < d->conf.handler->processes; i++)
		if (!d->links[i].repeatable)
			return false;
	return true;
}

unsigned
job_dispatch_busy(const struct job_dispatch *d)
{
	return d->busy;
}

/* ---- all of it ---- */

/* The line of job 0. */
static int
prepare(struct job_dispatch *d)
{
	struct buf policy = BUF_INIT;
	int done = json_text_quote(&policy, span_str(d->conf.policy));
	const struct job_line hello = {.policy = buf_span(&policy),
				       .srcid = span_str("\"\""),
				       .timeout = d->conf.handler->start_timeout};

	if (done == 0)
		done = job_line_rest(&d->hello, &hello);
	buf_release(&policy);
	return done;
}

struct job_dispatch *
job_dispatch_new(struct event_base *base, const struct job_dispatch_conf *conf,
		 const struct job_dispatch_ops *ops, void *ctx)
{
	const struct handler_conf *h = conf->handler;
	struct job_dispatch *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	*d = (struct job_dispatch){.conf = *conf, .ops = ops, .ctx = ctx, .base = base};
	d->row = job_stats_row(conf->stats, conf->slot);
	d->random = (uint64_t)backoff_random() << 32 | backoff_random() | 1;
	d->down_since = clock_ms();
	d->share = (struct job_share){.stats = conf->stats,
				      .slot = conf->slot,
				      .workers = conf->workers,
				      .processes = h->processes};
	TAILQ_INIT(&d->waiting);
	TAILQ_INIT(&d->held);
	LIST_INIT(&d->idle);
	timeout_list_init(&d->starting, h->start_timeout);
	timeout_list_init(&d->running, h->job_timeout);
	timeout_list_init(&d->settling, JOB_SETTLE_MS);
	timeout_list_init(&d->ending, JOB_ENDING_MS);
	d->tick = evtimer_new(base, on_tick, d);
	d->links = calloc(h->processes, sizeof *d->links);
	if (d->tick == NULL || d->links == NULL || prepare(d) < 0) {
		job_dispatch_free(d);
		return NULL;
	}
	for (unsigned i = 0; i < h->processes; i++)
		d->links[i] = (struct job_link){.dispatch = d,
						.number = i,
						.given = {-1, -1},
						.pipe = {.in = -1, .out = -1}};
	return d;
}

void
job_dispatch_free(struct job_dispatch *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; d->links != NULL && i < d->conf.handler->processes; i++) {
		wait_end(&d->links[i].clock);
		job_link_close(&d->links[i], LINK_DOWN);
		job_task_free(d->links[i].task);
	}
	if (d->tick != NULL)
		event_free(d->tick);
	free(d->links);
	buf_release(&d->read);
	buf_release(&d->line);
	buf_release(&d->text);
	buf_release(&d->hello);
	free(d);
}
