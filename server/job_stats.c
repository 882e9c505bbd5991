/* job_stats.c - see job_stats.h. */
#include "job_stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

COUNTERS_DEFINE(job_stats_row, JOB_STATS);
COUNTERS_DEFINE(job_stats_cell, JOB_STATS_CELL);
COUNTERS_DEFINE(job_stats_payloads, JOB_STATS_PAYLOADS);

const char *
job_outcome_text(unsigned outcome)
{
#define JOB_OUTCOME_TEXT(name, text) text,
	static const char *const texts[] = {JOB_OUTCOMES(JOB_OUTCOME_TEXT)};
#undef JOB_OUTCOME_TEXT

	return texts[outcome];
}

struct job_stats *
job_stats_new(unsigned workers)
{
	size_t lives = (size_t)workers * JOB_STATS_PROCESSES;
	struct job_stats *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->rows = counters_new(&job_stats_row_type, workers, 1);
	s->cells = counters_new(&job_stats_cell_type, workers, JOB_STATS_PROCESSES);
	s->payloads = counters_new(&job_stats_payloads_type, workers, 1);
	s->life = calloc(lives, sizeof *s->life);
	s->trouble = calloc(workers, sizeof *s->trouble);
	if (s->rows == NULL || s->cells == NULL || s->payloads == NULL || s->life == NULL ||
	    s->trouble == NULL) {
		job_stats_free(s);
		errno = ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < lives; i++)
		s->life[i].last_end = -1;
	return s;
}

void
job_stats_free(struct job_stats *s)
{
	if (s == NULL)
		return;
	counters_free(s->rows);
	counters_free(s->cells);
	counters_free(s->payloads);
	free(s->life);
	free(s->trouble);
	free(s);
}

/* ---- a worker ---- */

int
job_stats_enter(struct job_stats *s, unsigned worker)
{
	return counters_enter(s->rows, worker) < 0 || counters_enter(s->cells, worker) < 0
		       ? -1
		       : counters_enter(s->payloads, worker);
}

void
job_stats_fresh(struct job_stats_cell *c)
{
	counter_set(&c->began, 0);
	counter_set(&c->jobs, 0);
}

void
job_stats_begin(struct job_stats_cell *c, struct span client, uint64_t now)
{
	uint64_t word[JOB_STATS_CLIENT / 8] = {0};

	if (client.n > 0)
		memcpy(word, client.p, client.n < sizeof word ? client.n : sizeof word);
	for (unsigned i = 0; i < JOB_STATS_CLIENT / 8; i++)
		counter_set(&c->client[i], word[i]);
	counter_set(&c->began, now);
	counter_add(&c->jobs, 1);
}

void
job_stats_end(struct job_stats_cell *c)
{
	counter_set(&c->began, 0);
}

/* ---- the master ---- */

void
job_stats_fold(struct job_stats *s, unsigned worker)
{
	counters_fold(s->rows, worker, 1);
	counters_fold(s->cells, worker, JOB_STATS_PROCESSES);
	counters_fold(s->payloads, worker, 1);
	job_stats_failing(s, worker, NULL, 0);
}

void
job_stats_started(struct job_stats *s, unsigned worker, unsigned number, uint64_t serial, pid_t pid,
		  uint64_t now)
{
	struct job_life *l = job_stats_life(s, worker, number);

	l->pid = pid;
	l->serial = serial;
	l->started = now;
	l->ready = l->ending = false;
}

void
job_stats_ready(struct job_stats *s, unsigned worker, unsigned number, uint64_t serial)
{
	struct job_life *l = job_stats_life(s, worker, number);

	if (l->pid > 0 && l->serial == serial)
		l->ready = true;
}

void
job_stats_ending(struct job_stats *s, unsigned worker, unsigned number)
{
	job_stats_life(s, worker, number)->ending = true;
}

void
job_stats_ended(struct job_stats *s, unsigned worker, unsigned number, enum job_end end, int status)
{
	struct job_life *l = job_stats_life(s, worker, number);

	l->pid = 0;
	l->ready = l->ending = false;
	l->restarts += end != JOB_END_STOP;
	l->last_end = (int)end;
	l->last_status = status;
	s->ends[end]++;
}

void
job_stats_failing(struct job_stats *s, unsigned worker, const char *why, uint64_t now)
{
	struct job_trouble *t = &s->trouble[worker];

	if (why == NULL)
		t->since = 0;
	else if (t->since == 0)
		t->since = now;
	if (why != NULL)
		(void)snprintf(t->why, sizeof t->why, "%s", why);
}

const struct job_trouble *
job_stats_trouble(const struct job_stats *s)
{
	const struct job_trouble *first = NULL;

	for (unsigned i = 0; i < s->rows->workers; i++)
		if (s->trouble[i].since > 0 &&
		    (first == NULL || s->trouble[i].since < first->since))
			first = &s->trouble[i];
	return first;
}

static void
show_client(const struct job_stats_cell *c, char client[JOB_STATS_TEXT])
{
	char text[JOB_STATS_CLIENT + 1];
	uint64_t word;

	for (unsigned i = 0; i < JOB_STATS_CLIENT / 8; i++) {
		word = counter_get(&c->client[i]);
		memcpy(text + i * sizeof word, &word, sizeof word);
	}
	text[JOB_STATS_CLIENT] = '\0';
	(void)printable(text, client, JOB_STATS_TEXT);
}

uint64_t
job_stats_in_hand(const struct job_stats *s, unsigned worker, unsigned number, uint64_t now,
		  char client[JOB_STATS_TEXT])
{
	const struct job_stats_cell *c = counters_cell(s->cells, worker, number);

	show_client(c, client);
	return shm_instant(counter_get(&c->began), now);
}

const char *
job_stats_last_client(const struct job_stats *s, unsigned worker, unsigned number,
		      char client[JOB_STATS_TEXT])
{
	const struct job_stats_cell *c = counters_cell(s->cells, worker, number);

	if (counter_get(&c->jobs) > 0)
		show_client(c, client);
	else
		(void)snprintf(client, JOB_STATS_TEXT, "-");
	return client;
}
