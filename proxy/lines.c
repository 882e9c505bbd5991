/* lines.c - see lines.h. */
#include "lines.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bypolicy.h"
#include "clock.h"

struct lines {
	struct line *line; /* by policy index */
	struct meter *meter;
	unsigned worker, waiting;
	const struct conf_list *limits;
	struct waitlist waits;
	LIST_HEAD(busy_lines, line) busy;
};

struct lines *
lines_new(unsigned policies, const struct proxy_conf *conf, struct meter *meter, unsigned worker)
{
	struct lines *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->line = calloc(policies, sizeof *l->line);
	if (l->line == NULL) {
		free(l);
		return NULL;
	}
	l->meter = meter;
	l->worker = worker;
	l->limits = &conf->policy_queue_length;
	waitlist_init(&l->waits, conf->queue_timeout);
	LIST_INIT(&l->busy);
	for (unsigned i = 0; i < policies; i++) {
		queue_init(&l->line[i].queue);
		l->line[i].meter = meter_queue(meter, worker, i);
	}
	return l;
}

void
lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	free(l->line);
	free(l);
}

struct line *
line_of(struct lines *l, const struct roster_policy *p)
{
	struct line *line = &l->line[p->index];

	if (line->busy)
		return line;
	line->why[0] = '\0';
	if (strcmp(line->policy, p->name) == 0)
		return line;
	line->pace = (struct pace){0};
	line->limit = (unsigned)bypolicy_number(l->limits, p->name, UINT_MAX);
	memset(line->meter, 0, sizeof *line->meter);
	(void)snprintf(line->policy, sizeof line->policy, "%s", p->name);
	return line;
}

struct line *
line_at(struct lines *l, unsigned policy)
{
	return &l->line[policy];
}

static void
count(struct lines *l, struct line *line)
{
	struct meter_row *row = meter_row(l->meter, l->worker);

	meter_gauge(&line->meter->queued, &line->meter->queued_max, line->queue.n);
	meter_gauge(&row->queued, &row->queued_max, l->waiting);
}

/* It has been put into its line. */
static void
begin(struct lines *l, struct line *line, struct request *q, uint64_t since)
{
	q->state = REQUEST_QUEUED;
	wait_begin(&l->waits, &q->waits, q, since);
	l->waiting++;
	count(l, line);
	if (line->busy)
		return;
	line->busy = true;
	LIST_INSERT_HEAD(&l->busy, line, link);
	pace_begin(&line->pace, clock_ms());
}

void
line_put(struct lines *l, struct request *q, uint64_t since)
{
	struct line *line = &l->line[q->policy];

	queue_push(&line->queue, q);
	begin(l, line, q, since);
}

void
line_put_first(struct lines *l, struct request *q, uint64_t since)
{
	struct line *line = &l->line[q->policy];

	queue_push_first(&line->queue, q);
	begin(l, line, q, since);
}

void
line_take(struct lines *l, struct request *q, bool served)
{
	struct line *line = &l->line[q->policy];

	queue_remove(&line->queue, q, served);
	wait_end(&l->waits, &q->waits);
	l->waiting--;
	count(l, line);
	if (line->queue.n > 0)
		return;
	LIST_REMOVE(line, link);
	line->busy = false;
}

unsigned
lines_waiting(const struct lines *l)
{
	return l->waiting;
}

struct line *
lines_first(const struct lines *l)
{
	return LIST_FIRST(&l->busy);
}

struct line *
lines_next(const struct line *line)
{
	return LIST_NEXT(line, link);
}

struct request *
lines_overdue(const struct lines *l, uint64_t now)
{
	return waitlist_overdue(&l->waits, now);
}

void
lines_look(struct lines *l, uint64_t now)
{
	struct line *line;

	LIST_FOREACH(line, &l->busy, link)
		pace_look(&line->pace, now);
}
