/* worker_stats.c - see worker_stats.h. */
#include "worker_stats.h"

#include <errno.h>
#include <stdlib.h>

#define WORKER_STATS_TEXT(name) #name,
#define VERB_TEXT(name, text)	text,
static const char *const clock_text[] = {WORKER_STATS_CLOCKS(WORKER_STATS_TEXT)};
static const char *const gate_text[] = {WORKER_STATS_GATES(WORKER_STATS_TEXT)};
static const char *const verb_text[] = {REGISTRATION_VERBS(VERB_TEXT)};
#undef WORKER_STATS_TEXT
#undef VERB_TEXT

const char *
worker_stats_clock_text(unsigned clock)
{
	return clock_text[clock];
}

const char *
worker_stats_gate_text(unsigned gate)
{
	return gate_text[gate];
}

const char *
worker_stats_error_text(unsigned code)
{
	return code == PACKET_OK ? NULL : packet_code_text((enum packet_code)code);
}

const char *
registration_verb_text(unsigned verb)
{
	return verb_text[verb];
}

COUNTERS_DEFINE(worker_stats_row, WORKER_STATS);
COUNTERS_DEFINE(worker_stats_queue, QUEUE_STATS);
COUNTERS_DEFINE(registration_stats, REGISTRATION_STATS);

struct worker_stats *
worker_stats_new(unsigned workers, unsigned policies)
{
	struct worker_stats *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->rows = counters_new(&worker_stats_row_type, workers, 1);
	m->queues = counters_new(&worker_stats_queue_type, workers, policies);
	if (m->rows != NULL && m->queues != NULL)
		return m;
	worker_stats_free(m);
	errno = ENOMEM;
	return NULL;
}

void
worker_stats_free(struct worker_stats *m)
{
	if (m == NULL)
		return;
	counters_free(m->rows);
	counters_free(m->queues);
	free(m);
}

int
worker_stats_enter(struct worker_stats *m, unsigned worker)
{
	return counters_enter(m->rows, worker) < 0 ? -1 : counters_enter(m->queues, worker);
}

void
worker_stats_fold(struct worker_stats *m, unsigned worker)
{
	counters_fold(m->rows, worker, 1);
	counters_fold(m->queues, worker, m->queues->columns);
}
