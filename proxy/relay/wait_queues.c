/* wait_queues.c - see wait_queues.h. */
#include "wait_queues.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* ---- how quickly a line is served ---- */

/* A window ends when it has lasted long enough and something was served in it, so that a slow pool
 * is measured over a longer one.  While nothing at all is served nothing is concluded: a request
 * that waits for a server that is being restarted shall go on waiting.  Nor is much concluded from
 * one window: a few slow jobs may have held all slots for a moment. */
enum {
	WINDOW = 100, /* at least */
	STALE = 5000, /* after so long without a window, nothing is known */
	SLOWER = 4    /* times, by one window at most */
};

void
service_rate_begin(struct service_rate *p, uint64_t now)
{
	if (now - p->measured > STALE)
		p->known = p->guessed = false;
	p->begun = now;
	p->served = 0;
}

void
service_rate_tick(struct service_rate *p, uint64_t now)
{
	uint64_t sample;

	if (p->served == 0 || now < p->begun + WINDOW)
		return;
	sample = (now - p->begun) * 1000 / p->served;
	if (p->guessed && sample > p->interval_us * SLOWER)
		sample = p->interval_us * SLOWER;
	if (p->known)
		p->interval_us = (p->interval_us + sample) / 2;
	else if (!p->guessed || sample < p->interval_us)
		p->interval_us = sample;
	p->known = p->guessed;
	p->guessed = true;
	p->begun = p->measured = now;
	p->served = 0;
}

uint64_t
service_rate_wait(const struct service_rate *p, unsigned ahead)
{
	return p->known ? ahead * p->interval_us / 1000 : 0;
}

/* ---- the lines ---- */

struct wait_queues {
	struct line *line; /* by policy index */
	struct worker_stats *meter;
	unsigned worker, waiting, held, eager;
	const struct proxy_conf *conf;
	struct timeout_lists *waits, *life; /* a list for each timeout that a policy has */
	LIST_HEAD(busy_lines, line) busy;
	LIST_HEAD(held_lines, line) with_held;
};

struct wait_queues *
wait_queues_new(unsigned policies, const struct proxy_conf *conf, struct worker_stats *meter,
		unsigned worker)
{
	struct wait_queues *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->line = calloc(policies, sizeof *l->line);
	l->waits = timeout_lists_new(conf->sections.n + 1);
	l->life = timeout_lists_new(conf->sections.n + 1);
	if (l->line == NULL || l->waits == NULL || l->life == NULL) {
		wait_queues_free(l);
		return NULL;
	}
	l->meter = meter;
	l->worker = worker;
	l->conf = conf;
	LIST_INIT(&l->busy);
	LIST_INIT(&l->with_held);
	for (unsigned i = 0; i < policies; i++) {
		fair_queue_init(&l->line[i].queue);
		TAILQ_INIT(&l->line[i].held[0]);
		TAILQ_INIT(&l->line[i].held[1]);
		l->line[i].meter = worker_stats_queue(meter, worker, i);
	}
	return l;
}

void
wait_queues_free(struct wait_queues *l)
{
	if (l == NULL)
		return;
	free(l->line);
	free(l->waits);
	free(l->life);
	free(l);
}

void
line_check(struct wait_queues *l, const struct registry_snapshot_policy *p)
{
	struct line *line = &l->line[p->index];

	line->replaced = strcmp(line->policy, p->name) != 0;
}

struct line *
line_of(struct wait_queues *l, const struct registry_snapshot_policy *p)
{
	struct line *line = &l->line[p->index];

	if (line->busy)
		return line;
	line->why[0] = '\0';
	if (!line->replaced)
		return line;
	line->replaced = false;
	line->tenure++;
	line->pace = (struct service_rate){0};
	line->conf = policy_conf_of(l->conf, p->name);
	line->waits = timeout_lists_of(l->waits, line->conf->queue_timeout);
	line->life = timeout_lists_of(l->life, line->conf->request_timeout);
	memset(line->meter, 0, sizeof *line->meter);
	(void)snprintf(line->policy, sizeof line->policy, "%s", p->name);
	return line;
}

struct line *
line_at(struct wait_queues *l, unsigned policy)
{
	return &l->line[policy];
}

static void
count(struct wait_queues *l, struct line *line)
{
	struct worker_stats_row *row = worker_stats_row(l->meter, l->worker);

	counter_gauge(&line->meter->queued, &line->meter->queued_max,
		      line->queue.n + line_held(line));
	counter_gauge(&row->queued, &row->queued_max, l->waiting + l->held);
}

/* It has been put into its line. */
static void
begin(struct wait_queues *l, struct line *line, struct request *q, uint64_t since)
{
	q->state = REQUEST_QUEUED;
	wait_begin(line->waits, &q->waits, q, since);
	l->waiting++;
	count(l, line);
	if (line->busy)
		return;
	line->busy = true;
	LIST_INSERT_HEAD(&l->busy, line, link);
	service_rate_begin(&line->pace, clock_ms());
}

void
line_put(struct wait_queues *l, struct request *q, uint64_t since)
{
	struct line *line = &l->line[q->policy];

	fair_queue_push(&line->queue, q);
	begin(l, line, q, since);
}

void
line_put_first(struct wait_queues *l, struct request *q, uint64_t since)
{
	struct line *line = &l->line[q->policy];

	fair_queue_push_first(&line->queue, q);
	begin(l, line, q, since);
}

void
line_take(struct wait_queues *l, struct request *q, bool served)
{
	struct line *line = &l->line[q->policy];

	fair_queue_remove(&line->queue, q, served);
	wait_end(&q->waits);
	l->waiting--;
	count(l, line);
	if (line->queue.n > 0)
		return;
	LIST_REMOVE(line, link);
	line->busy = false;
}

static void
count_held(struct wait_queues *l, struct line *line, const struct request *q, int n)
{
	unsigned before = line_held(line);

	line->held_n[q->eager] += (unsigned)n;
	l->held += (unsigned)n;
	l->eager += q->eager ? (unsigned)n : 0;
	if (before == 0)
		LIST_INSERT_HEAD(&l->with_held, line, held_link);
	else if (line_held(line) == 0)
		LIST_REMOVE(line, held_link);
	count(l, line);
}

void
line_hold(struct wait_queues *l, struct request *q, uint64_t since, struct request *next)
{
	struct line *line = &l->line[q->policy];

	q->state = REQUEST_HELD;
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, q, link);
	else
		TAILQ_INSERT_TAIL(&line->held[q->eager], q, link);
	wait_begin(line->waits, &q->waits, q, since);
	count_held(l, line, q, 1);
}

void
line_unhold(struct wait_queues *l, struct request *q)
{
	struct line *line = &l->line[q->policy];

	TAILQ_REMOVE(&line->held[q->eager], q, link);
	wait_end(&q->waits);
	count_held(l, line, q, -1);
}

unsigned
wait_queues_held(const struct wait_queues *l)
{
	return l->held;
}

unsigned
wait_queues_eager(const struct wait_queues *l)
{
	return l->eager;
}

struct line *
wait_queues_first_held(const struct wait_queues *l)
{
	return LIST_FIRST(&l->with_held);
}

struct line *
wait_queues_next_held(const struct line *line)
{
	return LIST_NEXT(line, held_link);
}

unsigned
wait_queues_waiting(const struct wait_queues *l)
{
	return l->waiting;
}

struct line *
wait_queues_first(const struct wait_queues *l)
{
	return LIST_FIRST(&l->busy);
}

struct line *
wait_queues_next(const struct line *line)
{
	return LIST_NEXT(line, link);
}

struct request *
wait_queues_overdue(const struct wait_queues *l, uint64_t now)
{
	return timeout_lists_overdue(l->waits, now);
}

struct request *
wait_queues_outlived(const struct wait_queues *l, uint64_t now)
{
	return timeout_lists_overdue(l->life, now);
}

void
wait_queues_tick(struct wait_queues *l, uint64_t now)
{
	struct line *line;

	LIST_FOREACH(line, &l->busy, link)
		service_rate_tick(&line->pace, now);
}
